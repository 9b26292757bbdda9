"""Functions of expressions: what has no operator in Python.

They are typed as functions of values, so that a checker and an editor read an app file as plain Python;
at run time they take and give expressions. Null in, null out, unless a function says otherwise.

>>> from forerun.events.event import Event
>>> class Flown(Event):
...     at: EventTime
...     sched: Time
...     delay: float | None
>>> seconds(Flown.at - Flown.sched) / 60
seconds(Flown.at - Flown.sched) / 60.0
"""

import re
from collections.abc import Sequence
from copy import copy
from typing import TypeVar, cast

from forerun.errors import ExpressionTypeError, InputError
from forerun.events.calls import declared
from forerun.events.expression import Constant, Expr, Field, as_expr, call
from forerun.events.moments import Duration, EventTime, Time

T = TypeVar("T")
N = TypeVar("N", int, float, Duration)
O = TypeVar("O", int, float, Time, EventTime, Duration)  # noqa: E741  # O for ordered, beside T and N

NAME_CHARS_MAX = 100
_NAME = re.compile(r"""[^\s"'\[\]{},:]+""")  # what Parquet, ONNX and LightGBM all take as a column's name


@declared
def abs(value: N | None) -> N:
    """The absolute value of a number or duration.

    >>> from forerun.events.event import Event
    >>> class Flown(Event):
    ...     at: EventTime
    ...     delay: float
    >>> abs(Flown.delay) > 15
    abs(Flown.delay) > 15.0
    """
    return cast(N, call("abs", value))


@declared
def clip(value: O | None, low: O, high: O) -> O:
    """The value, or the bound it is beyond.

    Args:
        value: A number, time or duration.
        low: The smallest result.
        high: The largest result.

    Returns:
        A value between the bounds.

    Raises:
        ExpressionTypeError: Constant bounds in the wrong order, or mixed types.

    >>> from forerun.features.aggregates import last
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(last(clip(Opened.seconds, 0, 30)))
    30
    """
    bounds = [as_expr(bound) for bound in (low, high)]
    lowest, highest = (
        float(b.value) if isinstance(b, Constant) and b.value is not None else None for b in bounds
    )
    if lowest is not None and highest is not None and lowest > highest:
        raise ExpressionTypeError(
            f"clip from {bounds[0]!r} to {bounds[1]!r} holds nothing; write the smaller first."
        )
    return cast(O, call("clip", value, low, high))


@declared
def coalesce(value: T | None, *others: T | None) -> T:
    """The first that is not null.

    Args:
        value: An expression.
        others: What to take instead, in order; constants or expressions of the same type.

    Returns:
        Null only where all are null.

    >>> from forerun.features.aggregates import last
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(last(coalesce(Opened.who, "nobody") == "nobody"))
    True
    """
    if not others:
        raise ExpressionTypeError("coalesce of one value is that value; write what to take instead of null.")
    return cast(T, call("coalesce", value, *others))


@declared
def exp(value: float | None) -> float:
    """Euler's number to the power of a number; null beyond what a float can hold.

    >>> from forerun.features.aggregates import last
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(last(exp(Opened.seconds - 60)))
    1.0
    """
    return cast(float, call("exp", value))


@declared
def given(value: T | None) -> T:
    """The value itself, for a type checker that minds that it may be None.

    Args:
        value: A field that may be null.

    Returns:
        The same expression: null in gives null out, here as everywhere.

    >>> from forerun.events.event import Event
    >>> class Seen(Event):
    ...     at: EventTime
    ...     miles: float | None
    >>> given(Seen.miles) < 3
    Seen.miles < 3.0
    """
    return cast(T, as_expr(value))


@declared
def greatest(value: O | None, other: O | None) -> O:
    """The larger of two values of one row (`max` is the aggregate over many); null if either is.

    >>> from forerun.features.aggregates import mean
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(mean(greatest(Opened.seconds, 30)))  # 30, 30, 60
    40.0
    """
    return cast(O, call("max2", value, other))


@declared
def if_else(condition: bool | None, then: T | None, otherwise: T | None) -> T:
    """One value where a condition holds, another where it does not.

    Args:
        condition: A bool expression.
        then: The value where it is true.
        otherwise: The value where it is false; same type.

    Returns:
        `otherwise` also where the condition is null, as in SQL.

    >>> from forerun.features.aggregates import sum
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(sum(if_else(Opened.seconds > 15, 1, 0)))
    2
    """
    return cast(T, call("if", condition, then, otherwise))


