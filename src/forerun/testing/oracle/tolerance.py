"""How far a value may be from the oracle's: one table, for every aggregate.

| aggregate | may differ by |
| --- | --- |
| count, min, max, first, last, first_n, last_n, distinct, top_k, histogram, streak | nothing |
| sum, mean, rate | 1 unit in the last place of the exact rational result (of int: nothing) |
| var, std | 2 units in the last place (std below 2.3e-162 may be 0: its variance is a double) |
| skew | 1e-13 of the value, plus 1e-13 |
| ewm_count, ewm_mean | 1e-12 of the sum of the absolute terms, plus 1e-300 (weighted, tiny values are 0) |
| quantile | nothing up to 64 values; 1 % of the value above (and the rounding of a logarithm) |
| approx_distinct | nothing up to 64 values, or in a window that keeps its events; above 8 %, 5 sigma |
"""

import math
from fractions import Fraction
from typing import Any

from forerun.testing.oracle.aggregates import Found, weights
from forerun.testing.oracle.arrival import Scalar, Value

EXACT_UP_TO = 64
"""Values up to which quantiles and approximate counts of distinct values are exact."""

QUANTILE_ERROR = 0.01 * (1 + 1e-9)
DISTINCT_ERROR = 5 * 0.016
STD_UNDERFLOW = 2.3e-162
UNDERFLOW = 1e-300

_ULPS = {"sum": 1, "mean": 1, "rate": 1, "var": 2, "std": 2}


def slack(agg: str, expected: Value, found: Found) -> float:
    """How far a value may be from the expected one.

    Args:
        agg: The aggregate's name in the plan.
        expected: The oracle's value.
        found: What it was made of.

    Returns:
        The largest allowed absolute difference.

    >>> slack("max", 3.0, Found([3.0], [1], 1)), slack("mean", 1.0, Found([1.0], [1], 1)) == math.ulp(1.0)
    (0.0, True)
    """
    if isinstance(expected, bool | int) and agg != "approx_distinct":
        return 0.0
    if not isinstance(expected, bool | int | float) or math.isinf(expected):
        return 0.0
    if agg in _ULPS:
        return _ULPS[agg] * math.ulp(expected) + (STD_UNDERFLOW if agg == "std" else 0.0)
    if agg == "skew":
        return 1e-13 * (abs(expected) + 1)
    if agg == "ewm_count":
        return 1e-12 * expected
    if agg == "ewm_mean":
        weight = weights(found)
        size = sum(
            (Fraction(w) * abs(Fraction(x)) for w, x in zip(weight, found.values, strict=True)), Fraction()
        )
        return 1e-12 * float(size / sum(map(Fraction, weight))) + UNDERFLOW
    if agg == "quantile" and len(found.values) > EXACT_UP_TO:
        return QUANTILE_ERROR * abs(expected)
    if agg == "approx_distinct" and expected > EXACT_UP_TO and not keeps_events(found.window):
        return DISTINCT_ERROR * expected
    return 0.0


def keeps_events(window: Any) -> bool:
    """Whether a window holds the events themselves, so that nothing in it need be approximate.

    >>> keeps_events({"kind": "sliding", "over_us": 10, "ago_us": 0}), keeps_events({"kind": "lifetime"})
    (True, False)
    """
    return window is not None and window["kind"] not in ("closed", "lifetime", "tiled")


def within(expected: Value, actual: Value, allowed: float) -> bool:
    """Whether a value is the expected one, or close enough.

    Args:
        expected: The oracle's.
        actual: The kernel's.
        allowed: From `slack`.

    >>> within(None, 0.0, 0.0), within(1.0, 1.0 + 2e-16, 3e-16), within(["a"], ["a"], 0.0)
    (False, True, True)
    """
    if isinstance(expected, list) or isinstance(actual, list):
        same_length = isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual)
        return same_length and all(map(_same, expected, actual))  # type: ignore[arg-type]  # two lists
    if _same(expected, actual):
        return True
    if not isinstance(expected, int | float) or not isinstance(actual, int | float):
        return False
    return allowed > 0 and abs(actual - expected) <= allowed


def _same(expected: Scalar, actual: Scalar) -> bool:
    """Equal values; a bool that came out as 1.0 is true, and null is nothing but null."""
    if isinstance(expected, int) and isinstance(actual, float):
        return float(expected) == actual  # a model's input is a double, whatever the feature is
    return expected == actual
