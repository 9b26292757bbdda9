"""Aggregates that are lists: the first and last values, the most frequent ones, a histogram.

Read one element with `View.feature[j]`, from 0; beyond the end it is null.

In the examples a door was opened by ann at 10:10 for 10 seconds, by bob at 10:20 for 20, by an unknown person
at 10:50 for 60; the features are read at 11:00.
"""

import math
from collections.abc import Sequence
from typing import TypeVar, cast

from forerun.errors import AggregateError
from forerun.events.calls import declared
from forerun.events.expression import Constant, as_expr
from forerun.events.moments import Duration, EventTime, Time
from forerun.features.aggregate import Aggregate, argument, condition
from forerun.features.window import Over, window_of

T = TypeVar("T", bool, int, float, str, Time, EventTime, Duration)
C = TypeVar("C", bool, int, str)

LENGTH_MAX = 100
"""Most elements of a list, and most edges of a histogram."""
AMONG_MAX = 1_000


@declared
def first_n(value: T | None, n: int, *, over: Over = None, where: bool | None = None) -> list[T]:
    """The values of the earliest events, oldest first.

    Args:
        value: A value of the event; nulls are skipped.
        n: How many at most, 1 to 100.
        over: Length of the window, like '1h', or a window; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        A list feature, empty when there is none.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(first_n(Opened.who, 5)), at_eleven(first_n(Opened.seconds, 1, over="45m"))
    (['ann', 'bob'], [20])
    """
    return cast(list[T], _values("first_n", value, n, over, where))


@declared
def last_n(value: T | None, n: int, *, over: Over = None, where: bool | None = None) -> list[T]:
    """The values of the latest events, oldest of them first.

    Args:
        value: A value of the event; nulls are skipped.
        n: How many at most, 1 to 100.
        over: Length of the window, like '1h', or a window; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        A list feature, empty when there is none.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(last_n(Opened.seconds, 2))
    [20, 60]
    """
    return cast(list[T], _values("last_n", value, n, over, where))


@declared
def top_k(
    value: C | None,
    n: int,
    *,
    among: Sequence[C] | None = None,
    over: Over = None,
    where: bool | None = None,
) -> list[C]:
    """The most frequent values, most frequent first; of equally frequent ones the smaller first.

    Args:
        value: A string, int or condition of the event; nulls are skipped.
        n: How many at most, 1 to 100.
        among: Count only these constants; needed for a lifetime, whose memory they bound.
        over: Length of the window, like '1h', or a window; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        A list feature, empty when there is none.

    Raises:
        AggregateError: A lifetime without `among`; tiles.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(top_k(Opened.who, 2, over="1h"))
    ['ann', 'bob']
    """
    arg = argument("top_k", value, ("bool", "int", "string"))
    window = window_of(over)
    params: dict[str, object] = {"n": _length("top_k", n)}
    if among is not None:
        params["among"] = _among(arg.type, among)
    endless = (
        f"top_k {window.words} would remember every value there ever was; write over='30d', or name the "
        "values: among=['a', 'b']."
    )
    made = Aggregate(
        "top_k",
        arg,
        where=condition("top_k", where),
        window=window,
        type=arg.type,
        params=params,
        length=n,
        endless=endless if among is None else "",
    )
    return cast(list[C], made)


@declared
def histogram(
    value: float | None, edges: Sequence[float], *, over: Over = None, where: bool | None = None
) -> list[int]:
    """How many values are in each bin.

    Args:
        value: A number of the event; nulls are in no bin.
        edges: Ascending, 1 to 100. The first bin is below the first edge, the last from the last edge on, and
            between them bin i has edges[i - 1] <= value < edges[i].
        over: Length of the window, like '1h', or a window; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        A list feature of len(edges) + 1 counts, all 0 when there is no value.

    Raises:
        AggregateError: Edges that are no ascending numbers.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(histogram(Opened.seconds, [20, 40], over="1h"))
    [1, 1, 1]
    """
    arg = argument("histogram", value, ("int", "float"))
    given: object = edges
    numbers = list(given) if isinstance(given, list | tuple) else []
    real = all(isinstance(e, int | float) and not isinstance(e, bool) and math.isfinite(e) for e in numbers)
    if not 1 <= len(numbers) <= LENGTH_MAX or not real or sorted(set(numbers)) != numbers:
        raise AggregateError(
            f"histogram({value!r}, {edges!r}): write up to {LENGTH_MAX} ascending edges, like [0, 10, 100]."
        )
    like = "float" if arg.type == "float" else None
    if arg.type == "int" and not all(isinstance(edge, int) for edge in numbers):
        raise AggregateError(
            f"histogram({value!r}, {edges!r}): {value!r} is int; write whole numbers as edges."
        )
    made = Aggregate(
        "histogram",
        arg,
        where=condition("histogram", where),
        window=window_of(over),
        type="int",
        params={"edges": [float(edge) if like else edge for edge in numbers]},
        length=len(numbers) + 1,
    )
    return cast(list[int], made)


def _values(agg: str, value: object, n: int, over: Over, where: object) -> Aggregate:
    """Values of the event at one end of the window."""
    arg, params = argument(agg, value), {"n": _length(agg, n)}
    return Aggregate(
        agg, arg, where=condition(agg, where), window=window_of(over), type=arg.type, params=params, length=n
    )


def _length(agg: str, n: object) -> int:
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= LENGTH_MAX:
        raise AggregateError(f"{agg}(..., {n!r}): write how many values to keep, 1 to {LENGTH_MAX}.")
    return n


def _among(type_name: str, among: object) -> list[object]:
    items = list(among) if isinstance(among, list | tuple) else []
    constants = [as_expr(item) for item in items]
    if not items or not all(isinstance(item, Constant) and item.type == type_name for item in constants):
        raise AggregateError(
            f"top_k(among={among!r}): write a list of {type_name} constants, like ['a', 'b']."
        )
    if len(items) > AMONG_MAX:
        raise AggregateError(f"top_k(among=...) names {len(items)} values; at most {AMONG_MAX} are counted.")
    return items
