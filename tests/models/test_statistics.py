"""Statistics of the inputs in training."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forerun.models.statistics import SHARES, InputStatistics, input_statistics


def of(values: list[float]) -> InputStatistics:
    """Statistics of one column."""
    [found] = input_statistics(["x"], np.array(values, np.float32)[:, np.newaxis])
    return found


def test_numbers_are_of_the_values_that_are_there() -> None:
    """Missing rows are counted and otherwise left out."""
    x = of([np.nan, 1, 2, 3, 4, 5, np.nan, np.nan])
    assert (x.missing, x.low, x.high, x.median) == (0.375, 1.0, 5.0, 3.0)
    assert x.quantiles == tuple(np.quantile([1, 2, 3, 4, 5], SHARES))


def test_input_that_is_never_there() -> None:
    """An input missing in all rows has no numbers, and no value has a place in it."""
    x = of([np.nan, np.nan])
    assert (x.missing, x.low, x.high, x.quantiles, x.median) == (1.0, None, None, None, None)
    assert x.share_below(3.0) is None
    assert of([]).missing == 0.0


@pytest.mark.parametrize(
    ("values", "value", "expected"),
    [
        ([0.0] * 100, 0.0, 0.5),  # all are equal: the middle
        ([0.0] * 80 + [1.0] * 20, 0.0, 0.375),  # 0 to the quartile that is the last with a zero: half of 0.75
        ([0.0, 1.0], float("nan"), None),
        ([0.0, 1.0], -0.1, 0.0),
        ([0.0, 1.0], 1.1, 1.0),
    ],
)
def test_share_below(values: list[float], value: float, expected: float | None) -> None:
    """Equal values count half; outside is outside; missing has no place."""
    assert of(values).share_below(value) == expected


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=60), st.floats(-1e6, 1e6, width=32))
def test_share_below_is_a_share_and_grows(values: list[float], value: float) -> None:
    """The share lies between 0 and 1 and never falls as the value rises."""
    x = of(values)
    points = sorted({value, *values})
    shares = [x.share_below(point) for point in points]
    assert all(share is not None and 0 <= share <= 1 for share in shares)
    assert shares == sorted(shares, key=lambda share: share or 0)


def test_json_and_back() -> None:
    """What is written into the registry is read back as it was, infinities as the largest number."""
    for x in (of([1, 2, 3]), of([np.nan]), of([-np.inf, 0, np.inf])):
        assert InputStatistics.from_json(json.loads(json.dumps(x.to_json(), allow_nan=False))) == x
    assert of([np.inf]).low == np.finfo(np.float32).max
