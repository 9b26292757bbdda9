"""Quantiles: the median, the 99th percentile, and so on."""

from typing import cast

from forerun.errors import AggregateError
from forerun.events.calls import declared
from forerun.features.aggregate import Aggregate, argument, condition
from forerun.features.window import Over, window_of


@declared
def quantile(value: float | None, q: float, *, over: Over = None, where: bool | None = None) -> float:
    """The smallest value that at least a share q of the values do not exceed.

    Args:
        value: A number of the event; nulls are skipped.
        q: The share, from 0 to 1; 0.5 is the median.
        over: Length of the window, like '1h', or a window; left out, the entity's lifetime.
        where: Only events where this holds.

    Returns:
        A float feature, null when there is no value. Exact up to 64 values; above them within 1 % of the
        value (DDSketch, Masson et al., PVLDB 12, 2019), whatever the order in which they came.

    Raises:
        AggregateError: `q` is not from 0 to 1.

    In the example a door was opened for 10, 20 and 60 seconds.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(quantile(Opened.seconds, 0.5)), at_eleven(quantile(Opened.seconds, 0.99))
    (20.0, 60.0)
    """
    share: object = q
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise AggregateError(f"quantile(..., {q!r}): a share from 0 to 1; write 0.5 for the median.")
    made = Aggregate(
        "quantile",
        argument("quantile", value, ("int", "float")),
        where=condition("quantile", where),
        window=window_of(over),
        type="float",
        params={"q": float(q)},
    )
    return cast(float, made)
