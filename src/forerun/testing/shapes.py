"""What the events of a plan look like: fields, constants that they are compared with, lengths that matter."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forerun.testing.oracle.arrival import Scalar

SECOND_US = 1_000_000
COMPARED_ONLY = frozenset(
    {
        *("approx_distinct", "count", "custom", "distinct", "first", "first_n", "histogram"),
        *("last", "last_n", "max", "min", "quantile", "top_k"),
    }
)
"""Aggregates that add nothing up, so that no value is too large for them."""

_MONTH_US = 31 * 24 * 3600 * SECOND_US
_UNITS_US = {"hour": 3600 * SECOND_US, "day": 24 * 3600 * SECOND_US, "week": 7 * 24 * 3600 * SECOND_US}


@dataclass(frozen=True)
class Shape:
    """One stream, as a generator of events needs to know it.

    Args:
        fields: Name to type; a trailing "?" allows null.
        time: The field with the event time.
        keys: Fields that some view or stream is kept by.
        lateness_us: How late an event may be.
        skew_us: How far ahead of its arrival an event may be; None: any.
        idle_us: Silence after which a partition is idle; None: never.
        bounded: Float fields that are summed, so that most extremes leave room for sums and squares.

    >>> Shape({"shop": "string", "at": "time"}, "at", ("shop",), 0, None, None).bounded
    frozenset()
    """

    fields: Mapping[str, str]
    time: str
    keys: tuple[str, ...]
    lateness_us: int
    skew_us: int | None
    idle_us: int | None
    bounded: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Shapes:
    """All streams of a plan.

    Args:
        streams: In the plan's order.
        constants: By type, what expressions compare fields with: values at which something changes.
        lengths_us: Lengths of windows, gaps and half-lives, ascending: what time is measured in.

    >>> Shapes((), {}, (60_000_000,)).lengths_us
    (60000000,)
    """

    streams: tuple[Shape, ...]
    constants: Mapping[str, Sequence[Scalar]]
    lengths_us: tuple[int, ...]


def shapes_of(plan: str) -> Shapes:
    """The shapes of a plan's streams.

    Args:
        plan: The plan's JSON text, as `App.plan()` gives it.

    Returns:
        What `nasty_log` draws events by.
    """
    spec: dict[str, Any] = json.loads(plan)
    for emitter in spec.get("emitters", ()):
        # As if they were views: their windows measure time too, and their sums need room.
        own = {"window": emitter["window"], "params": {}}
        features = [{**own, **feature} for feature in emitter["features"]]
        spec["views"].append({**emitter, "features": features})
    constants: dict[str, list[Scalar]] = {}
    for part in _parts(spec):
        if part.get("op") == "lit" and part["value"] is not None:
            known = constants.setdefault(part["type"], [])
            if part["value"] not in known:
                known.append(part["value"])
    lengths = {int(us) for view in spec["views"] for feature in view["features"] for us in _lengths(feature)}
    return Shapes(
        tuple(_shape(number, stream, spec) for number, stream in enumerate(spec["streams"])),
        constants,
        tuple(sorted(lengths)) or (SECOND_US,),
    )


def _shape(number: int, stream: Mapping[str, Any], plan: Mapping[str, Any]) -> Shape:
    views = [view for view in plan["views"] if view["stream"] == number]
    keys = [*stream["key"], *(name for view in views for name in view["by"])]
    summed = [f for view in views for f in view["features"] if f.get("agg", "count") not in COMPARED_ONLY]
    read = [part["name"] for part in _parts(summed) if part.get("op") == "field"]
    types = {field["name"]: field["type"] for field in stream["fields"]}
    return Shape(
        fields={f["name"]: f["type"] + ("?" if f["nullable"] else "") for f in stream["fields"]},
        time=stream["time"],
        keys=tuple(dict.fromkeys(keys)),
        lateness_us=stream["lateness_us"],
        skew_us=stream["max_skew_us"],
        idle_us=stream["idle_us"],
        bounded=frozenset(name for name in read if types[name] == "float"),
    )


def _lengths(feature: Mapping[str, Any]) -> Iterator[int]:
    if "expr" in feature:
        return
    window = feature["window"]
    for name in ("over_us", "ago_us", "size_us", "hop_us", "gap_us", "max_us", "tile_us"):
        if window.get(name):
            yield window[name]
    if window["kind"] == "calendar":
        yield _UNITS_US.get(window["unit"], _MONTH_US)
    if "half_life_us" in feature["params"]:
        yield feature["params"]["half_life_us"]


def _parts(value: object) -> Iterator[Mapping[str, Any]]:
    """Every object inside some JSON, outermost first."""
    if isinstance(value, Mapping):
        yield value
        for item in value.values():
            yield from _parts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _parts(item)
