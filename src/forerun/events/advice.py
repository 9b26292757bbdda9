"""What to write instead: the second half of the messages about expressions."""

import linecache
import re
from collections.abc import Set

from forerun.errors import Location
from forerun.events.types import TypeName

_INSTEAD = {
    r"\band\b": "for `and` write (a > 1) & (b < 2)",
    r"\bor\b": "for `or` write (a > 1) | (b < 2)",
    r"\bnot\b(?! in)": "for `not` write fr.not_(a)",
    r"(?<!for \w )\bin\b": "for `in` write fr.is_in(a, ['x', 'y'])",
    r"\bif\b": "for `if` write fr.if_else(condition, a, b)",
    r"[<>]=?[^<>]*[<>]": "for a < b < c write (a < b) & (b < c)",
    r"\b(min|max|sorted)\(": "for min(a, b) write fr.least(a, b), for max(a, b) fr.greatest(a, b)",
}


_ATTRIBUTES = {
    "contains": "fr.contains(x, 'part')",
    "endswith": "fr.ends_with(x, 'end')",
    "lower": "fr.lower(x)",
    "startswith": "fr.starts_with(x, 'start')",
    "total_seconds": "fr.seconds(x)",
    **dict.fromkeys(
        ("date", "day", "hour", "isoweekday", "minute", "month", "weekday", "year"),
        "the parts of fr.local(x, 'Europe/Paris'), like fr.local(x, 'Europe/Paris').hour",
    ),
}


def instead_of_attribute(name: str) -> str:
    """What to write in place of an attribute that a value would have and an expression has not.

    Args:
        name: The attribute.

    Returns:
        Advice.

    >>> instead_of_attribute("startswith")
    "write fr.starts_with(x, 'start')"
    """
    if name in _ATTRIBUTES:
        return f"write {_ATTRIBUTES[name]}"
    return "use operators and the functions of forerun (fr.if_else, fr.coalesce, fr.is_in, fr.seconds, ...)"


def instead_of_truth(at: Location) -> str:
    """What to write in place of the Python words that ask for true or false.

    Args:
        at: The user's line.

    Returns:
        Advice for the words found there; all of it where none is.
    """
    file, line = at
    text = linecache.getline(file, line) if file and line else ""
    found = [advice for pattern, advice in _INSTEAD.items() if re.search(pattern, text)]
    return "; ".join(found or _INSTEAD.values())


def instead_of_types(op: str, types: Set[TypeName]) -> str:
    """What to write where an operator does not take its arguments.

    Args:
        op: The operator.
        types: The types it was given.

    Returns:
        Advice.

    >>> instead_of_types("add", {"bool"})
    'turn a bool into a number with fr.if_else(condition, 1, 0)'
    """
    if "list" in types:
        return "take one element of a list, like View.feature[0]"
    if op in ("and", "or", "not"):
        return "both sides must be bool; put comparisons in parentheses: (a > 1) & (b == 'x')"
    if op in ("contains", "ends_with", "length", "lower", "starts_with"):
        return "it takes strings only; fr.to_string(...) makes one of an int"
    if op == "to_string":
        return "only ints and bools have one spelling; round a float first: fr.to_string(fr.round(x))"
    if op in ("to_float", "to_int") and types & {"time", "duration"}:
        return "subtract one time from another and write fr.seconds(...) of the duration"
    if op in ("lt", "le", "gt", "ge") and types == {"string"}:
        return "strings have no order here; compare with == or fr.is_in"
    if types == {"string", "time"}:
        return "write an instant as fr.Time('2013-01-01T00:00:00Z')"
    if types == {"string", "duration"}:
        return "write a length as fr.Duration('5m')"
    if "string" in types and len(types) == 2:
        return (
            f"a string and a {next(iter(types - {'string'}))} have nothing in common; compare like with like"
        )
    if "string" in types:
        return (
            "strings can be compared with == and !=, tested with fr.is_in, fr.starts_with or fr.contains; "
            "to read a number from one write fr.to_float(...)"
        )
    if "bool" in types:
        return "turn a bool into a number with fr.if_else(condition, 1, 0)"
    if "duration" in types:
        return "turn a duration into a number with fr.seconds(...), or write a length as fr.Duration('5m')"
    if "time" in types:
        return "subtract one time from another, or write an instant as fr.Time('2013-01-01T00:00:00Z')"
    return "make both sides the same type"
