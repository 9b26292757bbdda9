"""What is made of the values inside a window: one function per aggregate, with exact rational numbers.

Each gets the values that are not null, oldest first, with their event times and the time of the reading.
Beyond the range of its type a value is null, and so is what is derived from it: mean and rate from the sum,
the standard deviation from the variance, a weighted mean from the sums of its half-lives.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from forerun.features.custom import CustomAggregate
from forerun.testing.oracle.arrival import Scalar, Value

PERIODS_KEPT = 64
"""Half-lives after which an event weighs nothing in an exponentially weighted aggregate."""


@dataclass(frozen=True)
class Found:
    """The values inside a window, and what else an aggregate may ask for.

    Args:
        values: Oldest first, without nulls; 1 for each event when events are counted.
        times: The event time of each.
        t: The time of the reading.
        window: The window, as in the plan.
        params: The aggregate's parameters, as in the plan.
        function: What a custom aggregate calls.

    >>> Found([2.0, 3.0], [10, 20], 25).values
    [2.0, 3.0]
    """

    values: Sequence[Any]  # of the argument's type, which is one of six
    times: Sequence[int]
    t: int
    window: Mapping[str, Any] | None = None
    params: Mapping[str, Any] | None = None
    function: CustomAggregate | None = None


def aggregate(agg: str, found: Found) -> Value:
    """The value of an aggregate.

    Args:
        agg: Its name in the plan.
        found: What is inside the window.

    Returns:
        The value, rounded once where it is a float; a list for `first_n`, `last_n`, `top_k` and `histogram`.
        What is beyond the range of its type is made null by `expressions.finite`.

    >>> aggregate("mean", Found([1, 2, 4], [10, 20, 30], 30))
    2.3333333333333335
    >>> aggregate("top_k", Found(["b", "a", "b"], [1, 2, 3], 3, params={"n": 2}))
    ['b', 'a']
    """
    return _AGGREGATES[agg](found)


def rounded(exact: Fraction) -> float:
    """The nearest double; infinite beyond the largest.

    >>> rounded(Fraction(1, 3)), rounded(Fraction(10) ** 400)
    (0.3333333333333333, inf)
    """
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def root(exact: Fraction) -> float:
    """The square root of a fraction, correctly rounded but for the last bit.

    >>> root(Fraction(9, 4)), root(Fraction(10) ** 400)
    (1.5, 1e+200)
    """
    shift = 2 * max(0, 128 - (exact.numerator.bit_length() - exact.denominator.bit_length()) // 2)
    return rounded(Fraction(math.isqrt((exact.numerator << shift) // exact.denominator), 1 << (shift // 2)))


def exact_quantile(values: Sequence[Any], q: float) -> float | None:
    """The value at rank ceil(q n): the smallest that at least q of the values do not exceed.

    >>> exact_quantile([30, 10, 20, 40], 0.5)
    20.0
    """
    if not values:
        return None
    return float(sorted(values)[max(0, math.ceil(q * len(values)) - 1)])


def _exact(values: Sequence[Any]) -> list[Fraction]:
    return [Fraction(value) for value in values]


def _powers(values: Sequence[Any]) -> tuple[int, Fraction, Fraction, Fraction]:
    """The count, and the exact sums of the first three powers, of the values as doubles."""
    doubles = [Fraction(float(value)) for value in values]
    sums = (sum((x**power for x in doubles), Fraction()) for power in (1, 2, 3))
    return (len(doubles), *sums)  # type: ignore[return-value]  # three of them


def _sum(found: Found) -> Scalar:
    if not found.values:
        return None
    total = sum(_exact(found.values), Fraction())
    return rounded(total) if isinstance(found.values[0], float) else int(total)


def _mean(found: Found) -> Scalar:
    total = _total(found)
    return None if total is None else rounded(total / len(found.values))


def _total(found: Found) -> Fraction | None:
    """The exact sum that something is derived from; null without values, and for floats out of range."""
    if not found.values:
        return None
    total = sum(_exact(found.values), Fraction())
    return None if isinstance(found.values[0], float) and math.isinf(rounded(total)) else total


def _rate(found: Found) -> Scalar:
    assert found.window is not None
    assert found.params is not None
    total = _total(found)
    if total is None:
        return None
    over_us = found.window.get("over_us") or found.window["size_us"]
    return rounded(total * found.params["per_us"] / over_us)


def _variance(found: Found) -> Fraction | None:
    n, total, squares, _ = _powers(found.values)
    return None if n < 2 else (n * squares - total * total) / (n * (n - 1))


def _var(found: Found) -> Scalar:
    variance = _variance(found)
    return None if variance is None else rounded(variance)


def _std(found: Found) -> Scalar:
    variance = _variance(found)
    return None if variance is None or math.isinf(rounded(variance)) else root(variance)


def _skew(found: Found) -> Scalar:
    """Adjusted Fisher-Pearson: sqrt(n (n - 1)) / (n - 2) * m3 / m2**1.5, m the central moments."""
    n, total, squares, cubes = _powers(found.values)
    if n < 3:
        return None
    mean = total / n
    m2 = squares / n - mean * mean
    m3 = cubes / n - 3 * mean * squares / n + 2 * mean**3
    if m2 == 0:
        return None
    size = root(Fraction(n * (n - 1), (n - 2) ** 2) * m3 * m3 / m2**3)
    return -size if m3 < 0 else size


def _quantile(found: Found) -> Scalar:
    assert found.params is not None
    return exact_quantile(found.values, found.params["q"])


def _distinct(found: Found) -> Scalar:
    most = (found.params or {}).get("max")
    number = len(set(found.values))
    return number if most is None else min(number, most)


def _top_k(found: Found) -> Value:
    """By count, then by value; strings in the order of their UTF-8 bytes."""
    assert found.params is not None
    among = found.params.get("among")
    counts = Counter(value for value in found.values if among is None or value in among)
    ranked = sorted(counts, key=lambda value: (-counts[value], _place(value)))
    return ranked[: found.params["n"]]


def _place(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _histogram(found: Found) -> Value:
    assert found.params is not None
    edges = found.params["edges"]
    counts = [0] * (len(edges) + 1)
    for value in found.values:
        counts[sum(edge <= value for edge in edges)] += 1
    return list(counts)


def _streak(found: Found) -> Scalar:
    newest_first = list(reversed(found.values))
    return newest_first.index(False) if False in newest_first else len(newest_first)


def weights(found: Found) -> list[float]:
    """The weight of each event: half as much for every half-life that it is old.

    >>> weights(Found([1, 1, 1], [0, 10, 20], 20, params={"half_life_us": 10}))
    [0.25, 0.5, 1.0]
    """
    assert found.params is not None
    half_life = found.params["half_life_us"]
    oldest = found.t // half_life - PERIODS_KEPT
    return [
        2.0 ** (-(found.t - time) / half_life) if time // half_life >= oldest else 0.0 for time in found.times
    ]


def _ewm_count(found: Found) -> Scalar:
    return math.fsum(weights(found))


def _ewm_mean(found: Found) -> Scalar:
    weight = weights(found)
    if not any(weight) or _overflows(found):
        return None
    terms = (Fraction(w) * Fraction(value) for w, value in zip(weight, found.values, strict=True))
    return rounded(sum(terms, Fraction()) / sum(map(Fraction, weight)))


def _custom(found: Found) -> Scalar:
    """Nothing where there are no values, and where the function gives none or fails."""
    assert found.function is not None
    if not found.values:
        return None
    try:
        value = found.function([float(value) for value in found.values], list(found.times), found.t)
    except Exception:  # noqa: BLE001  # whatever the user's code raises
        return None
    return None if value is None or not math.isfinite(value) else float(value)


def _overflows(found: Found) -> bool:
    """Whether the weighted values of a half-life, or of several from the oldest on, add up to too much.

    Those of one are weighed as at its beginning, as they are kept.
    """
    half_life = (found.params or {})["half_life_us"]
    sums: dict[int, Fraction] = {}
    for value, time in zip(found.values, found.times, strict=True):
        period, into = divmod(time, half_life)
        if period >= found.t // half_life - PERIODS_KEPT:
            sums[period] = sums.get(period, Fraction()) + Fraction(value) * Fraction(
                2.0 ** (into / half_life)
            )
    total = Fraction()
    for period in sorted(sums):
        total += sums[period] / 2 ** (max(sums) - period)
        if math.isinf(rounded(sums[period])) or math.isinf(rounded(total)):
            return True
    return False


_AGGREGATES: dict[str, Callable[[Found], Value]] = {
    "approx_distinct": lambda found: len(set(found.values)),
    "count": lambda found: len(found.values),
    "custom": _custom,
    "distinct": _distinct,
    "ewm_count": _ewm_count,
    "ewm_mean": _ewm_mean,
    "first": lambda found: found.values[0] if found.values else None,
    "first_n": lambda found: list(found.values[: (found.params or {})["n"]]),
    "histogram": _histogram,
    "last": lambda found: found.values[-1] if found.values else None,
    "last_n": lambda found: list(found.values[-(found.params or {})["n"] :]),
    "max": lambda found: max(found.values, default=None),
    "mean": _mean,
    "min": lambda found: min(found.values, default=None),
    "quantile": _quantile,
    "rate": _rate,
    "skew": _skew,
    "std": _std,
    "streak": _streak,
    "sum": _sum,
    "top_k": _top_k,
    "var": _var,
}
