"""Expressions over one row, operator by operator, in plain Python."""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from forerun.testing.oracle.arrival import Value

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
