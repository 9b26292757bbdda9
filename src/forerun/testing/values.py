"""`values`: what features are after some events, to test an app's features without running it."""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from forerun._core import Kernel
from forerun.errors import EventError
from forerun.events.decode import decode_rows
from forerun.events.event import Event
from forerun.events.moments import Duration, EventTime, Time
from forerun.events.schema import StreamSpec
from forerun.events.table import ARRIVAL, ARROW_TYPES
from forerun.events.types import TypeName
from forerun.features.view import ViewMeta
from forerun.runtime.app import App
from forerun.runtime.reading import plain

_VERDICTS = ("applied", "invalid", "too early", "too late", "a duplicate")


def values(
    app: App, view: type, events: Iterable[Event], *, key: Mapping[str, object], at: str | EventTime
) -> dict[str, object]:
    """The features of one entity at a time, after events that arrived in the order given.

    Each event arrives when it happens, or with an earlier one in the list that happened later.

    Args:
        app: The app.
        view: One of its features classes.
        events: Instances of its event classes.
        key: The entity: a value for each part of the view's key.
        at: The time of the reading.

    Returns:
        A value per feature, None for null, times as `Time`.

    Raises:
        EventError: An event would not be applied: it is too late, or a duplicate.

    >>> import forerun as fr
    >>> app = fr.App("doors")
    >>> @app.stream(key="door", lateness="1h")
    ... class Opened(fr.Event):
    ...     door: str
    ...     at: fr.EventTime
    >>> @app.features(Opened, by="door")
    ... class Door:
    ...     opened_1h = fr.count(over="1h")
    >>> early, late = (Opened(door="north", at=fr.EventTime(f"2013-01-01T{t}Z")) for t in ("10:00", "10:40"))
    >>> values(app, Door, [early, late], key={"door": "north"}, at="2013-01-01T11:00:00Z")
    {'opened_1h': 1}
    """
    assert isinstance(view, ViewMeta), f"{view!r} is no features class"
    kernel = _after(app, events)
    spec = app.views[view.__forerun_view__.name]
    fields = [field for field in spec.stream.fields if field.name in spec.by]
    columns = {field.name: pa.array([key[field.name]], ARROW_TYPES[field.type]) for field in fields}
    keys = pa.RecordBatch.from_arrays([columns[part] for part in spec.by], names=list(spec.by))
    instant = at if isinstance(at, EventTime) else EventTime(at)
    names = [part.name for each in app.views.values() for part in each.compiled]
    row: dict[str, Any] = {}
    for part in spec.compiled:
        read = pa.record_batch(kernel.values(names.index(part.name), keys, instant.us))
        row |= zip(read.schema.names, read.columns, strict=True)
    return {feature.name: _value(row[feature.name], feature.element) for feature in spec.shown}


def _after(app: App, events: Iterable[Event]) -> Kernel:
    kernel = Kernel(app.plan(), app.functions)
    streams = list(app.streams.values())
    offsets = dict.fromkeys(range(len(streams)), 0)
    now_us = 0
    for event in events:
        index = next(number for number, stream in enumerate(streams) if stream.event is type(event))
        now_us = max(now_us, vars(event)[streams[index].time].us)
        result = kernel.apply([(index, 0, offsets[index], _batch(streams[index], event, now_us))])
        verdict = pa.array(result.verdicts[0], pa.uint8())[0].as_py()
        if verdict:
            raise EventError(f"{event!r} is {_VERDICTS[verdict]}; list events in the order of arrival.")
        offsets[index] += 1
    return kernel


def _batch(stream: StreamSpec, event: Event, arrival_us: int) -> pa.RecordBatch:
    batch, _ = decode_rows(stream, [event])
    return batch.append_column(ARRIVAL, pa.array([arrival_us], pa.int64()))


def _value(column: Any, type_name: TypeName) -> object:  # Any: of any Arrow type
    (found,) = plain(column)
    if type_name not in ("time", "duration") or found is None:
        return found
    kind = Time if type_name == "time" else Duration
    return [kind(item) for item in found] if isinstance(found, list) else kind(found)
