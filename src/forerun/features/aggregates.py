"""The aggregates a view can hold: count, sum, mean, min, max, var, std, rate, first, last.

Each is read at a time t, over the entity's events with event time in (t - over, t], or over its
lifetime when `over` is left out. Nulls are skipped. An empty count is 0, any other empty aggregate
is null; `var` and `std` are sample estimates, null below two values. Late and duplicate events are in
none of them.

In the examples a door was opened at 10:10 for 10 seconds, at 10:20 for 20, and at 10:50 for 60; the features
are read at 11:00.

They are typed as functions of values, so that a checker and an editor read an app file as plain Python;
at run time they give an `Aggregate`, which `App.features` turns into a feature.
"""

from typing import NoReturn, TypeVar, cast

from forerun.errors import AggregateError
from forerun.events.calls import declared
from forerun.events.duration import parse_duration
from forerun.events.event import Event
from forerun.events.expression import Canonical, Expr, FeatureRef, as_expr
from forerun.events.moments import Duration, EventTime, Time
from forerun.events.types import TypeName

T = TypeVar("T", bool, int, float, Time, EventTime, Duration)
N = TypeVar("N", int, float)
O = TypeVar("O", int, float, Time, EventTime, Duration)  # noqa: E741  # O for ordered, beside T

_NUMBERS: tuple[TypeName, ...] = ("bool", "int", "float")
_ORDERED: tuple[TypeName, ...] = ("int", "float", "time", "duration")
_VALUES: tuple[TypeName, ...] = ("bool", "int", "float", "time", "duration")


class Aggregate(Expr):
    """An aggregate in the body of a features class, before the class makes it a feature."""

    def __init__(
        self,
        agg: str,
        arg: Expr | None,
        where: Expr | None,
        over_us: int | None,
        per_us: int | None,
        type: TypeName,
    ) -> None:
        super().__init__(type)
        self.agg = agg
        self.arg = arg
        self.where = where
        self.over_us = over_us
        self.per_us = per_us
        self.of: object = None
        """The event class it runs over, where the user has said so."""

    def canonical(self) -> Canonical:
        """Refused: an aggregate has a meaning only inside a features class."""
        self.refuse()

    def refuse(self) -> NoReturn:
        """Say that an aggregate stands where only features can be read."""
        raise AggregateError(
            f"{self!r} stands outside a features class; give it a name in one and read it as View.name.",
            at=self.at,
        )

    def __repr__(self) -> str:
        return f"{self.agg}({'' if self.arg is None else repr(self.arg)})"


@declared
def count(
    value: object = None, *, of: type[Event] | None = None, over: str | None = None, where: bool | None = None
) -> int:
    """How many events, or how many with a value.

    Args:
        value: Count only events where this is not null; left out, count all.
        of: Events of this class; needed only in a features class over several streams.
        over: Length of the window, like '30m'; left out, the entity's lifetime.
        where: Count only events where this holds.

    Returns:
        An int feature, 0 when there are none.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(count(over="30m")), at_eleven(count(where=Opened.seconds > 15))
    (1, 2)
    """
    arg = None if value is None else _argument("count", value)
    return cast(int, _of(of, Aggregate("count", arg, _condition("count", where), _over(over), None, "int")))


@declared
def sum(value: N | None, *, over: str | None = None, where: bool | None = None) -> N:
    """The exact sum; conditions count as 1 where true.

    Args:
        value: A number or condition over the event.
        over: Length of the window, like '1h'; left out, the entity's lifetime.
        where: Sum only events where this holds.

    Returns:
        An int feature for ints and conditions, else a float; null when there is no value.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(sum(Opened.seconds, over="1h"))
    90
    """
    arg = _argument("sum", value, _NUMBERS)
    return cast(N, _aggregate("sum", arg, over, where, "float" if arg.type == "float" else "int"))


@declared
def mean(value: float | None, *, over: str | None = None, where: bool | None = None) -> float:
    """The mean; of a condition, the share of events where it holds.

    Args:
        value: A number or condition over the event.
        over: Length of the window, like '1h'; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        A float feature, null when there is no value.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(mean(Opened.seconds, over="1h"))
    30.0
    >>> at_eleven(mean(Opened.seconds > 50, over="1h"))
    0.3333333333333333
    """
    return cast(float, _aggregate("mean", _argument("mean", value, _NUMBERS), over, where, "float"))


@declared
def var(value: float | None, *, over: str | None = None, where: bool | None = None) -> float:
    """The sample variance.

    Args:
        value: A number or condition over the event.
        over: Length of the window, like '1h'; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        A float feature, null below two values.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(var(Opened.seconds, over="1h"))  # (20**2 + 10**2 + 30**2) / 2
    700.0
    """
    return cast(float, _aggregate("var", _argument("var", value, _NUMBERS), over, where, "float"))


