"""Which events are applied: invalid, early, late and duplicate ones are not."""

import math
from collections.abc import Mapping
from typing import Any

from forerun.testing.oracle.arrival import APPLIED, DUPLICATE, EARLY, INVALID, LATE, Arrival, Scalar


class Guard:
    """The verdicts on one stream's events, and its watermark.

    Args:
        stream: The stream as the plan describes it.

    >>> guard = Guard({"time": "at", "id": None, "dedup_us": None, "lateness_us": 5, "max_skew_us": None,
    ...                "idle_us": None, "fields": [{"name": "at", "nullable": False}]})
    >>> [guard.judge(Arrival(0, 0, n, at, {"at": at})) for n, at in enumerate((10, 5, 20, 14))]
    [0, 0, 0, 3]
    """

    def __init__(self, stream: Mapping[str, Any]) -> None:
        self.stream = stream
        self.watermark: int | None = None
        self._seen: dict[tuple[Scalar, ...], list[int]] = {}
        self._high: dict[int, int] = {}
        self._last_arrival: dict[int, int] = {}

    def judge(self, arrival: Arrival) -> int:
        """The verdict on an event that arrives now; one that is applied moves the watermark."""
        self._last_arrival[arrival.partition] = arrival.arrival_us  # what is refused breaks the silence too
        for spec in self.stream["fields"]:
            value = arrival.values[spec["name"]]
            if value is None and not spec["nullable"]:
                return INVALID
            if isinstance(value, float) and not math.isfinite(value):
                return INVALID
        time = arrival.values[self.stream["time"]]
        assert isinstance(time, int)
        self._advance(arrival.arrival_us)
        skew = self.stream["max_skew_us"]
        if skew is not None and time > arrival.arrival_us + skew:
            return EARLY
        if self.watermark is not None and time < self.watermark:
            return LATE
        identity = self._identity(arrival)
        if identity is not None:
            known = self._seen.setdefault(identity, [])
            if any(abs(before - time) <= self.stream["dedup_us"] for before in known):
                return DUPLICATE
            known.append(time)
        self._high[arrival.partition] = max(time, self._high.get(arrival.partition, time))
        self._advance(arrival.arrival_us)
        return APPLIED

    def _identity(self, arrival: Arrival) -> tuple[Scalar, ...] | None:
        """What a duplicate shares with the first; an id with a null part is no id."""
        if self.stream["dedup_us"] is None:
            return None
        identity = tuple(arrival.values[name] for name in self.stream["id"])
        return None if None in identity else identity

    def _advance(self, now: int) -> None:
        """The watermark: lowest over partitions that are not idle, and never backwards."""
        idle = self.stream["idle_us"]
        marks = [
            high - self.stream["lateness_us"]
            for partition, high in self._high.items()
            if idle is None or now - self._last_arrival[partition] <= idle
        ]
        if marks:
            self.watermark = min(marks) if self.watermark is None else max(self.watermark, min(marks))
