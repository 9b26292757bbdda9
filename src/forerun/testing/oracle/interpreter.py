"""`Oracle`: a naive interpreter of a compiled plan."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from forerun.features.custom import NO_FUNCTIONS, Functions
from forerun.testing.oracle.aggregates import Found, aggregate
from forerun.testing.oracle.arrival import APPLIED, Arrival, Outcome, Scalar, Value
from forerun.testing.oracle.expressions import evaluate, finite
from forerun.testing.oracle.guard import Guard
from forerun.testing.oracle.tolerance import slack
from forerun.testing.oracle.windows import inside

Key: TypeAlias = tuple[Scalar, ...]


@dataclass(frozen=True)
class Expected:
    """What a feature should be, and how far the kernel may be from it.

    Args:
        value: The exact value, rounded once.
        slack: The largest difference allowed; see `tolerance`.
        found: The values it is made of; None where it is made of other features.

    >>> Expected(2).slack
    0.0
    """

    value: Value
    slack: float = 0.0
    found: Found | None = None


@dataclass(frozen=True)
class Row:
    """An event that was applied to an entity.

    Args:
        at: Event time, partition and offset: the order of an entity's events.
        values: Its fields.

    >>> Row((10, 0, 3), {"n": 1}).at
    (10, 0, 3)
    """

    at: tuple[int, int, int]
    values: Mapping[str, Scalar]


class Oracle:
    """A naive interpreter of a compiled plan.

    Args:
        plan: The plan's JSON text, as `App.plan()` gives it.
        functions: What it calls by name, as `App.functions` gives them.

    >>> plan = {
    ...     "streams": [{"name": "Sale", "time": "at", "key": ["shop"], "id": None, "lateness_us": 0,
    ...                  "max_skew_us": 0, "idle_us": None, "dedup_us": None, "fields": [
    ...                      {"name": "shop", "type": "string", "nullable": False},
    ...                      {"name": "at", "type": "time", "nullable": False}]}],
    ...     "views": [{"name": "Shop", "stream": 0, "by": ["shop"], "where": None, "features": [
    ...         {"name": "n", "agg": "count", "arg": None, "where": None, "params": {},
    ...          "window": {"kind": "sliding", "over_us": 10, "ago_us": 0}}]}],
    ...     "vectors": [],
    ... }
    >>> oracle = Oracle(json.dumps(plan))
    >>> for at in (1, 5, 12):
    ...     _ = oracle.apply(Arrival(0, 0, at, at, {"shop": "a", "at": at}))
    >>> oracle.value(0, 0, ("a",), 12)
    2
    """

    def __init__(self, plan: str, functions: Functions = NO_FUNCTIONS) -> None:
        self._functions = functions
        self.plan: dict[str, Any] = json.loads(plan)
        self._guards = [Guard(stream) for stream in self.plan["streams"]]
        self._entities: list[dict[Key, list[Row]]] = [{} for _ in self.plan["views"]]

    def apply(self, arrival: Arrival) -> Outcome:
        """Applies one event and reads the vectors that it triggers, its own effect included."""
        verdict = self.take(arrival)
        if verdict != APPLIED:
            return Outcome(arrival, verdict)
        vectors = {
            vector["name"]: {name: expected.value for name, expected in self.vector(index, arrival).items()}
            for index, vector in enumerate(self.plan["vectors"])
            if vector["on"] == arrival.stream
        }
        return Outcome(arrival, APPLIED, vectors)

    def take(self, arrival: Arrival) -> int:
        """Applies one event without reading anything.

        Returns:
            The verdict: 0 applied, 1 invalid, 2 early, 3 late, 4 duplicate.
        """
        verdict = self._guards[arrival.stream].judge(arrival)
        if verdict != APPLIED:
            return verdict
        time = arrival.values[self.plan["streams"][arrival.stream]["time"]]
        assert isinstance(time, int)
        row = Row((time, arrival.partition, arrival.offset), arrival.values)
        for view, entities in zip(self.plan["views"], self._entities, strict=True):
            if view["stream"] != arrival.stream or not _holds(view["where"], row):
                continue
            key = tuple(arrival.values[name] for name in view["by"])
            if None not in key:
                rows = entities.setdefault(key, [])
                rows.append(row)
                rows.sort(key=lambda row: row.at)
        return APPLIED

    def watermark(self, stream: int) -> int | None:
        """The stream's watermark in microseconds; None before its first accepted event."""
        return self._guards[stream].watermark

    def keys(self, view: int) -> list[Key]:
        """The entities of a view that have ever had an event."""
        return list(self._entities[view])

    def rows(self, view: int, key: Key, time: int) -> list[Row]:
        """The events of an entity up to a time, oldest first."""
        return [row for row in self._entities[view].get(key, []) if row.at[0] <= time]

    def vector(self, index: int, arrival: Arrival) -> dict[str, Expected]:
        """The inputs of a vector for an event, read at its own time."""
        vector = self.plan["vectors"][index]
        time = arrival.values[self.plan["streams"][vector["on"]]["time"]]
        assert isinstance(time, int)
        return {item["name"]: self._input(item["expr"], arrival.values, time) for item in vector["inputs"]}

    def value(self, view: int, feature: int, key: Key, time: int) -> Value:
        """One feature of one entity at a time: a walk over everything that was applied to it."""
        return self.expect(view, feature, key, time).value

    def expect(self, view: int, feature: int, key: Key, time: int) -> Expected:
        """The same, with how far the kernel may be from it."""
        wanted = self.plan["views"][view]["features"][feature]
        if "expr" in wanted:
            return self._derived(view, wanted["expr"], key, time)
        return self._aggregate(view, wanted, key, time)

    def untiled(self, view: int, feature: int, key: Key, time: int) -> Expected:
        """What a tiled feature would be without its tiles: over a sliding window of the same length."""
        wanted = self.plan["views"][view]["features"][feature]
        sliding = {"kind": "sliding", "over_us": wanted["window"]["over_us"], "ago_us": 0}
        return self._aggregate(view, {**wanted, "window": sliding}, key, time)

    def _aggregate(self, view: int, wanted: Mapping[str, Any], key: Key, time: int) -> Expected:
        rows = self.rows(view, key, time)
        within = rows[inside(wanted["window"], [row.at[0] for row in rows], time)]
        found = self._found(wanted, [row for row in within if _holds(wanted["where"], row)], time)
        value = finite(aggregate(wanted["agg"], found))
        return Expected(value, slack(wanted["agg"], value, found), found)

    def _found(self, wanted: Mapping[str, Any], rows: list[Row], time: int) -> Found:
        """The values of the argument, without nulls."""
        arg, window = wanted["arg"], wanted["window"]
        values = [1 if arg is None else evaluate(arg, _field_of(row)) for row in rows]
        pairs = [(value, row.at[0]) for value, row in zip(values, rows, strict=True) if value is not None]
        params = wanted["params"]
        function = self._functions.get(params.get("function", ""))
        return Found([value for value, _ in pairs], [at for _, at in pairs], time, window, params, function)

    def _derived(self, view: int, expr: Mapping[str, Any], key: Key, time: int) -> Expected:
        """A feature made of others of its view, at the time of the reading."""

        def leaf(part: Mapping[str, Any]) -> Expected:
            return Expected(time) if part["op"] == "now" else self.expect(view, part["feature"], key, time)

        return combined(expr, leaf)

    def _input(self, expr: Mapping[str, Any], values: Mapping[str, Scalar], time: int) -> Expected:
        """An input of a vector: fields of the event, and features of entities that it names."""

        def leaf(part: Mapping[str, Any]) -> Expected:
            if part["op"] == "field":
                return Expected(values[part["name"]])
            key = tuple(evaluate(item, lambda field: values[field["name"]]) for item in part["key"])
            expected = self.expect(part["view"], part["feature"], key, time)  # type: ignore[arg-type]  # scalars
            if "at" not in part:
                return expected
            assert isinstance(expected.value, list)
            return Expected(expected.value[part["at"]] if part["at"] < len(expected.value) else None)

        return combined(expr, leaf)


