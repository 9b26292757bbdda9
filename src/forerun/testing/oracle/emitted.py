"""Which windows are emitted, and with which values: every window written down, then looked at once.

One pass over the accepted events puts each into all windows that hold it; shares no code with the kernel.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from forerun.testing.oracle.aggregates import Found, aggregate
from forerun.testing.oracle.arrival import APPLIED, Arrival, Scalar, Value
from forerun.testing.oracle.expressions import evaluate, finite
from forerun.testing.oracle.guard import Guard

Window = tuple[int, tuple[Scalar, ...], int]
"""End, key, start."""


def emitted(plan: Mapping[str, Any], index: int, arrivals: Iterable[Arrival]) -> list[dict[str, Value]]:
    """The rows of one emitter after some events.

    Args:
        plan: The plan.
        index: Which emitter of the plan.
        arrivals: Everything that arrived, of any stream, in the order of arrival.

    Returns:
        The fields of the key, `start`, `end` and the features; by end. Rows of one end are in no order.

    >>> fields = [{"name": "shop", "nullable": False}, {"name": "at", "nullable": False}]
    >>> stream = {"time": "at", "id": None, "dedup_us": None, "lateness_us": 5, "max_skew_us": None,
    ...           "idle_us": None, "fields": fields}
    >>> window = {"kind": "hopping", "size_us": 10, "hop_us": 10}
    >>> count = {"name": "n", "agg": "count", "arg": None, "where": None, "params": {}}
    >>> hourly = {"stream": 0, "by": ["shop"], "where": None, "window": window, "features": [count]}
    >>> events = [Arrival(0, 0, n, at, {"shop": "a", "at": at}) for n, at in enumerate((1, 4, 12, 16))]
    >>> emitted({"streams": [stream], "emitters": [hourly]}, 0, events)
    [{'shop': 'a', 'start': 0, 'end': 10, 'n': 2}]
    """
    spec = plan["emitters"][index]
    stream = plan["streams"][spec["stream"]]
    guard = Guard(stream)
    entities: dict[tuple[Scalar, ...], list[tuple[tuple[int, int, int], Arrival]]] = {}
    for arrival in arrivals:
        if arrival.stream != spec["stream"] or guard.judge(arrival) != APPLIED:
            continue
        key = tuple(arrival.values[name] for name in spec["by"])
        if None not in key and _holds(spec["where"], arrival):
            time = arrival.values[stream["time"]]
            assert isinstance(time, int)
            entities.setdefault(key, []).append(((time, arrival.partition, arrival.offset), arrival))
    windows: dict[Window, list[Arrival]] = {}
    for key, events in entities.items():
        events.sort(key=lambda event: event[0])
        placed = _sessions if spec["window"]["kind"] == "session" else _hops
        for start, end, inside in placed(spec["window"], events):
            windows[end, key, start] = inside
    watermark = guard.watermark
    if watermark is None:
        return []
    # A session's end is its last event and the gap: an event at that very instant would still belong to it.
    limit = watermark - 1 if spec["window"]["kind"] == "session" else watermark
    rows = []
    for (end, key, start), inside in sorted(windows.items(), key=lambda item: item[0][0]):
        if end <= limit:
            features = {item["name"]: _value(item, spec["window"], inside) for item in spec["features"]}
            rows.append({**dict(zip(spec["by"], key, strict=True)), "start": start, "end": end, **features})
    return rows


Placed = Iterable[tuple[int, int, list[Arrival]]]
Events = list[tuple[tuple[int, int, int], Arrival]]


def _hops(window: Mapping[str, int], events: Events) -> Placed:
    """[E - size, E) for every E a multiple of the hop, where there is something inside."""
    size, hop = window["size_us"], window["hop_us"]
    inside: dict[int, list[Arrival]] = {}
    for (time, _, _), event in events:
        end = (time // hop + 1) * hop
        while end - size <= time:
            inside.setdefault(end, []).append(event)
            end += hop
    return [(end - size, end, found) for end, found in inside.items()]


def _sessions(window: Mapping[str, int | None], events: Events) -> Placed:
    """Chains of events, each at most the gap after the one before, cut where one would get too long."""
    gap, longest = window["gap_us"], window["max_us"]
    assert gap is not None
    chains: list[Events] = []
    for at, event in events:
        chain = chains[-1] if chains else None
        near = chain is not None and at[0] - chain[-1][0][0] <= gap
        if chain is not None and near and (longest is None or at[0] - chain[0][0][0] < longest):
            chain.append((at, event))
        else:
            chains.append([(at, event)])
    placed = []
    for chain in chains:
        start, end = chain[0][0][0], chain[-1][0][0] + gap
        placed.append(
            (start, end if longest is None else min(end, start + longest), [event for _, event in chain])
        )
    return placed


def _value(feature: Mapping[str, Any], window: Mapping[str, Any], inside: list[Arrival]) -> Value:
    """A feature over the events of one window; a rate is per the window's length."""
    counted = [event for event in inside if _holds(feature["where"], event)]
    arg = feature["arg"]
    values = [1 if arg is None else evaluate(arg, _field_of(event)) for event in counted]
    known = [value for value in values if value is not None]
    length = {"kind": "sliding", "over_us": window.get("size_us"), "ago_us": 0}
    return finite(aggregate(feature["agg"], Found(known, [0] * len(known), 0, length, feature["params"])))


def _holds(condition: Mapping[str, Any] | None, event: Arrival) -> bool:
    return condition is None or evaluate(condition, _field_of(event)) is True


def _field_of(event: Arrival) -> Any:  # a function of a part of an expression
    return lambda part: event.values[part["name"]]
