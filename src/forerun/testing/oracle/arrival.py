"""An event as the log holds it, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Scalar: TypeAlias = bool | int | float | str | None
Value: TypeAlias = Scalar | list[Scalar]
"""A value of a field or feature; times and durations as int microseconds."""

APPLIED, INVALID, EARLY, LATE, DUPLICATE = range(5)


@dataclass(frozen=True)
class Arrival:
    """One event as the log holds it.

    Args:
        stream: Index of the stream in the plan.
        partition: Partition of the stream.
        offset: Position in the partition.
        arrival_us: When the log took it, microseconds UTC.
        values: Field values by name; times as int microseconds UTC.

    >>> Arrival(0, 0, 7, 1_000, {"shop": "north", "at": 900}).values["shop"]
    'north'
    """

    stream: int
    partition: int
    offset: int
    arrival_us: int
    values: Mapping[str, Scalar]


@dataclass(frozen=True)
class Outcome:
    """What became of one event.

    Args:
        arrival: The event.
        verdict: 0 applied, 1 invalid, 2 early, 3 late, 4 duplicate.
        vectors: The inputs that it triggered, by name of the vector.

    >>> Outcome(Arrival(0, 0, 7, 1_000, {"at": 900}), APPLIED).vectors
    {}
    """

    arrival: Arrival
    verdict: int
    vectors: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
