"""The uncertainty of an AUC."""

from math import sqrt

from forerun.console.report.facts import Interval
from forerun.monitoring.wilson import Z95


def auc_interval(auc: float, positives: int, negatives: int) -> Interval:
    """A 95 % interval from the number of rows of each kind (Hanley and McNeil 1982).

    It takes rows as independent; events that come in storms make the true interval wider.

    Args:
        auc: The estimate.
        positives: Rows with a true label, 1 or more.
        negatives: Rows with a false label, 1 or more.

    >>> interval = auc_interval(0.8, 50, 50)
    >>> round(interval.low, 2), round(interval.high, 2)
    (0.71, 0.89)
    """
    above_two = auc / (2 - auc)
    below_two = 2 * auc * auc / (1 + auc)
    variance = (
        auc * (1 - auc)
        + (positives - 1) * (above_two - auc * auc)
        + (negatives - 1) * (below_two - auc * auc)
    ) / (positives * negatives)
    half = Z95 * sqrt(max(variance, 0.0))
    return Interval(auc, max(auc - half, 0.0), min(auc + half, 1.0))
