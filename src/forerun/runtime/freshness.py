"""How old the newest event of each stream was, on the streams' own clock, when a prediction was made."""

from collections.abc import Sequence

import numpy as np

from forerun.runtime.layout import Layout, ModelLayout
from forerun.runtime.rows import Ints, StepRows, times_us

NEVER = np.iinfo(np.int64).min
"""Stands for the event time of a stream without any event."""

SECOND_US = 1_000_000


class Freshness:
    """Newest accepted event time of every stream at every record of a step.

    Args:
        layout: The app.
        rows: The step's records.
        highs_us: Newest event time of each stream before the step.
    """

    def __init__(self, layout: Layout, rows: StepRows, highs_us: Sequence[int | None]) -> None:
        self._layout = layout
        self._rows = rows
        self._ranks: dict[int, Ints] = {}
        self._highs: dict[int, Ints] = {}
        watched = {number for model in layout.models.values() for number, _ in model.watched}
        for number in watched:
            before = highs_us[number]
            start = np.array([NEVER if before is None else before], np.int64)
            table = rows.table(number)
            if table is None:
                self._ranks[number], self._highs[number] = np.zeros(0, np.int64), start
                continue
            own = rows.of(number)
            kept = rows.applied[own]
            order = np.argsort(rows.rank[own][kept])
            times = times_us(layout.streams[number], table)[kept][order]
            self._ranks[number] = rows.rank[own][kept][order]
            self._highs[number] = np.maximum.accumulate(np.concatenate([start, times]))

    def reasons(self, model: ModelLayout, numbers: Ints) -> list[str | None]:
        """Why each prediction is not fresh; None where it is.

        Args:
            model: The model.
            numbers: The records that triggered its predictions.
        """
        reasons: list[str | None] = [None] * len(numbers)
        for stream, objective_us in model.watched:
            at = np.searchsorted(self._ranks[stream], self._rows.rank[numbers], side="right")
            highs = self._highs[stream][at]
            # A stream without events has NEVER, so the subtraction is done only where there is one.
            seen = highs != NEVER
            ages = np.where(seen, self._rows.arrival[numbers] - np.where(seen, highs, 0), 0)
            for index in np.flatnonzero(~seen | (ages > objective_us)).tolist():
                age_us = int(ages[index]) if seen[index] else None
                reasons[index] = reason(
                    self._layout.streams[stream].name, age_us, objective_us, before=reasons[index]
                )
        return reasons


def reason_now(layout: Layout, model: ModelLayout, now_us: int, highs_us: Sequence[int | None]) -> str | None:
    """Why a prediction made between two steps is not fresh; None when it is.

    Args:
        layout: The app.
        model: The model.
        now_us: The log's clock.
        highs_us: Newest event time of each stream.
    """
    found: str | None = None
    for stream, objective_us in model.watched:
        high_us = highs_us[stream]
        age_us = None if high_us is None else now_us - high_us
        if age_us is None or age_us > objective_us:
            found = reason(layout.streams[stream].name, age_us, objective_us, before=found)
    return found


def reason(stream: str, age_us: int | None, objective_us: int, *, before: str | None = None) -> str:
    """Say that a stream is older than promised.

    Args:
        stream: Its name.
        age_us: Age of its newest event; None: it has none.
        objective_us: What was promised.
        before: A reason to add this one to.

    >>> reason("Weather", 5_400_000_000, 3_600_000_000)
    'Weather is 5400 s old, 3600 s promised'
    """
    if age_us is None:
        text = f"{stream} has no event yet"
    else:
        text = f"{stream} is {age_us // SECOND_US} s old, {objective_us // SECOND_US} s promised"
    return text if before is None else f"{before}; {text}"
