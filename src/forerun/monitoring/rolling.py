"""Quality over the last few thousand labelled predictions, beside what simpler means would have given."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forerun.errors import UsageError
from forerun.monitoring.quality import Quality, quality

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]

ROWS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingNumbers:
    """The model and its two honest baselines, judged on the same rows.

    >>> RollingQuality().numbers().model.n
    0
    """

    model: Quality
    static: Quality | None
    """The same model without streaming inputs; None when no row has its score."""
    base: Quality
    """Always answering the base rate of the training table."""
    time_us_low: int | None
    """Event time of the oldest prediction inside; None when there is none."""
    time_us_high: int | None


class RollingQuality:
    """A window over labelled predictions, in the order in which their labels came.

    Cheap enough to be asked several times a second: 5,000 rows take about two milliseconds. Rows
    without a score (before the first model, or a fallback) are not taken in. A row without the static
    model's score stays, and is left out of all three whenever other rows have one, so that the three
    are always compared on the same rows.

    Args:
        rows: Most rows kept; the oldest leave first.
        over_us: Leave out predictions older than the newest minus this event time; None keeps all rows.

    Raises:
        UsageError: `rows` or `over_us` is not positive.

    >>> rolling = RollingQuality(rows=2)
    >>> rolling.add(np.array([1, 2, 3]), np.array([1.0, 0.0, 1.0]), np.array([0.1, 0.2, 0.7]))
    >>> rolling.numbers().model.auc
    1.0
    """

    def __init__(self, *, rows: int = ROWS, over_us: int | None = None) -> None:
        if rows < 1 or (over_us is not None and over_us < 1):
            raise UsageError(f"a window needs a positive length, not rows={rows}, over_us={over_us}")
        self.rows = rows
        self.over_us = over_us
        self._time = np.zeros(rows, np.int64)
        self._numbers = np.zeros((4, rows))  # label, score, static, base
        self._next = 0
        self._filled = 0

    def add(
        self,
        time_us: Times,
        label: Floats,
        score: Floats,
        *,
        static: Floats | float = np.nan,
        base: Floats | float = 0.5,
    ) -> None:
        """Take in predictions whose labels have come.

        Args:
            time_us: Event time of each prediction.
            label: 0 or 1.
            score: The model's; rows where it is NaN are not taken in.
            static: The static model's score, NaN where there is none.
            base: Base rate of the table that the model was trained on.
        """
        known = ~(np.isnan(score) | np.isnan(label))
        time = time_us[known][-self.rows :]
        places = (self._next + np.arange(len(time))) % self.rows
        self._time[places] = time
        for kept, column in zip(self._numbers, (label, score, static, base), strict=True):
            kept[places] = np.broadcast_to(column, score.shape)[known][-self.rows :]
        self._next = (self._next + len(time)) % self.rows
        self._filled = min(self.rows, self._filled + len(time))

    def numbers(self) -> RollingNumbers:
        """The measures of what is inside now."""
        time = self._time[: self._filled]
        label, score, static, base = self._numbers[:, : self._filled]
        inside = np.ones(self._filled, np.bool_)
        if self.over_us is not None and self._filled:
            inside = time > time.max() - self.over_us
        both = inside & ~np.isnan(static)
        rows = both if both.any() else inside
        time = time[rows]
        return RollingNumbers(
            model=quality(label[rows], score[rows]),
            static=quality(label[rows], static[rows]) if both.any() else None,
            base=quality(label[rows], base[rows]),
            time_us_low=int(time.min()) if len(time) else None,
            time_us_high=int(time.max()) if len(time) else None,
        )