def combined(expr: Mapping[str, Any], leaf: Any) -> Expected:
    """An expression over values with slack of their own: allowed is 1e-9 of the largest of them.

    A lone leaf keeps its own slack; where all leaves are exact, so is the result but for one rounding.

    Args:
        expr: As in the plan.
        leaf: Gives the value of a leaf.

    >>> combined({"op": "neg", "args": [{"op": "own", "feature": 0}]}, lambda _: Expected(2)).value
    -2
    """
    if expr["op"] not in ("lit",) and "args" not in expr:
        only: Expected = leaf(expr)
        return Expected(finite(only.value), only.slack, only.found)
    leaves: list[Expected] = []

    def value_of(part: Mapping[str, Any]) -> Value:
        leaves.append(leaf(part))
        return leaves[-1].value

    value = evaluate(expr, value_of)
    loose = any(part.slack for part in leaves)
    numbers = [abs(part.value) for part in [*leaves, Expected(value)] if isinstance(part.value, int | float)]
    return Expected(value, 1e-9 * max(numbers, default=0.0) if loose else 1e-15 * _size(value))


def _size(value: Value) -> float:
    return abs(value) if isinstance(value, float) else 0.0


def _field_of(row: Row) -> Any:
    return lambda part: row.values[part["name"]]


def _holds(condition: Mapping[str, Any] | None, row: Row) -> bool:
    return condition is None or evaluate(condition, _field_of(row)) is True
