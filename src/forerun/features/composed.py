"""Features made of other aggregates when they are read: ratio, share, time since the last event; and streak.

In the examples a door was opened by ann at 10:10 for 10 seconds, by bob at 10:20 for 20, by an unknown person
at 10:50 for 60; the features are read at 11:00.
"""

from typing import TypeVar, cast

from forerun.errors import AggregateError
from forerun.events.calls import declared
from forerun.events.expression import Constant, Expr, as_expr, call
from forerun.events.moments import Duration
from forerun.events.types import TypeName
from forerun.features.aggregate import NUMBERS, Aggregate, Happened, Now, argument, condition
from forerun.features.window import Over, window_of

C = TypeVar("C", bool, int, str)


@declared
def ratio(value: float | None, to: float | None, *, over: Over = None, where: bool | None = None) -> float:
    """The sum of one value as a share of the sum of another.

    Args:
        value: A number or condition of the event.
        to: Another.
        over: Length of the window, like '1d', or a window; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        A float feature; null when either has no value, or the second sum is 0.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(ratio(Opened.seconds > 15, Opened.seconds, over="1h"))  # 2 / 90
    0.022222222222222223
    """
    parts = []
    for given in (value, to):
        arg = argument("ratio", given, NUMBERS)
        type_name: TypeName = "float" if arg.type == "float" else "int"
        parts.append(
            Aggregate("sum", arg, where=condition("ratio", where), window=window_of(over), type=type_name)
        )
    return cast(float, call("div", *parts))


@declared
def share(field: C | None, of: C, *, over: Over = None, where: bool | None = None) -> float:
    """The share of one category among the events that have any.

    Args:
        field: A string, int or condition of the event; events where it is null do not count.
        of: The category: a constant.
        over: Length of the window, like '1d', or a window; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        A float feature from 0 to 1; null when no event has a category.

    Raises:
        AggregateError: `of` is no constant of the field's type.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(share(Opened.who, "ann", over="1h"))  # ann among ann and bob
    0.5
    """
    arg = argument("share", field, ("bool", "int", "string"))
    given: object = of
    one = None if given is None else as_expr(given)
    if not isinstance(one, Constant) or one.type != arg.type:
        raise AggregateError(f"share({arg!r}, of={of!r}): write one value that {arg!r} can have, a constant.")
    every, window = condition("share", where), window_of(over)
    is_one = call("eq", arg, one)
    chosen = is_one if every is None else call("and", every, is_one)
    parts = [Aggregate("count", arg, where=which, window=window, type="int") for which in (chosen, every)]
    return cast(float, call("div", *parts))


@declared
def time_since(*, where: bool | None = None, over: Over = None) -> Duration:
    """How long ago the latest event happened.

    Args:
        where: The latest event where this holds.
        over: Length of the window, like '1d', or a window; left out, the entity's lifetime.

    Returns:
        A duration feature, null when there was none; `fr.seconds(View.feature)` is a model's input.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(time_since()), at_eleven(time_since(where=Opened.who == "ann"))
    (Duration('10m'), Duration('50m'))
    """
    last = Aggregate(
        "last", Happened(), where=condition("time_since", where), window=window_of(over), type="time"
    )
    return cast(Duration, call("sub", Now(), last))


@declared
def streak(value: bool | None, *, over: Over = None, where: bool | None = None) -> int:
    """How many of the latest values in a row are true.

    Args:
        value: A condition over the event; nulls are skipped.
        over: Length of the window, like '1d', or a window; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        An int feature, 0 when the latest is false or there is none.

    Raises:
        AggregateError: No condition.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(streak(Opened.seconds > 15))  # 60 and 20, but not 10
    2
    """
    arg: Expr = argument("streak", value, ("bool",))
    window = window_of(over)
    return cast(int, Aggregate("streak", arg, where=condition("streak", where), window=window, type="int"))
