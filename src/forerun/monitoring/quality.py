"""How good scores were, once their labels are known: ranking, surprise, squared error.

Everything here is plain numpy on arrays of equal length; a label is 0 or 1, a score is a probability.
Scores that are NaN (nobody scored) are left out by `quality` and `by_month`; the single measures below
them expect none.
"""

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from forerun.monitoring.calibration import calibration_error

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]

_SURE = float(np.finfo(np.float64).eps)
"""Scores are kept this far from 0 and 1 in the log loss, as in scikit-learn: the worst row costs 36."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """The measures of one set of labelled scores. None: not defined there (no rows, or one kind of label).

    >>> quality(np.array([0.0, 1.0]), np.array([0.2, 0.9])).auc
    1.0
    """

    n: int
    """Rows with a label and a score."""
    positives: int
    base_rate: float | None
    """Share of labels that are 1."""
    auc: float | None
    log_loss: float | None
    """Nats."""
    brier: float | None
    calibration_error: float | None
    """Mean gap between score and observed rate over ten bins of equal mass."""

    def to_json(self) -> dict[str, float | int | None]:
        """The measures by name, for files and answers."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthQuality:
    """The measures of one calendar month (UTC).

    >>> MonthQuality(month="2013-04", quality=quality(np.array([1.0]), np.array([0.5]))).quality.brier
    0.25
    """

    month: str
    """Like "2013-04"."""
    quality: Quality


def quality(label: Floats, score: Floats) -> Quality:
    """All measures at once; rows whose score or label is NaN are left out.

    Args:
        label: 0 or 1.
        score: Probability that the label is 1.

    >>> q = quality(np.array([0.0, 1.0, 1.0]), np.array([0.5, 0.5, np.nan]))
    >>> q.n, q.base_rate, q.auc, q.brier
    (2, 0.5, 0.5, 0.25)
    """
    known = ~(np.isnan(score) | np.isnan(label))
    if not known.all():
        label, score = label[known], score[known]
    return Quality(
        n=len(label),
        positives=int(label.sum()),
        base_rate=float(label.mean()) if len(label) else None,
        auc=auc(label, score),
        log_loss=log_loss(label, score),
        brier=brier(label, score),
        calibration_error=calibration_error(label, score),
    )


def by_month(time_us: Times, label: Floats, score: Floats) -> tuple[MonthQuality, ...]:
    """The measures of each calendar month (UTC) that has rows, in order.

    Args:
        time_us: Event time of each prediction.
        label: 0 or 1.
        score: Probability that the label is 1.

    >>> january, april = 1357000000_000000, 1365000000_000000
    >>> months = by_month(np.array([april, january]), np.array([1.0, 0.0]), np.array([0.5, 0.5]))
    >>> [(m.month, m.quality.base_rate) for m in months]
    [('2013-01', 0.0), ('2013-04', 1.0)]
    """
    months = month_of(time_us)
    return tuple(
        MonthQuality(month=str(month), quality=quality(label[months == month], score[months == month]))
        for month in np.unique(months)
    )


def month_of(time_us: Times) -> npt.NDArray[np.datetime64]:
    """The calendar month (UTC) of each instant.

    >>> month_of(np.array([0, 1365000000_000000])).tolist()
    [datetime.date(1970, 1, 1), datetime.date(2013, 4, 1)]
    """
    return time_us.astype("datetime64[us]").astype("datetime64[M]")


def auc(label: Floats, score: Floats) -> float | None:
    """Chance that a random positive scores above a random negative; a tie counts half.

    None unless both kinds of label are there. Pairs are counted in integers, so the answer is the
    correctly rounded quotient: Mann-Whitney's U over the number of pairs.

    >>> auc(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.4, 0.4, 0.8]))
    0.875
    """
    positive, negative = score[label > 0.5], np.sort(score[label <= 0.5])
    pairs = len(positive) * len(negative)
    if not pairs:
        return None
    below = np.searchsorted(negative, positive, side="left").sum()
    not_above = np.searchsorted(negative, positive, side="right").sum()
    return int(below + not_above) / (2 * pairs)


def log_loss(label: Floats, score: Floats) -> float | None:
    """Mean surprise at the labels, in nats; None without rows.

    >>> round(log_loss(np.array([1.0, 0.0]), np.array([0.5, 0.5])), 4)
    0.6931
    """
    if not len(label):
        return None
    sure = np.clip(score, _SURE, 1 - _SURE)
    return float(-np.log(np.where(label > 0.5, sure, 1 - sure)).mean())


def brier(label: Floats, score: Floats) -> float | None:
    """Mean squared distance of score and label (Brier 1950); None without rows.

    >>> brier(np.array([1.0, 0.0]), np.array([0.5, 0.0]))
    0.125
    """
    return float(np.square(score - label).mean()) if len(label) else None
