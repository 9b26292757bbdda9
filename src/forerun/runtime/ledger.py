"""The late ledger: what lateness cost, value by value, and which too-late event is to blame.

Every served value is compared with two others of hindsight: what it would have been with all that was
accepted in the end, and with what was too late besides. The first difference is the price of answering at
once, the second that of the declared lateness.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats32: TypeAlias = NDArray[np.float32]
Flags: TypeAlias = NDArray[np.bool_]

QUANTILES = (0.5, 0.9, 0.99)
"""Of the sizes of changes."""


@dataclass(slots=True)
class Change:
    """How values of one input changed for one reason.

    Args:
        changed: How many did, in any bit.
        appeared: Of these, those that were null.
        vanished: Of these, those that became null.
    """

    changed: int = 0
    appeared: int = 0
    vanished: int = 0
    _sizes: list[Floats32] = field(default_factory=list)

    def add(self, before: Floats32, after: Floats32, changed: Flags) -> None:
        """Count what changed; NaN is null."""
        before, after = before[changed], after[changed]
        was, became = np.isnan(before), np.isnan(after)
        self.changed += len(before)
        self.appeared += int(was.sum())
        self.vanished += int(became.sum())
        self._sizes.append(np.abs(after - before)[~(was | became)])

    def to_json(self) -> dict[str, object]:
        """All of it by name; sizes are of the changes between two numbers, None when there are none."""
        sizes = np.concatenate([np.zeros(0, np.float32), *self._sizes])
        self._sizes = [sizes]
        quantiles = np.quantile(sizes, QUANTILES) if len(sizes) else [None] * len(QUANTILES)
        return {
            "changed": self.changed,
            "appeared": self.appeared,
            "vanished": self.vanished,
            "mean": float(sizes.mean(dtype=np.float64)) if len(sizes) else None,
            "largest": float(sizes.max()) if len(sizes) else None,
            "quantiles": {
                f"{share:g}": None if value is None else float(value)
                for share, value in zip(QUANTILES, quantiles, strict=True)
            },
        }


@dataclass(slots=True)
class Cost:
    """What lateness cost one input of a model.

    Args:
        model: The model.
        name: The input.
        served: Values served.
        waiting: Changes by events that were accepted, but arrived after the value was served.
        late: Changes by events that were too late.
        both: From what was served to what is known now.
    """

    model: str
    name: str
    served: int = 0
    waiting: Change = field(default_factory=Change)
    late: Change = field(default_factory=Change)
    both: Change = field(default_factory=Change)

    def to_json(self) -> dict[str, object]:
        """All of it by name."""
        return {
            "model": self.model,
            "feature": self.name,
            "served": self.served,
            "accepted_after": self.waiting.to_json(),
            "too_late": self.late.to_json(),
            "together": self.both.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Value:
    """A served value that a too-late event would have changed.

    Args:
        model: The model.
        feature: The input.
        prediction_id: The prediction it was served to.
        key: The prediction's entity.
        time_us: The prediction's event time.
        served: As served; None is null.
        accepted: With all that was accepted in the end.
        corrected: With what was too late besides.
        events: The too-late events it looks back on, as stream/partition/offset.
    """

    model: str
    feature: str
    prediction_id: str
    key: str
    time_us: int
    served: float | None
    accepted: float | None
    corrected: float | None
    events: Sequence[str]

    @property
    def size(self) -> float | None:
        """How large the change is; None where a value was or became null."""
        if self.accepted is None or self.corrected is None:
            return None
        return abs(self.corrected - self.accepted)

    def to_json(self) -> dict[str, object]:
        """All of it by name."""
        return {**{name: getattr(self, name) for name in self.__slots__}, "events": list(self.events)}


@dataclass(frozen=True, slots=True)
class Effect:
    """What one too-late event would have done to one input.

    Args:
        model: The model.
        feature: The input.
        changed: Served values that look back on it and are not what they would have been.
        alone: Of these, those that look back on no other too-late event: it alone is to blame.
        mean: Mean size of the change, of those it alone is to blame for; None: there are none.
        largest: The largest of these.
    """

    model: str
    feature: str
    changed: int
    alone: int
    mean: float | None
    largest: float | None

    def to_json(self) -> dict[str, object]:
        """All of it by name."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Missed:
    """A too-late event.

    Args:
        stream: Its stream.
        partition: Its partition.
        offset: Its offset.
        key: Its stream's key.
        entities: What views know it by, the key among them.
        time_us: Its event time.
        arrival_us: When it arrived.
        watermark_us: What it missed.
        effects: What it would have changed, by input.
    """

    stream: str
    partition: int
    offset: int
    key: str | None
    entities: Sequence[str]
    time_us: int
    arrival_us: int
    watermark_us: int
    effects: Sequence[Effect]

    @property
    def missed_by_us(self) -> int:
        """How much longer the lateness should have been."""
        return self.watermark_us - self.time_us

    @property
    def changed(self) -> int:
        """Served values it would have changed."""
        return sum(effect.changed for effect in self.effects)

    def to_json(self) -> dict[str, object]:
        """All of it by name."""
        own = {name: getattr(self, name) for name in self.__slots__ if name not in ("entities", "effects")}
        effects = [effect.to_json() for effect in self.effects]
        return {**own, "missed_by_us": self.missed_by_us, "changed": self.changed, "effects": effects}


@dataclass(frozen=True, slots=True)
class Balance:
    """What became of the records of one partition.

    Args:
        stream: The stream.
        partition: The partition.
        consumed: Records taken.
        counts: Records by verdict.
    """

    stream: str
    partition: int
    consumed: int
    counts: Mapping[str, int]

    def to_json(self) -> dict[str, object]:
        """All of it by name."""
        return {
            "stream": self.stream, "partition": self.partition, "consumed": self.consumed, **self.counts,
        }  # fmt: skip


@dataclass(slots=True)
class Ledger:
    """What lateness cost.

    Args:
        balances: Per partition, what became of its records; it adds up.
        copies: Too-late records that are copies of others and would have changed nothing.
        costs: Per model and input.
        events: The too-late events, in the order of streams, partitions and event times.
    """

    balances: Sequence[Balance]
    copies: int
    costs: Sequence[Cost]
    events: Sequence[Missed]

    def to_json(self) -> dict[str, object]:
        """All of it by name."""
        return {
            "partitions": [balance.to_json() for balance in self.balances],
            "late_copies": self.copies,
            "features": [cost.to_json() for cost in self.costs],
            "events": [event.to_json() for event in self.events],
        }


def unlike(before: Floats32, after: Floats32) -> Flags:
    """Where two columns differ in any bit; NaN is null, and all nulls are the same.

    Args:
        before: One.
        after: The other.

    >>> unlike(np.array([1, np.nan, 0.0], np.float32), np.array([1, np.nan, -0.0], np.float32)).tolist()
    [False, False, True]
    """
    bits = before.view(np.int32) != after.view(np.int32)
    found: Flags = bits & ~(np.isnan(before) & np.isnan(after))
    return found
