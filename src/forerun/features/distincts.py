"""How many different values: counted exactly, or nearly.

In the examples a door was opened by ann at 10:10, by bob at 10:20 and by an unknown person at 10:50; the
features are read at 11:00.
"""

from typing import cast

from forerun.errors import AggregateError
from forerun.events.calls import declared
from forerun.features.aggregate import Aggregate, argument, condition
from forerun.features.window import Lifetime, Over, window_of

DISTINCT_MAX = 10_000


@declared
def distinct(value: object, *, max: int | None = None, over: Over = None, where: bool | None = None) -> int:
    """How many different values, exactly.

    Args:
        value: A value of the event; nulls are skipped.
        max: For a lifetime, the most that is remembered, 1 to 10,000: the count stops there.
        over: Length of the window, like '1d', or a window; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        An int feature, 0 when there is none.

    Raises:
        AggregateError: A lifetime without `max`; `max` where every event is kept anyway; tiles.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(distinct(Opened.who, over="1h")), at_eleven(distinct(Opened.who, max=100))
    (2, 2)
    """
    arg = argument("distinct", value)
    window = window_of(over)
    if max is not None and not isinstance(window, Lifetime):
        raise AggregateError(
            f"distinct {window.words} is exact and keeps the events anyway; drop max={max!r}."
        )
    most: object = 1 if max is None else max
    if isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= DISTINCT_MAX:
        raise AggregateError(f"distinct(max={max!r}): write a number from 1 to {DISTINCT_MAX}.")
    made = Aggregate(
        "distinct",
        arg,
        where=condition("distinct", where),
        window=window,
        type="int",
        params={} if max is None else {"max": max},
        endless=""
        if max is not None
        else f"distinct {window.words} would remember every value there ever was; write over='30d', max=1000 "
        "to stop counting there, or fr.approx_distinct.",
    )
    return cast(int, made)


@declared
def approx_distinct(value: object, *, over: Over = None, where: bool | None = None) -> int:
    """How many different values, in little memory however many there are.

    Args:
        value: A value of the event; nulls are skipped.
        over: Length of the window, like '1d', or a window; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        An int feature, 0 when there is none. Exact in windows that keep their events; over a lifetime
        exact up to 64 values, and above them a HyperLogLog estimate with a standard error of 1.6 %.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(approx_distinct(Opened.who))
    2
    """
    made = Aggregate(
        "approx_distinct",
        argument("approx_distinct", value),
        where=condition("approx_distinct", where),
        window=window_of(over),
        type="int",
    )
    return cast(int, made)
