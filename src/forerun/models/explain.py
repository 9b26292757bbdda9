"""Why a score is what it is: what changes when an input is what it usually is."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from forerun.errors import ScoreInputError
from forerun.models.scorer import Scorer
from forerun.models.statistics import InputStatistics

Features = npt.NDArray[np.float32]

INFLUENCE_ROWS = 500
"""Rows that `influence` asks about, once per input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """One input's part in one score.

    >>> Contribution(
    ...     name="delay", value=41.0, usual=2.0, score=0.8, score_if_usual=0.3, share_below=0.97
    ... ).contribution
    0.5
    """

    name: str
    value: float | None
    """As served; None: missing."""
    usual: float | None
    """Median of the training rows that have it."""
    score: float
    """With the value as it is."""
    score_if_usual: float
    """With this one input replaced by the usual value."""
    share_below: float | None
    """Share of the training values below this one; None when it is missing."""

    @property
    def contribution(self) -> float:
        """How much the value raised the score (lowered it, if negative)."""
        return self.score - self.score_if_usual

    def to_json(self) -> dict[str, object]:
        """All of it by name."""
        return {**asdict(self), "contribution": self.contribution}


def contributions(
    scorer: Scorer, row: Features, statistics: Sequence[InputStatistics]
) -> tuple[Contribution, ...]:
    """Ask the model again with each input in turn at its usual value; largest effects first.

    One call of the model for all inputs. Effects are of one input at a time: they do not add up to the
    difference from the usual score where inputs act together.

    Args:
        scorer: The model.
        row: The inputs as served, NaN where missing.
        statistics: Of the training rows, in the order of the inputs.

    Raises:
        ScoreInputError: The numbers of inputs differ.
    """
    if row.shape != (len(statistics),):
        raise ScoreInputError(f"a row of shape {row.shape} does not go with {len(statistics)} inputs")
    rows = np.vstack([row, _with_usual(row[np.newaxis], statistics)[:, 0]])
    score, *replaced = (float(score) for score in scorer.score(rows))
    found = [
        Contribution(
            name=known.name,
            value=None if np.isnan(value) else float(value),
            usual=known.median,
            score=score,
            score_if_usual=score_if_usual,
            share_below=known.share_below(float(value)),
        )
        for known, value, score_if_usual in zip(statistics, row, replaced, strict=True)
    ]
    return tuple(sorted(found, key=lambda part: -abs(part.contribution)))


def influence(
    scorer: Scorer, features: Features, statistics: Sequence[InputStatistics]
) -> tuple[tuple[str, float], ...]:
    """How much each input moves scores on the whole: mean size of its contribution, largest first.

    Args:
        scorer: The model.
        features: Rows to ask about; `INFLUENCE_ROWS` of them, evenly spread, are used.
        statistics: Of the training rows, in the order of the inputs.
    """
    rows = features[:: max(1, -(-len(features) // INFLUENCE_ROWS))]
    scores = scorer.score(rows)
    replaced = [scorer.score(part) for part in _with_usual(rows, statistics)]
    found = [
        (known.name, float(np.nanmean(np.abs(scores - other))) if np.isfinite(scores - other).any() else 0.0)
        for known, other in zip(statistics, replaced, strict=True)
    ]
    return tuple(sorted(found, key=lambda part: -part[1]))


def _with_usual(rows: Features, statistics: Sequence[InputStatistics]) -> Features:
    """[inputs, rows, inputs]: the rows once per input, with that input at its usual value."""
    copies = np.repeat(rows[np.newaxis], len(statistics), axis=0)
    for i, known in enumerate(statistics):
        if known.median is not None:
            copies[i, :, i] = known.median
    return copies
