"""What each input looked like in training: the yardstick for explanations and, later, for drift."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.float32]

SHARES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""Shares of the values that lie below the quantiles."""

_LARGEST = np.finfo(np.float32).max


@dataclass(frozen=True, slots=True, kw_only=True)
class InputStatistics:
    """One input over the training rows; the numbers are of the rows where it is there.

    >>> [distance] = input_statistics(["distance"], np.array([[1], [2], [3], [np.nan]], np.float32))
    >>> distance.median, distance.missing, distance.low, distance.high
    (2.0, 0.25, 1.0, 3.0)
    """

    name: str
    missing: float
    """Share of rows without it."""
    low: float | None
    """None, like all below, when no row has it."""
    high: float | None
    quantiles: tuple[float, ...] | None
    """At `SHARES`."""

    @property
    def median(self) -> float | None:
        """Half of the values lie below; None when no row has the input."""
        return None if self.quantiles is None else self.quantiles[SHARES.index(0.5)]

    def share_below(self, value: float) -> float | None:
        """About which share of the training values lies below a value; interpolated between quantiles.

        Where many training values equal this one, half of them are taken to lie below.

        Args:
            value: The input now; NaN has no place.

        >>> [hour] = input_statistics(["hour"], np.arange(101, dtype=np.float32)[:, None])
        >>> hour.share_below(50.0), hour.share_below(-1.0), hour.share_below(500.0)
        (0.5, 0.0, 1.0)
        """
        if self.quantiles is None or self.low is None or self.high is None or np.isnan(value):
            return None
        if not self.low <= value <= self.high:
            return 0.0 if value < self.low else 1.0
        points = np.array([self.low, *self.quantiles, self.high])
        shares = np.array([0.0, *SHARES, 1.0])
        first, last = np.searchsorted(points, value, "left"), np.searchsorted(points, value, "right")
        if first < last:  # on a point, or on several that are equal
            return float(shares[first] + shares[last - 1]) / 2
        return float(np.interp(value, points[first - 1 : first + 1], shares[first - 1 : first + 1]))

    def to_json(self) -> dict[str, object]:
        """The numbers by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, object]) -> "InputStatistics":
        """The statistics that `to_json` gave.

        Args:
            facts: Numbers by name.
        """
        quantiles = facts["quantiles"]
        return cls(
            **{**facts, "quantiles": tuple(quantiles) if isinstance(quantiles, Sequence) else None}  # type: ignore[arg-type]  # as written
        )


def input_statistics(names: Sequence[str], features: Features) -> tuple[InputStatistics, ...]:
    """Describe each column.

    Args:
        names: The columns' names.
        features: The training rows; NaN where an input is missing.
    """
    found = []
    for name, column in zip(names, features.T, strict=True):
        # An infinity (a value too large for float32) counts as the largest number there is: JSON has none.
        values = np.clip(np.sort(column[~np.isnan(column)]), -_LARGEST, _LARGEST).astype(np.float64)
        there = len(values) > 0
        found.append(
            InputStatistics(
                name=name,
                missing=1 - len(values) / len(column) if len(column) else 0.0,
                low=float(values[0]) if there else None,
                high=float(values[-1]) if there else None,
                quantiles=tuple(float(q) for q in np.quantile(values, SHARES)) if there else None,
            )
        )
    return tuple(found)