@declared
def is_in(value: str | int | None, values: Sequence[str] | Sequence[int]) -> bool:
    """Whether a string or int is one of a list of constants.

    Args:
        value: The expression.
        values: At least one constant of its type.

    Returns:
        A condition; null where the value is null.

    >>> from forerun.features.aggregates import count
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(count(where=is_in(Opened.who, ["ann", "bob"])))
    2
    """
    if isinstance(values, str | Expr) or not values:
        raise ExpressionTypeError(
            f"is_in(..., {values!r}): the second argument is a list, like ['JFK', 'LGA']."
        )
    if any(isinstance(item, Expr) for item in values):
        raise ExpressionTypeError("is_in takes constants; compare two fields with ==.")
    return cast(bool, call("in", value, *values))


@declared
def is_null(value: object) -> bool:
    """Whether a value is missing; never null itself.

    >>> from forerun.features.aggregates import count
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(count(where=is_null(Opened.who)))
    1
    """
    return cast(bool, call("is_null", value))


@declared
def least(value: O | None, other: O | None) -> O:
    """The smaller of two values of one row (`min` is the aggregate over many); null if either is.

    >>> from forerun.features.aggregates import mean
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(mean(least(Opened.seconds, 30)))  # 10, 20, 30
    20.0
    """
    return cast(O, call("min2", value, other))


@declared
def log(value: float | None) -> float:
    """The natural logarithm; null for zero and below.

    >>> from forerun.features.aggregates import last
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(last(log(Opened.seconds - 59))), at_eleven(last(log(Opened.seconds - 60), over="5m"))
    (0.0, None)
    """
    return cast(float, call("log", value))


@declared
def named(name: str, value: T | None) -> T:
    """Give an expression the name it has as a model's input, in tables, explanations and reports.

    Args:
        name: At most 100 characters, without spaces, quotes, brackets, commas and colons.
        value: The expression.

    Returns:
        The same expression, named.

    Raises:
        InputError: The name cannot be a column's name everywhere.

    >>> from forerun.testing.doors import Opened
    >>> named("minutes", Opened.seconds / 60)
    Opened.seconds / 60.0
    """
    if not _is_name(name):
        raise InputError(
            f"named({name!r}, ...): a name has 1 to {NAME_CHARS_MAX} characters and no spaces, quotes, "
            "brackets, commas or colons; write named('minutes_on_ground', ...)."
        )
    renamed = copy(as_expr(value))
    renamed.name = name
    return cast(T, renamed)


@declared
def not_(condition: bool | None) -> bool:
    """The opposite of a condition; null where it is null. The operator `~` does the same.

    >>> from forerun.features.aggregates import count
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(count(where=not_(Opened.seconds > 15)))
    1
    """
    return cast(bool, call("not", condition))


@declared
def one_hot(field: str | None, values: Sequence[str]) -> list[bool]:
    """A string as a model can read it: one input per value, true where the field has it.

    Args:
        field: A string field of the trigger.
        values: The values to tell apart; any other leaves all inputs false.

    Returns:
        Inputs named "field=value".

    >>> from forerun.events.event import Event
    >>> class Sold(Event):
    ...     at: EventTime
    ...     shop: str
    >>> [item.name for item in one_hot(Sold.shop, ["north", "south"])]
    ['shop=north', 'shop=south']
    """
    column: object = field
    if not isinstance(column, Field) or column.type != "string":
        raise ExpressionTypeError(
            f"one_hot({field!r}, ...): the first argument is a string field, like Sale.shop."
        )
    if isinstance(values, str) or not values:
        raise ExpressionTypeError(
            f"one_hot({field!r}, {values!r}): the second argument is a list, like ['JFK', 'LGA']."
        )
    return [named(f"{column.field}={value}", cast(bool, call("eq", column, value))) for value in values]


@declared
def seconds(length: Duration | None) -> float:
    """A duration as a number of seconds, so that a model can read it.

    >>> from forerun.features.aggregates import last
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(last(seconds(Opened.shut - Opened.at)))
    60.0
    """
    return cast(float, call("seconds", length))


@declared
def sqrt(value: float | None) -> float:
    """The square root; null below zero.

    >>> from forerun.features.aggregates import last
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(last(sqrt(Opened.seconds + 4)))
    8.0
    """
    return cast(float, call("sqrt", value))


def _is_name(name: object) -> bool:
    return isinstance(name, str) and len(name) <= NAME_CHARS_MAX and _NAME.fullmatch(name) is not None
