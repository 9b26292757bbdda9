"""How often the thing happens, month by month: the drift that no model can hide from."""

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from forerun.monitoring.quality import month_of
from forerun.monitoring.wilson import interval


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthRate:
    """The base rate of one calendar month (UTC), with its 95 % interval.

    >>> MonthRate(month="2013-07", n=100, positives=30, rate=0.3, low=0.22, high=0.4).differs_from(0.2)
    True
    """

    month: str
    """Like "2013-07"."""
    n: int
    positives: int
    rate: float
    low: float
    high: float

    def differs_from(self, reference: float) -> bool:
        """Whether a reference rate, say that of the training table, lies outside the interval."""
        return not self.low <= reference <= self.high

    def to_json(self) -> dict[str, float | int | str]:
        """The month's numbers by name."""
        return asdict(self)


def base_rate_by_month(
    time_us: npt.NDArray[np.int64], label: npt.NDArray[np.float64]
) -> tuple[MonthRate, ...]:
    """The base rate of each month that has labels, in order; labels that are NaN are left out.

    The intervals take labels as independent. Late flights come in storms, so a month's true interval is
    wider: read "differs" as "look here", not as proof.

    Args:
        time_us: Event time of each prediction.
        label: 0 or 1.

    >>> july = 1373000000_000000
    >>> [rate] = base_rate_by_month(np.array([july, july]), np.array([1.0, 0.0]))
    >>> rate.month, rate.rate, round(rate.low, 2), round(rate.high, 2)
    ('2013-07', 0.5, 0.09, 0.91)
    """
    known = ~np.isnan(label)
    months, label = month_of(time_us[known]), label[known]
    found = []
    for month in np.unique(months):
        labels = label[months == month]
        positives, n = int(labels.sum()), len(labels)
        low, high = interval(positives, n)
        found.append(
            MonthRate(month=str(month), n=n, positives=positives, rate=positives / n, low=low, high=high)
        )
    return tuple(found)
