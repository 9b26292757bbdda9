"""Training: from a table of what was served to a model file, its honest baseline, and facts about both."""

import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from forerun.errors import ModelError, TrainingTableError
from forerun.events.expression import FeatureRef
from forerun.models.convert import Converted, convert
from forerun.models.definition import ModelSpec
from forerun.models.explain import influence
from forerun.models.fitting import fitted
from forerun.models.holdout import SHARE, Measure, measured
from forerun.models.scorer import Scorer
from forerun.models.statistics import input_statistics
from forerun.models.table import Table

ROWS_MIN = 100
"""Fewer labelled predictions teach nothing."""

LIBRARIES = ("forerun", "lightgbm", "numpy", "onnx", "onnxmltools", "onnxruntime", "scikit-learn", "skl2onnx")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What training gives: files for the registry, and what is known about them.

    >>> Trained(onnx=b"model", baseline=None, baseline_reason="every input is streaming", facts={}).sha256[:8]
    '9372c470'
    """

    onnx: bytes
    """The model's file."""
    baseline: bytes | None
    """The same `fit` without streaming inputs; it takes only the static ones."""
    baseline_reason: str | None
    """Why there is no baseline."""
    facts: Mapping[str, object]
    """Rows, range, measures, inputs, libraries, durations: plain JSON."""

    @property
    def sha256(self) -> str:
        """Content address of the model's file."""
        return sha256(self.onnx).hexdigest()


def train(
    spec: ModelSpec,
    table: Table,
    *,
    measure: Measure,
    clock_us: Callable[[], int],
    steps: tuple[int, int] | None = None,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Trained:
    """Fit, convert, compare and measure.

    What is returned is fitted on all rows. What is measured is fitted the same way on the earlier ones, and
    judged on the latest. The baseline is the same `fit` on the inputs that are facts of the trigger event
    alone: what streaming adds is the difference between the two.

    Args:
        spec: The model.
        table: What was served, with labels.
        measure: Measures by name, from labels and scores.
        clock_us: A clock for the durations.
        steps: First and last step of the journal that the table comes from.
        on_progress: Told in a few words what is done now.

    Raises:
        TrainingTableError: The table is too small, is not the model's, or has no two kinds of label.
        FitError: The user's `fit` raised, or returned something that is no fitted classifier.
        ConversionError: What it returned has no ONNX form.
        EqualityError: The ONNX form answers differently.
    """
    _check(spec, table)
    start_us = clock_us()
    static = static_inputs(spec)
    on_progress(f"measuring on the latest {SHARE:.0%} of {len(table):,} rows")
    holdout = measured(spec, table, static, measure)
    measured_us = clock_us()
    on_progress(f"fitting on {len(table):,} rows")
    estimator = fitted(spec, table)
    fitted_us = clock_us()
    on_progress(f"converting, and comparing {len(table):,} rows")
    converted = convert(estimator, table.names, table.features)
    baseline, reason = _baseline(spec, table, static)
    inputs = input_statistics(table.names, table.features)
    facts: dict[str, object] = {
        "rows": len(table),
        "positives": int(table.label.sum()),
        "base_rate": float(table.label.mean()),
        "table_sha256": table.hash(),
        "range": _range(table, steps),
        "holdout": holdout,
        "estimator": " ".join(repr(estimator).split())[:500],
        "equality": converted.equality.to_json(),
        "baseline": reason if baseline is None else baseline.equality.to_json(),
        "static_inputs": list(static),
        "inputs": [one.to_json() for one in inputs],
        "influence": dict(influence(Scorer(converted.onnx), table.features, inputs)),
        "source": spec.source,
        "libraries": _libraries(),
        "durations_us": {
            "measure": measured_us - start_us,
            "fit": fitted_us - measured_us,
            "total": clock_us() - start_us,
        },
    }
    return Trained(
        onnx=converted.onnx,
        baseline=None if baseline is None else baseline.onnx,
        baseline_reason=reason,
        facts=facts,
    )


def static_inputs(spec: ModelSpec) -> tuple[str, ...]:
    """Names of the inputs that are facts of the trigger event alone: no feature of any stream in them.

    Args:
        spec: The model.
    """
    return tuple(
        one.name for one in spec.inputs if not any(isinstance(part, FeatureRef) for part in one.expr.walk())
    )


def _baseline(spec: ModelSpec, table: Table, static: Sequence[str]) -> tuple[Converted | None, str | None]:
    """The same `fit` on static inputs, or why there is none: it may name inputs that are gone."""
    if not static:
        return None, "every input is a feature of a stream"
    if len(static) == len(table.names):
        return None, "no input is a feature of a stream"
    few = table.select(static)
    try:
        return convert(fitted(spec, few), few.names, few.features), None
    except ModelError as exc:
        return None, f"without streaming inputs, {exc.message}"


def _check(spec: ModelSpec, table: Table) -> None:
    if table.names != spec.vector.names:
        raise TrainingTableError(
            f"the table has the inputs {', '.join(table.names)}; {spec.name} declares "
            f"{', '.join(spec.vector.names)}: collect predictions with the present inputs"
        )
    if len(table) < ROWS_MIN:
        raise TrainingTableError(
            f"{len(table)} labelled predictions are too few to train {spec.name}: {ROWS_MIN} at least; "
            "let it run for longer, or check that labels join (forerun status)"
        )
    others = np.setdiff1d(table.label, [0.0, 1.0])
    if len(others):
        raise TrainingTableError(
            f"the label of {spec.name} is a number ({others[0]:g}, ...); only conditions can be learnt yet: "
            "write a comparison in its label"
        )
    if table.label.min() == table.label.max():
        raise TrainingTableError(
            f"all {len(table):,} labels of {spec.name} are {table.label[0]:g}; both kinds are needed"
        )


def _range(table: Table, steps: tuple[int, int] | None) -> dict[str, object]:
    """Which part of history the rows are from, so that they can be found again."""
    facts: dict[str, object] = {
        "event_time_from_us": int(table.times[0]),
        "event_time_to_us": int(table.times[-1]),
        "stream": table.stream,
        "steps": None if steps is None else list(steps),
    }
    if table.label_times is not None:
        facts["label_time_to_us"] = int(table.label_times.max())
    if table.partitions is not None and table.offsets is not None:
        facts["offsets"] = {
            str(partition): [int(part.min()), int(part.max())]
            for partition in np.unique(table.partitions)
            for part in [table.offsets[table.partitions == partition]]
        }
    return facts


def _libraries() -> dict[str, str]:
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
