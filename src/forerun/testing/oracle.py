"""What every feature value should be, computed the slow and obvious way.

The oracle reads the same plan as the kernel and shares no code with it: it keeps every applied event
in a list, scans the whole list for each value, and sums with exact rational numbers. It is O(n^2) on
purpose. Where kernel and oracle differ, one of them has a bug; `docs/concepts/` says which value is
right.

Integers, minima, maxima, first and last are exact. Sums and means are the exact rational result
rounded once, so the kernel must agree within one unit in the last place; variances within two.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

Value = bool | int | float | str | None

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
    """

    stream: int
    partition: int
    offset: int
    arrival_us: int
    values: Mapping[str, Value]


@dataclass(frozen=True)
class Outcome:
    """What became of one event.

    Args:
        arrival: The event.
        verdict: 0 applied, 1 invalid, 2 early, 3 late, 4 duplicate.
        vectors: The inputs that it triggered, by name of the vector.
    """

    arrival: Arrival
    verdict: int
    vectors: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)


class Oracle:
    """A naive interpreter of a compiled plan.

    Args:
        plan: The plan's JSON text, as `App.plan()` gives it.

    >>> plan = {
    ...     "streams": [{"name": "Sale", "time": "at", "key": ["shop"], "id": None, "lateness_us": 0,
    ...                  "max_skew_us": 0, "idle_us": None, "dedup_us": None, "fields": [
    ...                      {"name": "shop", "type": "string", "nullable": False},
    ...                      {"name": "at", "type": "time", "nullable": False}]}],
    ...     "views": [{"name": "Shop", "stream": 0, "by": ["shop"], "where": None, "features": [
    ...         {"name": "n", "agg": "count", "arg": None, "where": None, "over_us": 10, "per_us": None}]}],
    ...     "vectors": [],
    ... }
    >>> oracle = Oracle(json.dumps(plan))
    >>> for at in (1, 5, 12):
    ...     _ = oracle.apply(Arrival(0, 0, at, at, {"shop": "a", "at": at}))
    >>> oracle.value(0, 0, ("a",), 12)
    2
    """

    def __init__(self, plan: str) -> None:
        self.plan: dict[str, Any] = json.loads(plan)
        self._applied: list[list[Arrival]] = [[] for _ in self.plan["streams"]]
        self._seen: list[dict[tuple[Value, ...], list[int]]] = [{} for _ in self.plan["streams"]]
        self._high: list[dict[int, int]] = [{} for _ in self.plan["streams"]]
        self._last_arrival: list[dict[int, int]] = [{} for _ in self.plan["streams"]]
        self._watermark: list[int | None] = [None for _ in self.plan["streams"]]

    def apply_all(self, arrivals: Iterable[Arrival]) -> list[Outcome]:
        """Applies events in the order of one step: by arrival, stream, partition, offset."""
        ordered = sorted(arrivals, key=lambda a: (a.arrival_us, a.stream, a.partition, a.offset))
        return [self.apply(arrival) for arrival in ordered]

    def apply(self, arrival: Arrival) -> Outcome:
        """Applies one event and reads the vectors that it triggers, its own effect included."""
        verdict = self._judge(arrival)
        if verdict != APPLIED:
            return Outcome(arrival, verdict)
        stream = self.plan["streams"][arrival.stream]
        self._applied[arrival.stream].append(arrival)
        time = arrival.values[stream["time"]]
        assert isinstance(time, int)
        high = self._high[arrival.stream]
        high[arrival.partition] = max(time, high.get(arrival.partition, time))
        identity = _identity(stream, arrival)
        if identity is not None:
            self._seen[arrival.stream].setdefault(identity, []).append(time)
        self._advance(arrival.stream, arrival.arrival_us)
        vectors = {
            vector["name"]: {
                item["name"]: _finite(self._evaluate(item["expr"], arrival.values, time))
                for item in vector["inputs"]
            }
            for vector in self.plan["vectors"]
            if vector["on"] == arrival.stream
        }
        return Outcome(arrival, APPLIED, vectors)

    def watermark(self, stream: int) -> int | None:
        """The stream's watermark in microseconds; None before its first accepted event."""
        return self._watermark[stream]

    def value(self, view: int, feature: int, key: tuple[Value, ...], time: int) -> Value:
        """One feature of one entity at a time: a scan over everything that was applied."""
        spec = self.plan["views"][view]
        wanted = spec["features"][feature]
        if any(part is None for part in key):
            return 0 if wanted["agg"] == "count" else None
        clock = self.plan["streams"][spec["stream"]]["time"]
        inside: list[tuple[tuple[int, int, int], Mapping[str, Value]]] = []
        for event in self._applied[spec["stream"]]:
            at = event.values[clock]
            assert isinstance(at, int)
            if at > time or (wanted["over_us"] is not None and at <= time - wanted["over_us"]):
                continue
            if tuple(event.values[name] for name in spec["by"]) != key:
                continue
            conditions = [c for c in (spec["where"], wanted["where"]) if c is not None]
            if all(self._evaluate(condition, event.values, at) is True for condition in conditions):
                inside.append(((at, event.partition, event.offset), event.values))
        inside.sort(key=lambda pair: pair[0])
        if wanted["arg"] is None:
            values: list[Value] = [1] * len(inside)
        else:
            found = [self._evaluate(wanted["arg"], row, at[0]) for at, row in inside]
            values = [value for value in found if value is not None]
        return _aggregate(wanted, values)

    def _judge(self, arrival: Arrival) -> int:
        stream = self.plan["streams"][arrival.stream]
        for spec in stream["fields"]:
            value = arrival.values[spec["name"]]
            if value is None and not spec["nullable"]:
                return INVALID
            if isinstance(value, float) and not math.isfinite(value):
                return INVALID
        time = arrival.values[stream["time"]]
        assert isinstance(time, int)
        self._last_arrival[arrival.stream][arrival.partition] = arrival.arrival_us
        self._advance(arrival.stream, arrival.arrival_us)
        if stream["max_skew_us"] is not None and time > arrival.arrival_us + stream["max_skew_us"]:
            return EARLY
        watermark = self._watermark[arrival.stream]
        if watermark is not None and time < watermark:
            return LATE
        identity = _identity(stream, arrival)
        if identity is not None:
            known = self._seen[arrival.stream].get(identity, [])
            if any(abs(before - time) <= stream["dedup_us"] for before in known):
                return DUPLICATE
        return APPLIED

    def _advance(self, stream: int, now: int) -> None:
        """The watermark: lowest over partitions that are not idle, and never backwards."""
        spec = self.plan["streams"][stream]
        idle = spec["idle_us"]
        marks = [
            high - spec["lateness_us"]
            for partition, high in self._high[stream].items()
            if idle is None or now - self._last_arrival[stream][partition] <= idle
        ]
        if marks:
            before = self._watermark[stream]
            self._watermark[stream] = min(marks) if before is None else max(before, min(marks))

    def _evaluate(self, expr: Mapping[str, Any], row: Mapping[str, Value], time: int) -> Value:
        op = expr["op"]
        if op == "field":
            return row[expr["name"]]
        if op == "lit":
            literal: Value = expr["value"]
            return float(literal) if expr["type"] == "float" and literal is not None else literal
        if op == "feature":
            key = tuple(self._evaluate(part, row, time) for part in expr["key"])
            return self.value(expr["view"], expr["feature"], key, time)
        result: Value = _operate(op, [self._evaluate(arg, row, time) for arg in expr["args"]])
        return _finite(result)


