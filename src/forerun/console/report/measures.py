"""From labelled predictions to the figures of the report."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forerun.console.report.auc import auc_interval
from forerun.console.report.facts import Interval, Period, Scorer
from forerun.monitoring.quality import quality
from forerun.monitoring.wilson import interval

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]

DAY_US = 86_400_000_000
_UNITS = (("month", "M", 100 * DAY_US), ("week", "W", 21 * DAY_US), ("day", "D", 0))
_LATENCY_LOW_US = 1.0
_LATENCY_HIGH_US = 1e9
_BINS_PER_DECADE = 20


@dataclass(frozen=True, slots=True)
class Scored:
    """Predictions that have a score and a label, with every scorer's score for the same rows.

    Args:
        time_us: Event time of each.
        label: 0 or 1.
        names: Names of the scorers, the model first.
        scores: One array a scorer.
    """

    time_us: Times
    label: Floats
    names: Sequence[str]
    scores: Sequence[Floats]

    def scorers(self) -> tuple[Scorer, ...]:
        """Every scorer on all rows."""
        found = []
        for name, score in zip(self.names, self.scores, strict=True):
            one = quality(self.label, score)
            found.append(Scorer(name, _auc(self.label, score), one.log_loss))
        return tuple(found)

    def periods(self) -> tuple[str, tuple[Period, ...]]:
        """What a period is, and every scorer on each of them."""
        if not len(self.time_us):
            return "month", ()
        covered = int(self.time_us.max() - self.time_us.min())
        unit, code = next((unit, code) for unit, code, least in _UNITS if covered >= least)
        names = self.time_us.astype("datetime64[us]").astype(f"datetime64[{code}]")
        return unit, tuple(self._period(str(name), names == name) for name in np.unique(names))

    def _period(self, name: str, inside: npt.NDArray[np.bool_]) -> Period:
        label = self.label[inside]
        low, high = interval(int(label.sum()), len(label))
        return Period(
            name=name,
            labelled=len(label),
            base_rate=Interval(float(label.mean()), low, high),
            auc=tuple(_auc(label, score[inside]) for score in self.scores),
        )


def _auc(label: Floats, score: Floats) -> Interval | None:
    """The AUC with its interval; a constant score is exactly a coin."""
    one = quality(label, score)
    if one.auc is None:
        return None
    if len(score) and float(score.min()) == float(score.max()):
        return Interval(one.auc, one.auc, one.auc)
    return auc_interval(one.auc, one.positives, one.n - one.positives)


def score_bins(scores: Floats, bins: int = 20) -> tuple[tuple[float, float, int], ...]:
    """Histogram of scores over 0 to 1.

    >>> [found for _, _, found in score_bins(np.array([0.0, 0.49, 0.5, 1.0]), bins=2)]
    [2, 2]
    """
    counts, edges = np.histogram(scores, bins=bins, range=(0.0, 1.0))
    return _triples(counts, edges)


def latency_bins(latency_us: Times) -> tuple[tuple[float, float, int], ...]:
    """Histogram over equal ratios, twenty to a factor of ten.

    >>> sum(found for _, _, found in latency_bins(np.array([0, 40, 1000])))
    3
    """
    decades = int(np.log10(_LATENCY_HIGH_US / _LATENCY_LOW_US))
    edges = _LATENCY_LOW_US * 10 ** (np.arange(decades * _BINS_PER_DECADE + 1) / _BINS_PER_DECADE)
    counts, _ = np.histogram(np.clip(latency_us, _LATENCY_LOW_US, _LATENCY_HIGH_US), bins=edges)
    return _triples(counts, edges)


def _triples(
    counts: npt.NDArray[np.intp], edges: npt.NDArray[np.float64]
) -> tuple[tuple[float, float, int], ...]:
    return tuple(
        (float(low), float(high), int(found))
        for low, high, found in zip(edges[:-1], edges[1:], counts, strict=True)
    )
