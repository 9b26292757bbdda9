"""What a level of parity found: cells compared, cells that differ, and the first of them explained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Difference:
    """One cell that came out differently.

    Args:
        what: In words, like "in steps of 7 events on 2 threads".
        view: The view, or the vector.
        feature: The feature, or the input.
        key: The entity, by name; empty where a whole run is meant.
        time_us: The time of the reading; None where there is none.
        expected: What it should be.
        actual: What it is.
        allowed: How far it may be off.
        events: The events inside the window, oldest first: time, partition, offset, and the value they add.

    >>> Difference("read twice", "Shop", "n", {"shop": "north"}, 1_500_000, 2, 3).explained
    'Shop.n of shop=north at 1970-01-01T00:00:01.500000Z (1500000 us) is 3 and should be 2 (read twice)'
    """

    what: str
    view: str
    feature: str
    key: Mapping[str, object]
    time_us: int | None
    expected: object
    actual: object
    allowed: float = 0.0
    events: Sequence[Mapping[str, object]] = ()

    @property
    def explained(self) -> str:
        """One sentence."""
        of = f" of {' '.join(f'{name}={value}' for name, value in self.key.items())}" if self.key else ""
        at = "" if self.time_us is None else f" at {_instant(self.time_us)} ({self.time_us} us)"
        cell = f"{self.view}.{self.feature}{of}{at}"
        return f"{cell} is {self.actual!r} and should be {self.expected!r} ({self.what})"

    def to_json(self) -> dict[str, object]:
        """All of it by name."""
        return {
            "what": self.what,
            "view": self.view,
            "feature": self.feature,
            "key": dict(self.key),
            "time_us": self.time_us,
            "expected": _plain(self.expected),
            "actual": _plain(self.actual),
            "allowed": self.allowed,
            "events": [dict(event) for event in self.events],
        }


@dataclass
class Level:
    """One level of parity.

    Args:
        name: Like "P1 replay".
        promise: What it promises, in a sentence.
        cells: Feature values compared with values computed independently.
        bits: Feature values compared bit for bit between two runs.
        differing: Of both, how many differ.
        first: The first that differs.
        seconds: How long it took.
        notes: What else is worth knowing, like the hash of all runs.

    >>> Level("P2 order", "any order, same values", bits=12).equal
    True
    """

    name: str
    promise: str
    cells: int = 0
    bits: int = 0
    differing: int = 0
    first: Difference | None = None
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return self.differing == 0

    def differ(self, difference: Difference, count: int = 1) -> None:
        """Count cells that differ, and keep the first."""
        self.differing += count
        if self.first is None:
            self.first = difference

    def to_json(self) -> dict[str, object]:
        """All of it by name."""
        return {
            "level": self.name,
            "promise": self.promise,
            "cells": self.cells,
            "bits": self.bits,
            "differing": self.differing,
            "seconds": round(self.seconds, 3),
            "notes": self.notes,
            "first": None if self.first is None else self.first.to_json(),
        }


def _instant(us: int) -> str:
    """A time for people; far out of any calendar, nothing but the number."""
    try:
        return (datetime(1970, 1, 1) + timedelta(microseconds=us)).isoformat() + "Z"  # noqa: DTZ001 - UTC
    except OverflowError:
        return "no date"


def _plain(value: object) -> object:
    return value if isinstance(value, bool | int | float | str | list | None) else str(value)