def _identity(stream: Mapping[str, Any], arrival: Arrival) -> tuple[Value, ...] | None:
    """What a duplicate shares with the first; an id with a null part is no id."""
    if stream["dedup_us"] is None:
        return None
    identity = tuple(arrival.values[name] for name in stream["id"])
    return None if None in identity else identity


def _finite(value: Value) -> Value:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _aggregate(spec: Mapping[str, Any], values: list[Value]) -> Value:
    agg = spec["agg"]
    if agg == "count":
        return len(values)
    if not values:
        return None
    if agg in ("first", "last"):
        return values[0] if agg == "first" else values[-1]
    if agg in ("min", "max"):
        return min(values) if agg == "min" else max(values)  # type: ignore[type-var]  # one type each
    exact = [Fraction(value) for value in values]  # type: ignore[arg-type]  # numbers by definition
    total = sum(exact, Fraction())
    if agg == "sum":
        return float(total) if isinstance(values[0], float) else int(total)
    if agg == "mean":
        return float(total / len(exact))
    if agg == "rate":
        return float(total * spec["per_us"] / spec["over_us"])
    if len(exact) < 2:
        return None
    variance = (len(exact) * sum(x * x for x in exact) - total * total) / (len(exact) * (len(exact) - 1))
    return float(variance) if agg == "var" else math.sqrt(variance)


def _operate(op: str, args: list[Any]) -> Any:  # Any: each operator knows its own types
    if op == "is_null":
        return args[0] is None
    if op == "coalesce":
        return next((arg for arg in args if arg is not None), None)
    if op == "if":
        return args[1] if args[0] is True else args[2]
    if op == "and":
        return False if False in args else None if None in args else True
    if op == "or":
        return True if True in args else None if None in args else False
    if None in args:
        return None
    a = args[0]
    b = args[1] if len(args) > 1 else None
    match op:
        case "add":
            return a + b
        case "sub":
            return a - b
        case "mul":
            return a * b
        case "div":
            return None if b == 0 else a / b
        case "neg":
            return -a
        case "eq" | "ne" | "lt" | "le" | "gt" | "ge":
            return {"eq": a == b, "ne": a != b, "lt": a < b, "le": a <= b, "gt": a > b, "ge": a >= b}[op]
        case "not":
            return not a
        case "in":
            return a in args[1:]
        case "abs":
            return abs(a)
        case "log":
            return math.log(a) if a > 0 else None
        case "exp":
            return math.exp(a) if a < 710 else None
        case "min2":
            return min(args)
        case "max2":
            return max(args)
        case "clip":
            return min(max(a, b), args[2])
        case "seconds":
            return a / 1e6
        case "to_float":
            return float(a)
    raise ValueError(f"the oracle does not know the operator {op!r}")