@declared
def std(value: float | None, *, over: str | None = None, where: bool | None = None) -> float:
    """The sample standard deviation.

    Args:
        value: A number or condition over the event.
        over: Length of the window, like '1h'; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        A float feature, null below two values.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(std(Opened.seconds, over="1h")) ** 2
    700.0...
    """
    return cast(float, _aggregate("std", _argument("std", value, _NUMBERS), over, where, "float"))


@declared
def rate(
    value: float | None = None,
    *,
    of: type[Event] | None = None,
    over: str,
    per: str = "1s",
    where: bool | None = None,
) -> float:
    """Events, or the sum of a value, per unit of time.

    Args:
        value: A number or condition to sum; left out, events are counted.
        of: Events of this class; needed only in a features class over several streams.
        over: Length of the window, like '1h'; a rate over a lifetime is not kept.
        per: The unit of time.
        where: Only events where this holds.

    Returns:
        A float feature: the count or sum divided by over / per.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(rate(over="1h", per="1m"))  # 3 events in 60 minutes
    0.05
    """
    arg = None if value is None else _argument("rate", value, _NUMBERS)
    if over is None:
        raise AggregateError("rate over a lifetime is not kept: it has no length of time; write over='1h'.")
    condition = _condition("rate", where)
    made = Aggregate("rate", arg, condition, _over(over), parse_duration(per, "per"), "float")
    return cast(float, _of(of, made))


@declared
def min(value: O | None, *, over: str | None = None, where: bool | None = None) -> O:
    """The smallest value.

    Args:
        value: A number, time or duration of the event.
        over: Length of the window, like '1h'; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        A feature of the value's type, null when there is none.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(min(Opened.seconds, over="30m"))
    60
    """
    arg = _argument("min", value, _ORDERED)
    return cast(O, _aggregate("min", arg, over, where, arg.type))


@declared
def max(value: O | None, *, over: str | None = None, where: bool | None = None) -> O:
    """The largest value.

    Args:
        value: A number, time or duration of the event.
        over: Length of the window, like '1h'; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        A feature of the value's type, null when there is none.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(max(Opened.shut))
    Time('2013-01-01T10:51:00Z')
    """
    arg = _argument("max", value, _ORDERED)
    return cast(O, _aggregate("max", arg, over, where, arg.type))


@declared
def first(value: T | None, *, over: str | None = None, where: bool | None = None) -> T:
    """The value of the earliest event that has one; of equal event times, the first that arrived.

    Args:
        value: A condition, number, time or duration of the event.
        over: Length of the window, like '1h'; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        A feature of the value's type, null when there is none.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(first(Opened.seconds, over="45m"))
    20
    """
    arg = _argument("first", value, _VALUES)
    return cast(T, _aggregate("first", arg, over, where, arg.type))


@declared
def last(value: T | None, *, over: str | None = None, where: bool | None = None) -> T:
    """The value of the latest event that has one; of equal event times, the last that arrived.

    Args:
        value: A condition, number, time or duration of the event.
        over: Length of the window, like '1h'; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        A feature of the value's type, null when there is none.

    >>> import forerun as fr
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(last(Opened.seconds)), at_eleven(last(fr.is_null(Opened.who)))
    (60, True)
    """
    arg = _argument("last", value, _VALUES)
    return cast(T, _aggregate("last", arg, over, where, arg.type))


def _aggregate(agg: str, arg: Expr, over: str | None, where: object, type: TypeName) -> Aggregate:
    return Aggregate(agg, arg, _condition(agg, where), _over(over), None, type)


def _of(event: object, made: Aggregate) -> Aggregate:
    """The aggregate, over events of one class if that is said."""
    made.of = event
    return made


def _over(over: str | None) -> int | None:
    return None if over is None else parse_duration(over, "over")


def _argument(agg: str, value: object, types: tuple[TypeName, ...] = (*_VALUES, "string")) -> Expr:
    """The expression to aggregate, over the event's own fields and of a type this aggregate takes."""
    if not isinstance(value, Expr):
        raise AggregateError(f"{agg}({value!r}) aggregates the same constant for every event; write a field.")
    for part in value.walk():
        if isinstance(part, Aggregate | FeatureRef):
            raise AggregateError(
                f"{agg}({value!r}): {part!r} is itself an aggregate; a view aggregates its events' fields."
            )
    if value.type in types:
        return value
    raise AggregateError(
        f"{agg}({value!r}): {value!r} is {value.type}; {_ADVICE[value.type].format(agg=agg, x=value)}."
    )


_ADVICE: dict[TypeName, str] = {
    "string": "only count takes strings; write {agg}({x!r} == 'value') for a share or the latest match",
    "time": "{agg} takes numbers; subtract another time and write fr.seconds(...)",
    "duration": "{agg} takes numbers; write {agg}(fr.seconds({x!r}))",
    "bool": "{agg} takes ordered values; write mean for the share that is true, or last for the latest",
}


def _condition(agg: str, where: object) -> Expr | None:
    if where is None:
        return None
    condition = as_expr(where)
    if condition.type != "bool":
        raise AggregateError(
            f"{agg}(where={condition!r}) is {condition.type}, not a condition; write a comparison."
        )
    return condition
