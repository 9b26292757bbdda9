"""Lengths of time are read as people write them, and nothing else is guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forerun.errors import DurationError
from forerun.events.duration import DURATION_US_MAX, parse_duration, spell_duration


@pytest.mark.parametrize(
    ("text", "expected_us"),
    [
        ("30s", 30_000_000),
        ("5m", 300_000_000),
        ("1h30m", 5_400_000_000),
        ("7d", 604_800_000_000),
        ("2w", 1_209_600_000_000),
        ("250ms", 250_000),
        ("1us", 1),
        ("3660d", DURATION_US_MAX),
    ],
)
def test_units(text: str, expected_us: int) -> None:
    """Weeks to microseconds, alone and together."""
    assert parse_duration(text, "over") == expected_us


@pytest.mark.parametrize(
    ("given_text", "advice"),
    [
        ("5 minutes", "write '5m'"),
        ("2 hours", "write '2h'"),
        ("5", "'5s' for seconds or '5m' for minutes"),
        (300, "'300s' for seconds"),
        ("-5m", "write '5m'"),
        ("1.5h", "whole numbers"),
        ("soon", "write it like '30s'"),
        ("", "write it like '30s'"),
        ("5m ", "write '5m'"),
        ("5M", "write '5m'"),
        (None, "write it like '30s'"),
        ("0s", "above zero"),
        ("3661d", "'3660d' or less"),
    ],
)
def test_advice(given_text: object, advice: str) -> None:
    """What else is written is refused with what was probably meant."""
    with pytest.raises(DurationError) as caught:
        parse_duration(given_text, "over")
    assert advice in caught.value.message
    assert "over=" in caught.value.message


def test_zero_where_it_means_something() -> None:
    """A lateness of nothing is an order that is kept."""
    assert parse_duration("0s", "lateness", zero=True) == 0


@given(st.integers(0, DURATION_US_MAX))
def test_spelling_is_read_back(duration_us: int) -> None:
    """What messages print can be pasted into an app."""
    assert parse_duration(spell_duration(duration_us), "over", zero=True) == duration_us
