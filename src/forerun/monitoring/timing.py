"""A histogram of durations, cheap enough for the hot path: one writer, no lock, no labels."""

from bisect import bisect_left
from dataclasses import dataclass

BOUNDS_S: tuple[float, ...] = (
    0.000_05,
    0.000_1,
    0.000_25,
    0.000_5,
    0.001,
    0.002_5,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    10.0,
)
"""Below a millisecond too: the bounds that OpenTelemetry recommends start at 5 ms, where our answers end."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What a `Stopwatch` had seen at one instant.

    Args:
        bounds_s: Upper bounds of the buckets, seconds, rising.
        counts: Observations in each bucket and, last, above the highest bound; not cumulative.
        sum_s: Sum of all observations, seconds.

    >>> Timing((0.001, 0.01), (3, 1, 0), 0.012).count
    4
    """

    bounds_s: tuple[float, ...] = BOUNDS_S
    counts: tuple[int, ...] = (0,) * (len(BOUNDS_S) + 1)
    sum_s: float = 0.0

    @property
    def count(self) -> int:
        """Observations in all.

        >>> Timing().count
        0
        """
        return sum(self.counts)


class Stopwatch:
    """Counts durations into buckets. One thread writes; any thread reads.

    A reader may see the newest observation in `counts` and not yet in `sum_s`; the next read has both.

    >>> watch = Stopwatch((0.001, 0.01))
    >>> watch.observe(0.002)
    >>> watch.read()
    Timing(bounds_s=(0.001, 0.01), counts=(0, 1, 0), sum_s=0.002)
    """

    __slots__ = ("_bounds_s", "_counts", "_sum_s")

    def __init__(self, bounds_s: tuple[float, ...] = BOUNDS_S) -> None:
        self._bounds_s = bounds_s
        self._counts = [0] * (len(bounds_s) + 1)
        self._sum_s = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration.

        >>> Stopwatch().observe(0.5)
        """
        self._counts[bisect_left(self._bounds_s, seconds)] += 1
        self._sum_s += seconds

    def read(self) -> Timing:
        """Take a copy.

        >>> Stopwatch().read().count
        0
        """
        return Timing(self._bounds_s, tuple(self._counts), self._sum_s)
