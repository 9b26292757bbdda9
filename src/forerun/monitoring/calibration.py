"""Whether a score of 0.3 comes true in three of ten cases."""

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from forerun.monitoring.wilson import interval

Floats = npt.NDArray[np.float64]

BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Predictions of about the same score, and what became of them.

    >>> Bin(n=4, score_low=0.1, score_high=0.3, score=0.2, rate=0.25, rate_low=0.05, rate_high=0.7).n
    4
    """

    n: int
    score_low: float
    score_high: float
    score: float
    """Mean score."""
    rate: float
    """Share of labels that are 1."""
    rate_low: float
    """Lower end of the 95 % interval of the rate."""
    rate_high: float

    def to_json(self) -> dict[str, float | int]:
        """The bin's numbers by name."""
        return asdict(self)


def calibration(label: Floats, score: Floats, *, bins: int = BINS) -> tuple[Bin, ...]:
    """Bins of about equal mass, from the lowest score to the highest.

    Equal scores share a bin, whatever that does to the masses: a score that is the same everywhere has
    one bin, not ten that differ by chance. So there may be fewer bins than asked for.

    Args:
        label: 0 or 1, no NaN.
        score: Probability that the label is 1, no NaN.
        bins: Most bins to make.

    >>> low, high = calibration(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.3, 0.5, 0.9]), bins=2)
    >>> low.score, low.rate, high.score, high.rate
    (0.2, 0.0, 0.7, 1.0)
    """
    found = []
    for scores, labels in _groups(label, score, bins):
        rate_low, rate_high = interval(int(labels.sum()), len(labels))
        found.append(
            Bin(
                n=len(labels),
                score_low=float(scores[0]),
                score_high=float(scores[-1]),
                score=float(scores.mean()),
                rate=float(labels.mean()),
                rate_low=rate_low,
                rate_high=rate_high,
            )
        )
    return tuple(found)


def calibration_error(label: Floats, score: Floats, *, bins: int = BINS) -> float | None:
    """Mean distance of score and observed rate over the bins of `calibration`; None without rows.

    Known as expected calibration error with bins of equal mass (Nixon et al. 2019).

    Args:
        label: 0 or 1, no NaN.
        score: Probability that the label is 1, no NaN.
        bins: Most bins to make.

    >>> calibration_error(np.array([0.0, 1.0]), np.array([0.5, 0.5]))
    0.0
    """
    if not len(label):
        return None
    gaps = (abs(float((scores - labels).sum())) for scores, labels in _groups(label, score, bins))
    return sum(gaps) / len(label)


def _groups(label: Floats, score: Floats, bins: int) -> list[tuple[Floats, Floats]]:
    """(scores, labels) of each bin, sorted by score."""
    if not len(score):
        return []
    order = np.argsort(score, kind="stable")
    score, label = score[order], label[order]
    # Cut where equal masses would be cut, moved left to the first of equal scores.
    wanted = score[(np.arange(1, bins) * len(score)) // bins]
    cuts = np.unique(np.searchsorted(score, wanted, side="left"))
    cuts = cuts[cuts > 0]
    return list(zip(np.split(score, cuts), np.split(label, cuts), strict=True))
