"""Traffic for an app that nobody has recorded: a source of nasty events, shaped by its declarations."""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from forerun.errors import ForerunError
from forerun.events.decode import decode_row
from forerun.events.table import schema_of
from forerun.streams.log import ARRIVAL
from forerun.streams.source import Slice, Source
from forerun.testing.nasty import Habits, nasty_log
from forerun.testing.oracle.arrival import Arrival
from forerun.testing.shapes import Shapes, shapes_of
from forerun.testing.trial import Client, Traffic

if TYPE_CHECKING:
    from forerun.runtime.app import App

EVENTS = 90
"""Events of a log: enough for windows, labels, refusals and several files, few enough for milliseconds."""

SLICE = 16
"""Events of a slice of the source."""

REQUESTS_MAX = 8
EVENTS_SENT = 2
"""Events that a client sends at the end, each again until it is acknowledged."""

_HABITS = Habits(partitions=1, keys=4, extreme=0.05, beyond=0.2, doubled=0.1)
"""One partition, as sources have; some numbers are so large that their sums are out of range."""


def traffic_of(app: "App", seed: int) -> Traffic:
    """Events and requests for an app.

    The warm-up of its models is shortened to a third of the log, so that they answer for the rest of it.

    Args:
        app: The app; it is not changed.
        seed: Names the log.

    >>> import forerun as fr
    >>> app = fr.App("shop")
    >>> @app.stream(key="shop", lateness="1m")
    ... class Sold(fr.Event):
    ...     shop: str
    ...     at: fr.EventTime
    >>> @app.features(Sold, by="shop")
    ... class Shop:
    ...     sold = fr.count(over="1h")
    >>> sum(part.rows for part in traffic_of(app, 1).source(0))
    90
    """
    log = nasty_log(seed, EVENTS, _shapes(app.plan()), _HABITS)
    span_us = log[-1].arrival_us - log[0].arrival_us
    shortened = copy.copy(app)
    shortened.models = {
        name: replace(model, warmup_us=max(span_us // 3, 1)) for name, model in app.models.items()
    }
    streams = list(shortened.streams.values())
    names = [spec.name for spec in streams]
    tables = [
        _slice(number, log[at : at + SLICE], streams) for number, at in enumerate(range(0, len(log), SLICE))
    ]
    requests = {
        name: _requests(model.on, [one.values for one in log if names[one.stream] == model.on.name])
        for name, model in shortened.models.items()
    }
    asked = {name: rows for name, rows in requests.items() if rows}
    return Traffic(shortened, _source(tables), asked, _client(streams, log))


def _client(streams: Sequence[Any], log: Sequence[Arrival]) -> Client | None:
    """A client with events like those of the log, for the first stream that would know them again."""
    for number, spec in enumerate(streams):
        types = {field.name: field.type for field in schema_of(spec)}
        names = [name for name in spec.id or () if types[name] in (pa.string(), pa.int64())]
        own = [event.values for event in log if event.stream == number]
        rows = [row for row in own if _is_valid(spec, row)][:EVENTS_SENT]
        if spec.dedup_us is None or not names or not rows:
            continue
        name, made = names[0], []
        for sent, row in enumerate(rows):
            own_id: object = f"sent {sent}" if types[name] == pa.string() else 2**40 + sent
            event = {**row, spec.time: log[-1].arrival_us, name: own_id}
            columns = [
                pa.array([event[field.name]], _plain(field.type)).cast(field.type)
                for field in schema_of(spec)
            ]
            made.append(pa.record_batch(columns, names=schema_of(spec).names))
        return Client(spec.name, made, len(own))
    return None


def _shapes(plan: str) -> Shapes:
    """The app's shapes, with the lengths of windows that close as well, so that some do."""
    shapes = shapes_of(plan)
    windows = [emitter["window"] for emitter in json.loads(plan).get("emitters", [])]
    lengths = {window.get("size_us") or window["gap_us"] for window in windows}
    return replace(shapes, lengths_us=tuple(sorted(lengths | set(shapes.lengths_us))))


def _source(slices: Sequence[Slice]) -> Source:
    def source(position: int) -> Iterator[Slice]:
        yield from slices[position:]

    return source


def _slice(number: int, events: Sequence[Arrival], streams: Sequence[Any]) -> Slice:
    tables = {}
    for at, spec in enumerate(streams):
        own = [event for event in events if event.stream == at]
        if own:
            columns = [
                pa.array([event.values[field.name] for event in own], _plain(field.type)).cast(field.type)
                for field in schema_of(spec)
            ]
            columns.append(pa.array([event.arrival_us for event in own], pa.int64()))
            tables[spec.name] = pa.record_batch(columns, names=[*schema_of(spec).names, ARRIVAL])
    return Slice(number, tables)


def _plain(kind: pa.DataType) -> pa.DataType:
    """Times and lengths are drawn as microseconds."""
    return pa.int64() if pa.types.is_temporal(kind) else kind


def _requests(stream: Any, rows: Sequence[Mapping[str, object]]) -> Sequence[Mapping[str, object]]:
    """Fields that a door would let in, without the time: it is now."""
    found = [row for row in rows if _is_valid(stream, row)][:REQUESTS_MAX]
    return [{name: value for name, value in row.items() if name != stream.time} for row in found]


def _is_valid(stream: Any, row: Mapping[str, object]) -> bool:
    try:
        decode_row(stream, dict(row), extra="refuse")
    except ForerunError:
        return False
    return True
