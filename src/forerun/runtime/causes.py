"""Which too-late events a value looks back on: those of its entity, in its window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from forerun.events.evaluate import evaluate
from forerun.events.expression import Expr, FeatureRef
from forerun.events.table import ARROW_TYPES, schema_of
from forerun.features.definition import DerivedSpec, FeatureSpec, ViewSpec
from forerun.features.window import Hopping, LastEvents, Session, Sliding, Tiled
from forerun.runtime.chronology import Ordered, Place
from forerun.runtime.layout import Layout
from forerun.runtime.rows import Ints

_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Reached:
    """Per value, the too-late events that it looks back on.

    Args:
        events: Numbers of events, those of one entity together, by event time.
        low: Per value, where its events begin in that list.
        high: Per value, where they end.
    """

    events: Ints
    low: Ints
    high: Ints

    def pairs(self) -> tuple[Ints, Ints]:
        """Each value with each of its events: row of the value, number of the event."""
        counts = self.high - self.low
        rows = np.repeat(np.arange(len(counts)), counts)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return rows, self.events[np.repeat(self.low, counts) + within]


class Causes:
    """The too-late events, to be found by what they reach.

    Args:
        layout: The app.
        late: Too-late events by place; they are numbered in this order.
    """

    def __init__(self, layout: Layout, late: Mapping[Place, Ordered]) -> None:
        self._layout = layout
        self._late = late
        self._features: dict[tuple[str, str], _Feature] = {}

    def of(self, part: FeatureRef, events: pa.RecordBatch, times_us: Ints) -> Reached:
        """The events that values of one feature look back on.

        Args:
            part: The feature, its key bound to the trigger's fields.
            events: The trigger's fields, a row per value.
            times_us: The times the values were read at.
        """
        view = self._layout.views[self._layout.part(part)]
        name = (part.view, part.feature)
        if name not in self._features:
            self._features[name] = self._index(view, part.feature)
        return self._features[name].reached(entities(part, view, events), times_us)

    def _index(self, view: ViewSpec, feature: str) -> "_Feature":
        stream = self._layout.stream(view.stream.name)
        numbers, times, names = [_NONE], [_NONE], []
        start = 0
        for place, rows in self._late.items():
            if place.stream == stream:
                kept = _counting(view, view.feature(feature), rows)
                numbers.append(start + kept)
                times.append(rows.times[kept])
                columns = [rows.batch.column(part).take(kept).to_pylist() for part in view.by]
                names += list(zip(*columns, strict=True))
            start += len(rows)
        return _Feature(
            np.concatenate(numbers), np.concatenate(times), names, *_reach_us(view.feature(feature))
        )


class _Feature:
    """The too-late events that count for one feature, by entity and event time."""

    def __init__(
        self,
        numbers: Ints,
        times: Ints,
        names: Sequence[tuple[object, ...]],
        reach_us: int | None,
        ago_us: int,
    ) -> None:
        self._slots = {name: slot for slot, name in enumerate(dict.fromkeys(names))}
        slots = np.array([self._slots[name] for name in names], np.int64)
        order = np.lexsort((times, slots))
        self._numbers, self._times = numbers[order], times[order]
        self._bounds = np.searchsorted(slots[order], np.arange(len(self._slots) + 1))
        self._reach_us = reach_us
        self._ago_us = ago_us

    def reached(self, names: Sequence[tuple[object, ...]], times_us: Ints) -> Reached:
        """Per value, given its entity and time, the events in its window."""
        slots = np.array([self._slots.get(name, -1) for name in names], np.int64)
        low, high = np.zeros(len(slots), np.int64), np.zeros(len(slots), np.int64)
        for slot in np.unique(slots[slots >= 0]).tolist():
            start, stop = self._bounds[slot : slot + 2].tolist()
            rows = np.flatnonzero(slots == slot)
            times, own = times_us[rows], self._times[start:stop]
            high[rows] = start + np.searchsorted(own, times - self._ago_us, side="right")
            low[rows] = start
            if self._reach_us is not None:
                low[rows] += np.searchsorted(own, times - self._reach_us, side="right")
        return Reached(self._numbers, low, high)


def entities(part: FeatureRef, view: ViewSpec, events: pa.RecordBatch) -> list[tuple[object, ...]]:
    """The entity that each row reads a feature of.

    Args:
        part: The feature.
        view: Its view.
        events: The trigger's fields.
    """
    columns: dict[str, Any] = dict(zip(events.schema.names, events.columns, strict=True))
    kinds = schema_of(view.stream)
    parts = [
        (columns[name] if given is None else evaluate(given, columns).cast(ARROW_TYPES[given.type]))
        .cast(kinds.field(by).type)
        .to_pylist()
        for name, by, given in zip(part.by, view.by, part.key, strict=True)
    ]
    return list(zip(*parts, strict=True))


def _reach_us(feature: FeatureSpec | DerivedSpec | None) -> tuple[int | None, int]:
    """How far back a value can look (None: no limit is the same for every value), and where it begins."""
    match feature.window if isinstance(feature, FeatureSpec) else None:
        case Sliding(over_us, ago_us):
            return over_us + ago_us, ago_us
        case Hopping(size_us=size_us):
            return size_us, 0
        case Session(max_us=max_us):
            return max_us, 0
        case Tiled(over_us, tile_us):
            return over_us + tile_us, 0
        case _:
            return None, 0


def _counting(view: ViewSpec, feature: FeatureSpec | DerivedSpec | None, rows: Ordered) -> Ints:
    """The rows that count for a feature: its conditions hold, and there is something to aggregate."""
    columns: dict[str, Any] = dict(zip(rows.batch.schema.names, rows.batch.columns, strict=True))
    kept = np.ones(len(rows), np.bool_)
    if not isinstance(feature, FeatureSpec) or isinstance(feature.window, Session | LastEvents):
        feature = None  # every event of the view shapes these windows, whatever the feature makes of it
    conditions: list[Expr | None] = [view.where, None if feature is None else feature.where]
    for condition in conditions:
        if condition is not None:
            held = evaluate(condition, columns).fill_null(False)
            kept &= held.to_numpy(zero_copy_only=False).astype(np.bool_)
    if feature is not None and feature.arg is not None:
        kept &= evaluate(feature.arg, columns).is_valid().to_numpy(zero_copy_only=False)
    return np.flatnonzero(kept)
