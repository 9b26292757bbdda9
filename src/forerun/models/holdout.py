"""How good a model is on rows it could not have seen, beside what simpler means give there."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from forerun.errors import ModelError
from forerun.models.convert import native_scores, recognise
from forerun.models.definition import ModelSpec
from forerun.models.fitting import fitted
from forerun.models.table import Table

SHARE = 0.2
"""Share of the rows, the latest, that are held out."""

Scores = npt.NDArray[np.float64]
Measure = Callable[[Scores, Scores], Mapping[str, float | int | None]]
"""Measures by name, from labels and scores; `monitoring.quality` has the one that the runtime hands in."""


def measured(spec: ModelSpec, table: Table, static: Sequence[str], measure: Measure) -> dict[str, object]:
    """Fit on the earlier rows, measure on the latest: the model, its static baseline and the base rate.

    A row whose label could come after the hold-out began is in neither part: see `Table.settled`.

    Args:
        spec: The model.
        table: All labelled rows.
        static: The inputs of the baseline.
        measure: Measures by name.

    Returns:
        Plain JSON. Without two kinds of label on both sides there are no measures, and `reason` says so.
    """
    earlier, later = table.split(1 - SHARE)
    within_us = spec.label.within_us
    known = earlier.settled(int(later.times[0]), within_us=within_us) if len(later) else earlier
    facts: dict[str, object] = {"rows": len(later), "learnt_rows": len(known)}
    if not (_both(known) and _both(later)):
        return {**facts, "reason": "one kind of label only, before or after the hold-out begins"}
    base_rate = float(known.label.mean())
    facts |= {
        "from_us": int(later.times[0]),
        "to_us": int(later.times[-1]),
        "model": dict(measure(later.label, _scores(spec, known, later))),
        "base": dict(measure(later.label, np.full(len(later), base_rate))),
    }
    try:
        few = (known.select(static), later.select(static))
        facts["static"] = dict(measure(later.label, _scores(spec, *few))) if static else None
    except ModelError:
        facts["static"] = None  # training says why, when it fits the baseline on all rows
    return facts


def _scores(spec: ModelSpec, known: Table, later: Table) -> Scores:
    return native_scores(recognise(fitted(spec, known), known.names), later.features)


def _both(table: Table) -> bool:
    """Whether both labels occur."""
    return len(table) > 0 and bool(table.label.min() < table.label.max())
