"""Per too-late event, what it would have changed of one input."""

from collections.abc import Sequence

import numpy as np

from forerun.runtime.causes import Reached
from forerun.runtime.ledger import Effect, Floats32


class Blame:
    """Adds up the changed values of one input, by the too-late events that they look back on.

    Args:
        events: How many too-late events there are.
    """

    def __init__(self, events: int) -> None:
        self._changed = np.zeros(events, np.int64)
        self._alone = np.zeros(events, np.int64)
        self._sized = np.zeros(events, np.int64)
        self._total = np.zeros(events)
        self._largest = np.zeros(events, np.float32)

    def add(self, reached: Sequence[Reached], sizes: Floats32) -> None:
        """Count changed values; the size of a change is NaN where a value was or became null."""
        if len(reached) == 1:
            [part] = reached
            # Every value counts for a run of events, so only the ends of the runs are noted.
            ends = np.zeros(len(part.events) + 1, np.int64)
            np.add.at(ends, part.low, 1)
            np.add.at(ends, part.high, -1)
            np.add.at(self._changed, part.events, np.cumsum(ends)[:-1])
            rows = np.flatnonzero(part.high - part.low == 1)
            events = part.events[part.low[rows]]
        else:
            # Several features in one expression may look back on the same event; it counts once.
            pairs = np.unique(np.hstack([np.stack(part.pairs()) for part in reached]), axis=1)
            np.add.at(self._changed, pairs[1], 1)
            rows, first, counts = np.unique(pairs[0], return_index=True, return_counts=True)
            rows, events = rows[counts == 1], pairs[1][first[counts == 1]]
        np.add.at(self._alone, events, 1)
        known = ~np.isnan(sizes[rows])
        events, own = events[known], sizes[rows][known]
        np.add.at(self._sized, events, 1)
        np.add.at(self._total, events, own)
        np.maximum.at(self._largest, events, own)

    def effect(self, model: str, feature: str, event: int) -> Effect | None:
        """What one event would have done; None: nothing."""
        if not self._changed[event]:
            return None
        sized = int(self._sized[event])
        return Effect(
            model,
            feature,
            int(self._changed[event]),
            int(self._alone[event]),
            float(self._total[event] / sized) if sized else None,
            float(self._largest[event]) if sized else None,
        )
