"""Expressions over one row, operator by operator, in plain Python."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from forerun.testing.oracle.arrival import Value
from forerun.testing.oracle.clocks import local

Leaf: TypeAlias = Callable[[Mapping[str, Any]], Value]


def evaluate(expr: Mapping[str, Any], leaf: Leaf) -> Value:
    """The value of an expression.

    Args:
        expr: As in the plan.
        leaf: What gives the value of a leaf that is no constant: a field, a feature, the time of a reading.

    Returns:
        The value; null for a float that is not finite.

    >>> expr = {"op": "add", "args": [{"op": "field", "name": "n"}, {"op": "lit", "type": "int", "value": 1}]}
    >>> evaluate(expr, lambda leaf: {"n": 41}[leaf["name"]])
    42
    """
    op = expr["op"]
    if op == "lit":
        literal: Value = expr["value"]
        return float(literal) if expr["type"] == "float" and isinstance(literal, int) else literal
    if "args" not in expr:
        return leaf(expr)
    value: Value = _operate(op, [evaluate(arg, leaf) for arg in expr["args"]])
    return finite(value)


def finite(value: Value) -> Value:
    """The value, or null for what its type cannot hold: an infinity, NaN, an int beyond 64 bits.

    >>> finite(math.inf), finite(2**63), finite(2**63 - 1)
    (None, None, 9223372036854775807)
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return None if isinstance(value, int) and not -(2**63) <= value < 2**63 else value


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
    a, b = (*args, None)[:2]
    match op:
        case "add":
            return a + b
        case "sub":
            return a - b
        case "mul":
            return a * b
        case "div":
            return None if b == 0 else float(a) / float(b)
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
            return _or_null(math.log, a)
        case "exp":
            return _or_null(math.exp, a)
        case "min2":
            return min(args)
        case "max2":
            return max(args)
        case "clip":
            return min(max(a, b), args[2])
        case "seconds":
            return a / 1e6
        case "to_float":
            return float(a) if not isinstance(a, str) or _FLOAT.fullmatch(a) else None
        case "to_int":
            return int(a) if not isinstance(a, str) or _INT.fullmatch(a) else None
        case "to_string":
            return str(a).lower()
        case "mod":
            return None if b == 0 else a % b
        case "pow":
            return _or_null(math.pow, a, b)
        case "sqrt":
            return _or_null(math.sqrt, a)
        case "floor" | "ceil" | "round":
            return _ROUNDED[op](a)
        case "distance_km":
            return _distance_km(*args)
        case "starts_with":
            return a[: len(b)] == b
        case "ends_with":
            return b == "" or a[-len(b) :] == b
        case "contains":
            return b in a
        case "length":
            return len(a)
        case "lower":
            return a.lower()
    if op in _PARTS:
        shown = local(a, b)
        return None if shown is None else _PARTS[op](shown)
    raise ValueError(f"the oracle does not know the operator {op!r}")


_ROUNDED: Mapping[str, Callable[[float], int]] = {"ceil": math.ceil, "floor": math.floor, "round": round}
_SECOND = timedelta(seconds=1)
_INT = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")

_PARTS: Mapping[str, Callable[[datetime], float]] = {
    "day_of_month": lambda shown: shown.day,
    "day_of_week": lambda shown: shown.weekday(),
    "day_of_year": lambda shown: shown.timetuple().tm_yday,
    "hour": lambda shown: shown.hour,
    "minute": lambda shown: shown.minute,
    "month": lambda shown: shown.month,
    "seconds_of_day": lambda shown: (
        (shown - shown.replace(hour=0, minute=0, second=0, microsecond=0)) / _SECOND
    ),
    "year": lambda shown: shown.year,
}


def _or_null(function: Callable[..., float], *args: float) -> float | None:
    try:
        return function(*args)
    except (OverflowError, ValueError):
        return None


def _distance_km(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> float | None:
    """The length of the chord through the Earth, bent onto its surface: no haversine here."""
    if max(abs(lat_a), abs(lat_b)) > 90 or max(abs(lon_a), abs(lon_b)) > 360:
        return None

    def point(lat: float, lon: float) -> tuple[float, float, float]:
        north, east = math.radians(lat), math.radians(lon)
        return math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)

    half = math.dist(point(lat_a, lon_a), point(lat_b, lon_b)) / 2
    return 2 * 6371.0088 * math.asin(min(half, 1.0))
