"""Which windows are emitted, and with which values: every window written down, then looked at once.

One pass over the accepted events puts each into all windows that hold it; shares no code with the kernel.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forerun.features.custom import NO_FUNCTIONS, Functions
from forerun.testing.oracle.aggregates import Found, aggregate
from forerun.testing.oracle.arrival import APPLIED, Arrival, Scalar
from forerun.testing.oracle.expressions import evaluate, finite
from forerun.testing.oracle.guard import Guard
from forerun.testing.oracle.interpreter import Expected, combined
from forerun.testing.oracle.tolerance import slack

Window = tuple[int, tuple[Scalar, ...], int]
"""End, key, start."""


def emitted(
    plan: Mapping[str, Any],
    index: int,
    arrivals: Iterable[Arrival],
    functions: Functions = NO_FUNCTIONS,
) -> list[dict[str, Expected]]:
    """The rows of one emitter after some events.

    Args:
        plan: The plan.
        index: Which emitter of the plan.
        arrivals: Everything that arrived, of any stream, in the order of arrival.
        functions: What custom aggregates call, by name.

    Returns:
        The fields of the key, `start`, `end` and the features; by end. Rows of one end are in no order.

    >>> fields = [{"name": "shop", "nullable": False}, {"name": "at", "nullable": False}]
    >>> stream = {"time": "at", "id": None, "dedup_us": None, "lateness_us": 5, "max_skew_us": None,
    ...           "idle_us": None, "fields": fields}
    >>> window = {"kind": "hopping", "size_us": 10, "hop_us": 10}
    >>> count = {"name": "n", "agg": "count", "arg": None, "where": None, "params": {}}
    >>> hourly = {"stream": 0, "by": ["shop"], "where": None, "window": window, "features": [count]}
    >>> events = [Arrival(0, 0, n, at, {"shop": "a", "at": at}) for n, at in enumerate((1, 4, 12, 16))]
    >>> [row] = emitted({"streams": [stream], "emitters": [hourly]}, 0, events)
    >>> {name: cell.value for name, cell in row.items()}
    {'shop': 'a', 'start': 0, 'end': 10, 'n': 2}
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
            names = {**dict(zip(spec["by"], key, strict=True)), "start": start, "end": end}
            closed = _Closed(spec, stream["time"], inside, end, functions)
            rows.append({name: Expected(value) for name, value in names.items()} | closed.shown())
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


@dataclass(frozen=True)
class _Closed:
    """One window of one emitter, at its end; a rate is per the window's length.

    Args:
        spec: The emitter.
        clock: The field with the event time.
        inside: Its events.
        end: Its end.
        functions: What custom aggregates call.
    """

    spec: Mapping[str, Any]
    clock: str
    inside: Sequence[Arrival]
    end: int
    functions: Functions

    def shown(self) -> dict[str, Expected]:
        """The features that are not hidden."""
        names = [feature["name"] for feature in self.spec["features"]]
        return {name: self.expect(at) for at, name in enumerate(names) if "#" not in name}

    def expect(self, index: int) -> Expected:
        """One feature."""
        feature = self.spec["features"][index]
        if "expr" in feature:
            return combined(feature["expr"], self._leaf)
        counted = [event for event in self.inside if _holds(feature["where"], event)]
        arg = feature["arg"]
        values = [1 if arg is None else evaluate(arg, _field_of(event)) for event in counted]
        known = [pair for pair in zip(values, counted, strict=True) if pair[0] is not None]
        times: list[Any] = [event.values[self.clock] for _, event in known]  # of an applied event: never null
        params = feature["params"]
        length = {"kind": "closed", "over_us": self.spec["window"].get("size_us")}
        function = self.functions.get(params.get("function", ""))
        found = Found([value for value, _ in known], times, self.end, length, params, function)
        value = finite(aggregate(feature["agg"], found))
        return Expected(value, slack(feature["agg"], value, found), found)

    def _leaf(self, part: Mapping[str, Any]) -> Expected:
        return Expected(self.end) if part["op"] == "now" else self.expect(part["feature"])


def _holds(condition: Mapping[str, Any] | None, event: Arrival) -> bool:
    return condition is None or evaluate(condition, _field_of(event)) is True


def _field_of(event: Arrival) -> Any:  # a function of a part of an expression
    return lambda part: event.values[part["name"]]
