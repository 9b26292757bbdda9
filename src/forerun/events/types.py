"""The types of fields and expressions, and which operator takes which.

Six types, the same in every part: bool, int (64 bit), float (64 bit), string (UTF-8), time (an instant,
microseconds UTC) and duration (microseconds). Every expression has one of them before anything runs; a
feature may also be a list of one of them, of which expressions take single elements.

>>> result_type("sub", ("time", "time"))
'duration'
>>> result_type("add", ("string", "float")) is None
True
"""

from typing import Literal, TypeAlias

TypeName: TypeAlias = Literal["bool", "int", "float", "string", "time", "duration", "list"]

ORDERED: tuple[TypeName, ...] = ("int", "float", "time", "duration")
"""Types with a smaller and a larger. Strings have none here: their order depends on the language."""

# Operators whose arguments all have one type, and their result (None: that same type).
_SAME: dict[str, tuple[tuple[TypeName, ...], TypeName | None]] = {
    "abs": (("int", "float", "duration"), None),
    "and": (("bool",), "bool"),
    "ceil": (("float",), "int"),
    "clip": (ORDERED, None),
    "coalesce": (("bool", "int", "float", "string", "time", "duration"), None),
    "contains": (("string",), "bool"),
    "distance_km": (("float",), "float"),
    "ends_with": (("string",), "bool"),
    "eq": (("bool", "int", "float", "string", "time", "duration"), "bool"),
    "exp": (("float",), "float"),
    "floor": (("float",), "int"),
    "ge": (ORDERED, "bool"),
    "gt": (ORDERED, "bool"),
    "in": (("int", "string"), "bool"),
    "is_null": (("bool", "int", "float", "string", "time", "duration"), "bool"),
    "le": (ORDERED, "bool"),
    "length": (("string",), "int"),
    "log": (("float",), "float"),
    "lower": (("string",), "string"),
    "lt": (ORDERED, "bool"),
    "max2": (ORDERED, None),
    "min2": (ORDERED, None),
    "ne": (("bool", "int", "float", "string", "time", "duration"), "bool"),
    "neg": (("int", "float", "duration"), None),
    "not": (("bool",), "bool"),
    "or": (("bool",), "bool"),
    "pow": (("float",), "float"),
    "round": (("float",), "int"),
    "seconds": (("duration",), "float"),
    "sqrt": (("float",), "float"),
    "starts_with": (("string",), "bool"),
    "to_float": (("bool", "int", "string"), "float"),
    "to_int": (("bool", "float", "string"), "int"),
    "to_string": (("bool", "int"), "string"),
}

# Parts of a time on the clock of a zone, which is a constant string.
_CALENDAR: dict[str, TypeName] = {
    "day_of_month": "int",
    "day_of_week": "int",
    "day_of_year": "int",
    "hour": "int",
    "minute": "int",
    "month": "int",
    "seconds_of_day": "float",
    "year": "int",
}

_ARITHMETIC: dict[tuple[str, TypeName, TypeName], TypeName] = {
    ("add", "int", "int"): "int",
    ("add", "float", "float"): "float",
    ("add", "time", "duration"): "time",
    ("add", "duration", "time"): "time",
    ("add", "duration", "duration"): "duration",
    ("sub", "int", "int"): "int",
    ("sub", "float", "float"): "float",
    ("sub", "time", "time"): "duration",
    ("sub", "time", "duration"): "time",
    ("sub", "duration", "duration"): "duration",
    ("mul", "int", "int"): "int",
    ("mul", "float", "float"): "float",
    ("mul", "duration", "int"): "duration",
    ("mul", "int", "duration"): "duration",
    ("div", "float", "float"): "float",
    ("div", "duration", "duration"): "float",
    ("mod", "int", "int"): "int",
    ("mod", "float", "float"): "float",
    ("mod", "duration", "duration"): "duration",
}


def result_type(op: str, types: tuple[TypeName, ...]) -> TypeName | None:
    """The type an operator gives for arguments of these types, or None when it does not take them.

    Args:
        op: An operator of the plan, like "add".
        types: The types of its arguments, numbers already made alike (see `Call.of`).

    Returns:
        The result's type, or None.

    >>> result_type("if", ("bool", "int", "int"))
    'int'
    """
    if op in ("add", "sub", "mul", "div", "mod"):
        return _ARITHMETIC.get((op, types[0], types[1]))
    if op == "if":
        return types[1] if types[0] == "bool" and types[1] == types[2] else None
    if op in _CALENDAR:
        return _CALENDAR[op] if types == ("time", "string") else None
    accepted, result = _SAME[op]
    if types[0] not in accepted or any(other != types[0] for other in types[1:]):
        return None
    return result or types[0]
