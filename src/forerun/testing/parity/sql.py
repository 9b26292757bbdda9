"""A plan's features as SQL window functions, as far as SQL has them: for a second, independent judge."""

from collections.abc import Mapping, Sequence
from typing import Any

TIME = "_time"
"""Column with the event time in microseconds."""
ORDER = "_time, _partition, _offset"
UNBOUNDED = "UNBOUNDED PRECEDING"


class NotInSqlError(ValueError):
    """SQL has no such aggregate, window or operator. Internal: a feature that is not judged."""


def column(feature: Mapping[str, Any], by: Sequence[str]) -> str:
    """A feature as an expression with OVER, a value for every event.

    Args:
        feature: As in the plan.
        by: The view's key. Rows that the view's own condition leaves out are not there.

    Raises:
        NotInSqlError: It has no equivalent.

    >>> window = {"kind": "sliding", "over_us": 60, "ago_us": 0}
    >>> feature = {"agg": "count", "arg": None, "where": None, "window": window, "params": {}}
    >>> column(feature, ["shop"])
    'count(*) OVER (PARTITION BY "shop" ORDER BY _time RANGE BETWEEN 59 PRECEDING AND CURRENT ROW)'
    """
    if "expr" in feature:
        raise NotInSqlError("derived")
    call = _call(feature)
    chosen = "" if feature["where"] is None else f" FILTER (WHERE {expression(feature['where'])})"
    keys = ", ".join(f'"{name}"' for name in by)
    return f"{call}{chosen} OVER (PARTITION BY {keys} {frame(feature['window'])})"


def frame(window: Mapping[str, Any]) -> str:
    """Order and frame of a window.

    Args:
        window: As in the plan.

    Raises:
        NotInSqlError: A session, which no frame can say.

    >>> frame({"kind": "lifetime"})
    'ORDER BY _time RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW'
    """
    match window["kind"]:
        case "sliding":
            before = window["over_us"] + window["ago_us"] - 1
            end = "CURRENT ROW" if not window["ago_us"] else f"{window['ago_us']} PRECEDING"
            return f"ORDER BY {TIME} RANGE BETWEEN {before} PRECEDING AND {end}"
        case "lifetime":
            return f"ORDER BY {TIME} RANGE BETWEEN {UNBOUNDED} AND CURRENT ROW"
        case "last":
            return f"ORDER BY {ORDER} ROWS BETWEEN {window['events'] - 1} PRECEDING AND CURRENT ROW"
        case "hopping":
            size, hop = window["size_us"], window["hop_us"]
            start = f"(({TIME} // {hop}) + 1) * {hop} - {size}"
        case "tiled":
            start = f"(({TIME} - {window['over_us']}) // {window['tile_us']}) * {window['tile_us']}"
        case "calendar" if window["unit"] != "hour":  # an hour that a clock shows twice is not defined alike
            zone = window["zone"]
            local = f"date_trunc('{window['unit']}', timezone('{zone}', make_timestamptz({TIME})))"
            start = f"epoch_us(timezone('{zone}', {local}))"
        case kind:
            raise NotInSqlError(kind)
    return f"ORDER BY {TIME} RANGE BETWEEN ({TIME} - ({start})) PRECEDING AND CURRENT ROW"


def expression(expr: Mapping[str, Any]) -> str:
    """An expression over the fields of one row.

    Args:
        expr: As in the plan.

    Raises:
        NotInSqlError: An operator whose meaning differs.

    >>> field = {"op": "field", "name": "price"}
    >>> expression({"op": "gt", "args": [field, {"op": "lit", "type": "float", "value": 5}]})
    '("price" > 5::DOUBLE)'
    """
    op = expr["op"]
    if op == "field":
        return f'"{expr["name"]}"'
    if op == "lit":
        return _literal(expr["type"], expr["value"])
    if "args" not in expr:
        raise NotInSqlError(op)
    args = [expression(arg) for arg in expr["args"]]
    if op in _INFIX:
        return f"({args[0]} {_INFIX[op]} {args[1]})"
    if op in _CALLS:
        return _CALLS[op].format(*args, rest=", ".join(args[1:]), all=", ".join(args))
    raise NotInSqlError(op)


_INFIX = {
    "add": "+", "and": "AND", "eq": "=", "ge": ">=", "gt": ">", "le": "<=", "lt": "<", "mul": "*", "ne": "<>",
    "or": "OR", "sub": "-",
}  # fmt: skip

_CALLS = {
    "abs": "abs({0})",
    "coalesce": "coalesce({all})",
    "div": "({0} / nullif({1}, 0))",
    "if": "(CASE WHEN {0} THEN {1} ELSE {2} END)",
    "in": "({0} IN ({rest}))",
    "is_null": "({0} IS NULL)",
    "max2": "(CASE WHEN {0} >= {1} THEN {0} WHEN {0} < {1} THEN {1} END)",
    "min2": "(CASE WHEN {0} <= {1} THEN {0} WHEN {0} > {1} THEN {1} END)",
    "neg": "(-{0})",
    "not": "(NOT {0})",
    "seconds": "({0} / 1e6)",
    "to_float": "({0})::DOUBLE",
}


def _literal(type_name: str, value: Any) -> str:
    types = {"float": "DOUBLE", "int": "BIGINT", "time": "BIGINT", "duration": "BIGINT", "string": "VARCHAR"}
    if value is None or type_name not in types:
        return "NULL" if value is None else str(value).lower()
    text = "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)
    return f"{text}::{types[type_name]}"


def _call(feature: Mapping[str, Any]) -> str:
    agg, params = feature["agg"], feature["params"]
    if agg == "count" and feature["arg"] is None:
        return "count(*)"
    arg = None if feature["arg"] is None else expression(feature["arg"])
    number = f"({arg})::DOUBLE"
    calls = {
        "approx_distinct": f"count(DISTINCT {arg})",
        "count": f"count({arg})",
        "distinct": f"count(DISTINCT {arg})",
        "max": f"max({arg})",
        "mean": f"avg({number})",
        "min": f"min({arg})",
        "skew": f"skewness({number})",
        "std": f"stddev_samp({number})",
        "sum": f"sum({number})",
        "var": f"var_samp({number})",
    }
    if agg == "rate":
        total = "count(*)" if arg is None else f"sum({number})"
        raise NotInSqlError(total)  # a quotient of a window function: no single call
    if agg == "quantile":
        return f"quantile_disc({number}, {params['q']!r})"
    if agg not in calls or (agg == "distinct" and "max" in params):
        raise NotInSqlError(agg)
    return calls[agg]
