"""What `run` tells while it goes on, for a live view or a log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forerun.runtime.history import History
from forerun.runtime.processor import Taken

Phase: TypeAlias = Literal["collect", "train", "serve", "done"]
"""Before the first model; while one is fitted; with all models scoring; at the end."""

DECISIONS_KEPT = 20
"""Latest decisions that a progress carries."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Predictions of one model whose labels have just come; one entry per prediction in every column.

    Args:
        time_us: Event time of each prediction.
        label: What happened.
        score: The model's score; NaN where it had none.
        baseline: The static model's; NaN where there is none.

    >>> one = np.ones(1)
    >>> len(Judged(np.array([5]), one, one, one))
    1
    """

    time_us: NDArray[np.int64]
    label: NDArray[np.float64]
    score: NDArray[np.float64]
    baseline: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.label)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One moment of a run. Counts are since the first event ever; rates are of this run.

    Args:
        phase: What is going on.
        note: The last thing that deserves a line.
        done: Records taken, earlier runs included.
        total: Records of the source; None when it does not say.
        span_us: First and last arrival of the source; None when it does not say.
        now_us: The log's clock: newest arrival taken; None before the first.
        elapsed_us: Since this run began.
        events_per_s: Records per second of wall time, lately.
        speed: Event time passed per wall time, lately; None before it is known.
        latency_us: Of the predictions since the last progress: from the beginning of their step until scored.
        judged: By model, labels that came since the last progress.
        decided: Latest decisions, newest first, as rows of `DECISION_SCHEMA`.
    """

    phase: Phase
    note: str | None = None
    done: int = 0
    total: int | None = None
    span_us: tuple[int, int] | None = None
    now_us: int | None = None
    elapsed_us: int = 0
    events_per_s: float = 0.0
    speed: float | None = None
    latency_us: Sequence[int] = ()
    judged: Mapping[str, Judged] = field(default_factory=dict)
    decided: Sequence[Mapping[str, object]] = ()


class Judge:
    """Remembers the scores of predictions until their labels come.

    Args:
        pending: By model, ids of the predictions that wait when the run begins.
        history: Where their scores are.
    """

    def __init__(self, pending: Mapping[str, set[str]], history: History) -> None:
        self._scores: dict[str, dict[str, tuple[int, float | None, float | None]]] = {}
        columns = ["prediction_id", "event_time", "score", "baseline"]
        for model, ids in pending.items():
            self._scores[model] = {}
            if ids:
                found = history.predictions(model, columns=columns)
                waits = pc.is_in(found["prediction_id"], value_set=pa.array(sorted(ids)))
                self._remember(self._scores[model], found.filter(waits))

    def judge(self, taken: Taken) -> dict[str, Judged]:
        """Match what a step predicted and labelled.

        Args:
            taken: The step.
        """
        judged = {}
        for model, made in taken.effects.predictions.items():
            self._remember(self._scores.setdefault(model, {}), pa.Table.from_batches([made.batch]))
        for model, labels in taken.effects.labels.items():
            scores = self._scores.setdefault(model, {})
            # A step gives the labels of events first, those of time after them; a window that keeps the
            # latest would hold the second kind only.
            labels = labels.sort_by("label_time")
            rows = [
                (*known, label)
                for name, label in zip(
                    labels["prediction_id"].to_pylist(), labels["label"].to_pylist(), strict=True
                )
                if (known := scores.pop(str(name), None)) is not None
            ]
            if rows:
                times, score, baseline, label = zip(*rows, strict=True)
                judged[model] = Judged(
                    np.array(times, np.int64), _floats(label), _floats(score), _floats(baseline)
                )
        return judged

    @staticmethod
    def _remember(scores: dict[str, tuple[int, float | None, float | None]], found: pa.Table) -> None:
        columns = (
            found["prediction_id"].to_pylist(),
            found["event_time"].cast(pa.int64()).to_pylist(),
            found["score"].to_pylist(),
            found["baseline"].to_pylist(),
        )
        for name, time_us, score, baseline in zip(*columns, strict=True):
            scores[str(name)] = (int(time_us or 0), score, baseline)


def _floats(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array(values, np.float64)
