"""Wilson intervals match published numbers and keep inside 0 and 1."""

import pytest

from forerun.monitoring.wilson import interval


@pytest.mark.parametrize(
    ("positives", "n", "low", "high"),
    [
        # Newcombe (1998), Statistics in Medicine 17, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_published_intervals(positives: int, n: int, low: float, high: float) -> None:
    """The intervals are those of Newcombe's comparison, to the digits he prints."""
    assert interval(positives, n) == pytest.approx((low, high), abs=5e-5)


def test_nothing_seen_tells_nothing() -> None:
    """Without any case the rate can be anything."""
    assert interval(0, 0) == (0.0, 1.0)


def test_interval_stays_inside() -> None:
    """All of a million still leaves the end at 1, none leaves it at 0."""
    assert interval(1_000_000, 1_000_000)[1] == 1.0
    assert interval(0, 1_000_000)[0] == 0.0
