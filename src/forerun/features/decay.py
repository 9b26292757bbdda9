"""Exponentially weighted aggregates: an event weighs half as much for every half-life that it is old.

An event weighs 2^-((t - its time) / half_life), and nothing once it is 64 half-lives old, when it would weigh
less than 2^-64. Memory is a few numbers per half-life.
"""

from typing import cast

from forerun.errors import AggregateError
from forerun.events.calls import declared
from forerun.events.duration import parse_duration
from forerun.events.expression import Expr
from forerun.features.aggregate import NUMBERS, Aggregate, argument, condition
from forerun.features.window import Lifetime


@declared
def ewm_count(value: object = None, *, half_life: str, where: bool | None = None) -> float:
    """How many events, each weighted by its age.

    Args:
        value: Count only events where this is not null; left out, count all.
        half_life: The age at which an event counts half, like '1d'.
        where: Count only events where this holds.

    Returns:
        A float feature, 0 when there are none.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(ewm_count(half_life="10m"))  # 2**-5 + 2**-4 + 2**-1
    0.59375
    """
    arg = None if value is None else argument("ewm_count", value)
    return cast(float, _weighted("ewm_count", arg, half_life, where))


@declared
def ewm_mean(value: float | None, *, half_life: str, where: bool | None = None) -> float:
    """The mean, each value weighted by its age.

    Args:
        value: A number or condition of the event; nulls are skipped.
        half_life: The age at which a value weighs half, like '1d'.
        where: Only events where this holds.

    Returns:
        A float feature, null when there is no value.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(ewm_mean(Opened.seconds, half_life="10m"))  # (10 / 32 + 20 / 16 + 60 / 2) / (19 / 32)
    53.1578947368421...
    """
    return cast(float, _weighted("ewm_mean", argument("ewm_mean", value, NUMBERS), half_life, where))


def _weighted(agg: str, arg: Expr | None, half_life: object, where: object) -> Aggregate:
    if not isinstance(half_life, str):
        raise AggregateError(f"{agg}(half_life={half_life!r}): write a length of time, like half_life='1d'.")
    return Aggregate(
        agg,
        arg,
        where=condition(agg, where),
        window=Lifetime(),
        type="float",
        params={"half_life_us": parse_duration(half_life, "half_life")},
    )
