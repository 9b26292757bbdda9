"""Aggregates that are one value: count, sum, mean, min, max, var, std, skew, rate, first, last.

Each is read at a time t, over the entity's events with event time in (t - over, t], over its lifetime when
`over` is left out, or over a window of `forerun.features.windows`. Nulls are skipped. An empty count is 0,
any other empty aggregate is null; `var` and `std` are sample estimates, null below two values. Late and
duplicate events are in none of them.

In the examples a door was opened at 10:10 for 10 seconds, at 10:20 for 20, and at 10:50 for 60; the features
are read at 11:00.

They are typed as functions of values, so that a checker and an editor read an app file as plain Python;
at run time they give an `Aggregate`, which `App.features` turns into a feature.
"""

from typing import TypeVar, cast

from forerun.errors import AggregateError
from forerun.events.calls import declared
from forerun.events.duration import parse_duration
from forerun.events.event import Event
from forerun.events.expression import Expr
from forerun.events.moments import Duration, EventTime, Time
from forerun.events.types import TypeName
from forerun.features.aggregate import NUMBERS, ORDERED, Aggregate, argument, condition
from forerun.features.window import Lifetime, Over, Sliding, Tiled, window_of

T = TypeVar("T", bool, int, float, str, Time, EventTime, Duration)
N = TypeVar("N", int, float)
O = TypeVar("O", int, float, Time, EventTime, Duration)  # noqa: E741  # O for ordered, beside T


@declared
def count(
    value: object = None, *, of: type[Event] | None = None, over: Over = None, where: bool | None = None
) -> int:
    """How many events, or how many with a value.

    Args:
        value: Count only events where this is not null; left out, count all.
        of: Events of this class; needed only in a features class over several streams.
        over: Length of the window, like '30m', or a window; left out, the entity's lifetime.
        where: Count only events where this holds.

    Returns:
        An int feature, 0 when there are none.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(count(over="30m")), at_eleven(count(where=Opened.seconds > 15))
    (1, 2)
    """
    arg = None if value is None else argument("count", value)
    made = Aggregate("count", arg, where=condition("count", where), window=window_of(over), type="int", of=of)
    return cast(int, made)


@declared
def sum(value: N | None, *, over: Over = None, where: bool | None = None) -> N:
    """The exact sum; conditions count as 1 where true.

    Args:
        value: A number or condition over the event.
        over: Length of the window, like '1h', or a window; left out, the entity's lifetime.
        where: Sum only events where this holds.

    Returns:
        An int feature for ints and conditions, else a float; null when there is no value.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(sum(Opened.seconds, over="1h"))
    90
    """
    arg = argument("sum", value, NUMBERS)
    return cast(N, _aggregate("sum", arg, over, where, "float" if arg.type == "float" else "int"))


@declared
def mean(value: float | None, *, over: Over = None, where: bool | None = None) -> float:
    """The mean; of a condition, the share of events where it holds.

    Args:
        value: A number or condition over the event.
        over: Length of the window, like '1h', or a window; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        A float feature, null when there is no value.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(mean(Opened.seconds, over="1h"))
    30.0
    >>> at_eleven(mean(Opened.seconds > 50, over="1h"))
    0.3333333333333333
    """
    return cast(float, _aggregate("mean", argument("mean", value, NUMBERS), over, where, "float"))


@declared
def var(value: float | None, *, over: Over = None, where: bool | None = None) -> float:
    """The sample variance.

    Args:
        value: A number or condition over the event.
        over: Length of the window, like '1h', or a window; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        A float feature, null below two values.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(var(Opened.seconds, over="1h"))  # (20**2 + 10**2 + 30**2) / 2
    700.0
    """
    return cast(float, _aggregate("var", argument("var", value, NUMBERS), over, where, "float"))


@declared
def std(value: float | None, *, over: Over = None, where: bool | None = None) -> float:
    """The sample standard deviation.

    Args:
        value: A number or condition over the event.
        over: Length of the window, like '1h', or a window; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        A float feature, null below two values.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(std(Opened.seconds, over="1h")) ** 2
    700.0...
    """
    return cast(float, _aggregate("std", argument("std", value, NUMBERS), over, where, "float"))


