"""Rolling quality is the quality of exactly the last rows, and cheap enough for a live view."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forerun.errors import UsageError
from forerun.monitoring.quality import quality
from forerun.monitoring.rolling import RollingQuality


@given(st.lists(st.integers(0, 9), max_size=8), st.integers(1, 12), st.integers(0, 2**31))
def test_window_holds_the_last_rows(sizes: list[int], rows: int, seed: int) -> None:
    """However the labels are batched, the numbers are those of the last `rows` of them."""
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    label = rng.integers(0, 2, n).astype(float)
    score, static = rng.random(n).round(1), rng.random(n).round(1)
    rolling = RollingQuality(rows=rows)
    start = 0
    for size in sizes:
        part = slice(start, start + size)
        rolling.add(np.arange(n)[part], label[part], score[part], static=static[part], base=0.2)
        start += size
    numbers = rolling.numbers()
    expected, actual = quality(label[-rows:], score[-rows:]), numbers.model
    assert (expected.n, expected.positives, expected.auc) == (actual.n, actual.positives, actual.auc)
    assert (actual.log_loss or 0) == pytest.approx(
        expected.log_loss or 0, rel=1e-12
    )  # summed in another order
    assert numbers.base.n == actual.n
    if n:
        assert numbers.static is not None
        assert numbers.static.auc == quality(label[-rows:], static[-rows:]).auc
        assert (numbers.time_us_low, numbers.time_us_high) == (max(0, n - rows), n - 1)


def test_window_over_event_time() -> None:
    """Predictions older than the newest minus the window are left out, whenever their labels came."""
    rolling = RollingQuality(over_us=100)
    rolling.add(np.array([1_000, 900, 901]), np.array([1.0, 1.0, 0.0]), np.array([0.5, 0.5, 0.5]))
    assert rolling.numbers().model.n == 2
    assert rolling.numbers().time_us_low == 901


def test_baselines_are_judged_on_the_same_rows() -> None:
    """Rows that the static model did not score count for nobody, so that the three can be compared."""
    rolling = RollingQuality()
    label, score = np.array([0.0, 1.0, 0.0]), np.array([0.4, 0.3, 0.1])
    rolling.add(np.arange(3), label, score, static=np.array([np.nan, 0.9, 0.8]), base=0.25)
    numbers = rolling.numbers()
    assert (numbers.model.n, numbers.base.n) == (2, 2)
    assert numbers.static is not None
    assert numbers.static.n == 2
    assert (numbers.model.auc, numbers.base.auc) == (1.0, 0.5)
    assert numbers.base.brier == pytest.approx((0.75**2 + 0.25**2) / 2)


def test_no_static_model() -> None:
    """Where no static model exists, the others are shown alone."""
    rolling = RollingQuality()
    rolling.add(np.array([5]), np.array([1.0]), np.array([0.5]))
    assert rolling.numbers().static is None
    assert rolling.numbers().model.n == 1


def test_unscored_rows_take_no_room() -> None:
    """Predictions before the first model push nothing out of the window."""
    rolling = RollingQuality(rows=1)
    rolling.add(np.array([1]), np.array([1.0]), np.array([0.5]))
    rolling.add(np.array([2]), np.array([1.0]), np.array([np.nan]))
    assert rolling.numbers().time_us_high == 1


@pytest.mark.parametrize(("rows", "over_us"), [(0, None), (-1, None), (1, 0)])
def test_window_has_a_length(rows: int, over_us: int | None) -> None:
    """A window of nothing is refused with the value."""
    with pytest.raises(UsageError, match=f"rows={rows}"):
        RollingQuality(rows=rows, over_us=over_us)


def test_cheap_enough_for_a_live_view() -> None:
    """The default window's numbers take well under a twentieth of a 250 ms refresh."""
    rng = np.random.default_rng(0)
    rolling = RollingQuality()
    rolling.add(
        np.arange(5_000), rng.integers(0, 2, 5_000).astype(float), rng.random(5_000), static=rng.random(5_000)
    )
    took_s = []
    for _ in range(20):
        start_s = time.perf_counter()
        rolling.numbers()
        took_s.append(time.perf_counter() - start_s)
    assert min(took_s) < 0.0125
    print(f"{min(took_s) * 1e3:.2f} ms")
