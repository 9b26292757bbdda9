"""Calibration bins have equal mass, and equal scores are never torn apart."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forerun.monitoring.calibration import calibration, calibration_error


def test_bins_have_equal_mass() -> None:
    """A hundred different scores make ten bins of ten, in order of the score."""
    score = np.linspace(0, 0.99, 100)[::-1].copy()
    bins = calibration(np.zeros(100), score)
    assert [b.n for b in bins] == [10] * 10
    assert [b.score_low for b in bins] == pytest.approx([0.1 * i for i in range(10)])
    assert [b.score_high for b in bins] == pytest.approx([0.1 * i + 0.09 for i in range(10)])


def test_calibrated_scores_have_no_error() -> None:
    """Scores that come true exactly as often as they say have an error of zero."""
    score = np.repeat([0.25, 0.75], 4)
    label = np.array([1.0, 0, 0, 0, 1, 1, 1, 0])
    assert calibration_error(label, score) == 0.0
    assert [(b.score, b.rate) for b in calibration(label, score)] == [(0.25, 0.25), (0.75, 0.75)]


def test_error_is_the_mean_gap() -> None:
    """Always saying 0.9 where a half is true is wrong by 0.4, in one bin."""
    label = np.array([0.0, 1.0] * 50)
    assert calibration_error(label, np.full(100, 0.9)) == pytest.approx(0.4)
    assert len(calibration(label, np.full(100, 0.9))) == 1


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.2, 0.3, 0.7])), max_size=40),
    st.integers(1, 12),
)
def test_every_row_is_in_one_bin(rows: list[tuple[bool, float]], bins: int) -> None:
    """Bins do not overlap, hold all rows, and are never more than asked for."""
    label, score = np.array([float(y) for y, _ in rows]), np.array([p for _, p in rows])
    found = calibration(label, score, bins=bins)
    assert sum(b.n for b in found) == len(rows)
    assert len(found) <= bins
    assert all(a.score_high < b.score_low for a, b in pairwise(found))
    assert all(b.rate_low <= b.rate <= b.rate_high for b in found)


def test_bins_are_json() -> None:
    """A bin's numbers have stable names."""
    [only] = calibration(np.array([1.0]), np.array([0.5]))
    assert list(only.to_json()) == ["n", "score_low", "score_high", "score", "rate", "rate_low", "rate_high"]
