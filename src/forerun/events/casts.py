"""Values of one type as another, each said where it happens."""

from typing import cast

from forerun.events.calls import declared
from forerun.events.expression import as_expr, call


@declared
def to_float(value: float | str | None) -> float:
    """A number, condition or text as a float: true is 1, and text is read as a program writes numbers.

    Args:
        value: An int, float, bool or string. Of a duration take `seconds`.

    Returns:
        The float; null for text that is no number, like "", " 1" or "1,5".

    >>> from forerun.features.aggregates import last
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(last(to_float("1.5e1"))), at_eleven(last(to_float(Opened.door)))
    (15.0, None)
    """
    expr = as_expr(value)
    return cast(float, expr if expr.type == "float" else call("to_float", expr))


@declared
def to_int(value: float | str | None) -> int:
    """A number, condition or text as an int; the fraction of a float is cut off.

    Args:
        value: An int, float, bool or string.

    Returns:
        The int; null beyond 64 bits, and for text that is not an optional sign and digits.

    >>> from forerun.features.aggregates import last
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(last(to_int(Opened.seconds / -8)))  # 60 / -8 is -7.5
    -7
    """
    expr = as_expr(value)
    return cast(int, expr if expr.type == "int" else call("to_int", expr))


@declared
def to_string(value: int | str | None) -> str:
    """An int as its digits, a condition as "true" or "false".

    Args:
        value: An int, bool or string. A float has no one spelling; round it first.

    Returns:
        The string.

    >>> from forerun.features.aggregates import count
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(count(where=to_string(Opened.seconds) == "60"))
    1
    """
    expr = as_expr(value)
    return cast(str, expr if expr.type == "string" else call("to_string", expr))
