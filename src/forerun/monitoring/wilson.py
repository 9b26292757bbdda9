"""How far an observed share can be from the true one."""

from math import sqrt

Z95 = 1.959963984540054
"""Standard normal quantile of 97.5 %: 95 % lie within."""


def interval(positives: int, n: int, *, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval of a proportion (Wilson 1927).

    Holds its level near 0 and 1 and for small n, where the textbook's interval does not.

    Args:
        positives: How many of them were.
        n: How many there are; without any, the interval is (0, 1).
        z: Standard normal quantile of the level.

    >>> [round(x, 3) for x in interval(1, 10)]
    [0.018, 0.404]
    """
    if n == 0:
        return 0.0, 1.0
    rate, zz = positives / n, z * z
    middle = (rate + zz / (2 * n)) / (1 + zz / n)
    half = z / (1 + zz / n) * sqrt(rate * (1 - rate) / n + zz / (4 * n * n))
    # At the ends the formula gives 0 and 1 but for rounding.
    return 0.0 if positives == 0 else middle - half, 1.0 if positives == n else middle + half
