"""An entity's features and the events behind them: as plain values for programs, as text for people."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from forerun.console.behind import log_rows
from forerun.console.format import count, instant, iso_us, number, short, span

if TYPE_CHECKING:
    from forerun.features.definition import ViewSpec
    from forerun.serving.backend import Reading

DIM = "bright_black"


def reading(
    spec: "ViewSpec", data: Path, found: "Reading", kept: Mapping[str, pa.RecordBatch], events: int
) -> dict[str, Any]:
    """What HTTP answers, and the newest events behind it.

    Args:
        spec: The view.
        data: The data directory.
        found: What the engine read.
        kept: By stream, all events that the entity's state holds.
        events: How many to list, of each stream.
    """
    origin = found["provenance"]
    listed: list[dict[str, Any]] = []
    for part in spec.compiled:
        own = kept[part.stream.name]
        newest = own.slice(max(own.num_rows - events, 0))
        places = [(int(row["partition"]), int(row["offset"])) for row in newest.to_pylist()]
        # Of several streams, each event says which one it is of.
        named = {"stream": part.stream.name} if spec.parts else {}
        listed += [{**named, **row} for row in log_rows(data, part.stream, places)]
    return {
        "view": spec.name,
        "key": key_values(spec, found["key"]),
        "at": iso_us(found["at_us"]),
        "values": feature_values(spec, found["values"]),
        "not_computed": list(found["not_computed"]),
        "provenance": {
            "event_time": iso_us(origin["event_time_high_us"]),
            "partition": origin["partition"],
            "offset": origin["offset"],
            "feature_version": origin["feature_version"],
            "watermark": iso_us(origin["watermark_us"]),
            "age_s": origin["age_s"],
        },
        "events_kept": sum(batch.num_rows for batch in kept.values()),
        "events_kept_of": {name: batch.num_rows for name, batch in kept.items()},
        "events": listed,
    }


def key_values(spec: "ViewSpec", key: Mapping[str, object]) -> dict[str, object]:
    """A key with its times as text."""
    types = {field.name: field.type for field in spec.stream.fields}
    return {name: _shown(types.get(name), value) for name, value in key.items()}


def feature_values(spec: "ViewSpec", values: Mapping[str, object]) -> dict[str, object]:
    """Values with their times as text; a duration stays microseconds."""
    types = {feature.name: feature.element for feature in spec.shown}
    return {name: _shown(types.get(name), value) for name, value in values.items()}


def _shown(kind: str | None, value: object) -> object:
    if isinstance(value, list):
        return [_shown(kind, item) for item in value]
    return iso_us(value) if kind == "time" and isinstance(value, int) else value


def reading_text(spec: "ViewSpec", found: Mapping[str, Any]) -> RenderableType:
    """A reading for people.

    Args:
        spec: The view.
        found: What `reading` gave.
    """
    origin = found["provenance"]
    streams = " and ".join(stream.name for stream in spec.streams)
    age = None if origin["age_s"] is None else round(origin["age_s"] * 1e6)
    head = Text.assemble(
        (spec.name, "bold"), f" {keyed(found['key'])}", (f"  at {moment(found['at'])} UTC", DIM)
    )
    state = Text(
        f"newest event {moment(origin['event_time'])} UTC, {span(age)} before; "
        f"watermark of {streams} {moment(origin['watermark'])} UTC; "
        f"version {short(origin['feature_version'])}"
        if origin["event_time"]
        else f"no event of this entity yet; version {short(origin['feature_version'])}",
        DIM,
    )
    return Group(
        head,
        state,
        Text(),
        values_table(spec, found["values"], found["not_computed"]),
        *(
            block
            for stream in spec.streams
            for block in events_block(
                [event for event in found["events"] if event.get("stream", stream.name) == stream.name],
                found["events_kept_of"][stream.name],
                stream.name,
            )
        ),
    )


def values_table(spec: "ViewSpec", values: Mapping[str, object], failed: Collection[str]) -> Table:
    """Features, their values, and what they are computed from; of those that failed, that they did."""
    made = _table()
    for head, side in (("feature", "left"), ("value", "right"), ("is", "left")):
        made.add_column(head, justify=side)  # type: ignore[arg-type]  # both are its words
    for feature in spec.shown:
        value = values.get(feature.name)
        shown = value_text(feature.element, value)
        bound = values.get(f"{feature.name}.bound")
        if bound is not None:
            shown += f" \u00b1 {number(bound)}"
        if feature.name in failed:
            shown = "cannot be computed"
        made.add_row(Text(feature.name), Text(shown, "bold"), Text(feature.words, DIM))
    return made


def value_text(kind: str, value: object) -> str:
    """A feature's value for people.

    Args:
        kind: The type of the feature; of a list, that of its elements.
        value: Its value, times as text.

    >>> value_text("duration", 3_599_999_000), value_text("string", ["ann", "bob"]), value_text("int", [])
    ('59m 59s', 'ann, bob', 'none')
    """
    if isinstance(value, list):
        return ", ".join(value_text(kind, item) for item in value) or "none"
    if kind == "time" and isinstance(value, str):
        return moment(value)
    if kind == "duration" and isinstance(value, int):
        return span(value)
    return number(value)


def events_block(events: Sequence[Mapping[str, Any]], kept: int, stream: str) -> list[RenderableType]:
    """The newest events, with all their fields."""
    if not events:
        return []
    made = _table()
    for name in events[-1]:
        made.add_column(name, justify="right" if isinstance(events[-1][name], int | float) else "left")
    for event in events:
        made.add_row(*(Text(_cell(name, value)) for name, value in event.items()))
    which = "the event" if kept == 1 else f"the last {len(events)} of {count(kept)} events"
    return [Text(), Text(f"{which} of {stream} kept for it", DIM), made]


def keyed(key: Mapping[str, object]) -> str:
    """A key as it is written on the command line.

    >>> keyed({"origin": "JFK", "gate": 7})
    'origin=JFK gate=7'
    """
    return " ".join(f"{name}={value}" for name, value in key.items())


def moment(text: object) -> str:
    """An ISO time to the second, for people.

    >>> moment("2013-08-20T12:00:00.000000Z"), moment(None)
    ('2013-08-20 12:00:00', '-')
    """
    return instant(None) if not isinstance(text, str) else text[:19].replace("T", " ")


def _cell(name: str, value: object) -> str:
    if name == "offset":
        return str(value)  # a place in the log, not an amount
    is_time = isinstance(value, str) and value.endswith("Z") and value[10:11] == "T"
    return moment(value) if is_time else number(value)


def _table() -> Table:
    return Table(box=None, header_style=DIM, padding=(0, 2, 0, 0), pad_edge=False)