@declared
def skew(value: float | None, *, over: Over = None, where: bool | None = None) -> float:
    """The sample skewness, adjusted for bias (Fisher-Pearson, as in spreadsheets).

    Args:
        value: A number or condition over the event.
        over: Length of the window, like '1h', or a window; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        A float feature, null below three values or when they are all equal.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> round(at_eleven(skew(Opened.seconds, over="1h")), 3)  # 10, 20, 60
    1.458
    """
    return cast(float, _aggregate("skew", argument("skew", value, NUMBERS), over, where, "float"))


@declared
def rate(
    value: float | None = None,
    *,
    of: type[Event] | None = None,
    over: Over = None,
    per: str = "1s",
    where: bool | None = None,
) -> float:
    """Events, or the sum of a value, per unit of time.

    Args:
        value: A number or condition to sum; left out, events are counted.
        of: Events of this class; needed only in a features class over several streams.
        over: Length of the window, like '1h'; a rate over a lifetime is not kept. Left out where windows
            close, whose length it is then.
        per: The unit of time.
        where: Only events where this holds.

    Returns:
        A float feature: the count or sum divided by over / per.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(rate(over="1h", per="1m"))  # 3 events in 60 minutes
    0.05
    """
    arg = None if value is None else argument("rate", value, NUMBERS)
    window = window_of(over)
    no_length = f"rate {window.words}: it has no fixed length of time; write over='1h'."
    if not isinstance(window, Lifetime | Sliding | Tiled):
        raise AggregateError(no_length)
    made = Aggregate(
        "rate",
        arg,
        where=condition("rate", where),
        window=window,
        type="float",
        params={"per_us": parse_duration(per, "per")},
        of=of,
        endless=no_length,
    )
    return cast(float, made)


@declared
def min(value: O | None, *, over: Over = None, where: bool | None = None) -> O:
    """The smallest value.

    Args:
        value: A number, time or duration of the event.
        over: Length of the window, like '1h', or a window; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        A feature of the value's type, null when there is none.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(min(Opened.seconds, over="30m"))
    60
    """
    arg = argument("min", value, ORDERED)
    return cast(O, _aggregate("min", arg, over, where, arg.type))


@declared
def max(value: O | None, *, over: Over = None, where: bool | None = None) -> O:
    """The largest value.

    Args:
        value: A number, time or duration of the event.
        over: Length of the window, like '1h', or a window; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        A feature of the value's type, null when there is none.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(max(Opened.shut))
    Time('2013-01-01T10:51:00Z')
    """
    arg = argument("max", value, ORDERED)
    return cast(O, _aggregate("max", arg, over, where, arg.type))


@declared
def first(value: T | None, *, over: Over = None, where: bool | None = None) -> T:
    """The value of the earliest event that has one; of equal event times, the first that arrived.

    Args:
        value: A value of the event, of any type.
        over: Length of the window, like '1h', or a window; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        A feature of the value's type, null when there is none.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(first(Opened.seconds, over="45m"))
    20
    """
    arg = argument("first", value)
    return cast(T, _aggregate("first", arg, over, where, arg.type))


@declared
def last(value: T | None, *, over: Over = None, where: bool | None = None) -> T:
    """The value of the latest event that has one; of equal event times, the last that arrived.

    Args:
        value: A value of the event, of any type.
        over: Length of the window, like '1h', or a window; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        A feature of the value's type, null when there is none.

    >>> import forerun as fr
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(last(Opened.seconds)), at_eleven(last(fr.is_null(Opened.who)))
    (60, True)
    """
    arg = argument("last", value)
    return cast(T, _aggregate("last", arg, over, where, arg.type))


def _aggregate(agg: str, arg: Expr, over: Over, where: object, type: TypeName) -> Aggregate:
    return Aggregate(agg, arg, where=condition(agg, where), window=window_of(over), type=type)
