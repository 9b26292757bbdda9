"""The base rate by month, with intervals that say whether a change can be chance."""

import numpy as np

from forerun.monitoring.baserate import base_rate_by_month

MAY_2013_US = 1367366400_000000


def test_rate_of_each_month() -> None:
    """Labels are counted in the month (UTC) of their prediction; missing labels are left out."""
    time_us = np.array([MAY_2013_US - 1] * 4 + [MAY_2013_US] * 2 + [MAY_2013_US])
    label = np.array([1.0, 0, 0, 0, 1, 1, np.nan])
    april, may = base_rate_by_month(time_us, label)
    assert (april.month, april.n, april.positives, april.rate) == ("2013-04", 4, 1, 0.25)
    assert (may.month, may.n, may.positives, may.rate) == ("2013-05", 2, 2, 1.0)


def test_few_labels_prove_no_drift_and_many_do() -> None:
    """The same rate differs from a reference only once enough labels say so."""
    few = np.array([1.0, 0.0] * 5)
    many = np.tile(few, 100)
    [month] = base_rate_by_month(np.full(len(few), MAY_2013_US), few)
    assert not month.differs_from(0.4)
    [month] = base_rate_by_month(np.full(len(many), MAY_2013_US), many)
    assert month.differs_from(0.4)
    assert month.differs_from(0.6)


def test_no_labels_no_months() -> None:
    """Nothing known gives no rows, not rows of nothing."""
    assert base_rate_by_month(np.array([MAY_2013_US]), np.array([np.nan])) == ()
    assert base_rate_by_month(np.array([], np.int64), np.array([])) == ()


def test_month_is_json() -> None:
    """A month's numbers have stable names."""
    [month] = base_rate_by_month(np.array([MAY_2013_US]), np.array([1.0]))
    assert list(month.to_json()) == ["month", "n", "positives", "rate", "low", "high"]
