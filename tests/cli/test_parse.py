"""What people write on a command line."""

import pytest

from forerun.cli.parse import pairs, size_bytes, speed, time_us, typed
from forerun.errors import ArgumentError

NOON_US = 1_376_481_600_000_000


@pytest.mark.parametrize(
    "text",
    [
        "2013-08-14T12:00",
        "2013-08-14 12:00:00",
        "2013-08-14T12:00:00Z",
        "2013-08-14T08:00-04:00",
        "2013-08-14T12:00:00.000000+00:00",
        "1376481600000000",
    ],
)
def test_times(text: str) -> None:
    """ISO 8601 is UTC unless it says otherwise; microseconds since 1970 are taken as they are."""
    assert time_us(text) == NOON_US


def test_times_keep_their_microseconds() -> None:
    """A time that we printed can be given back without losing a microsecond."""
    assert time_us("2013-08-14T12:00:00.123457") == NOON_US + 123_457
    assert time_us("1969-12-31T23:59:59.999999") == -1


@pytest.mark.parametrize("text", ["yesterday", "12:00", "", "2013-13-01", "1234"])
def test_no_time(text: str) -> None:
    """What is no time is answered with one that is."""
    with pytest.raises(ArgumentError, match="write 2013-08-14T16:30"):
        time_us(text)


@pytest.mark.parametrize(("text", "expected"), [("3600x", 3600.0), ("1", 1.0), ("0.5x", 0.5), (None, None)])
def test_speeds(text: str | None, expected: float | None) -> None:
    """A multiple of real time, with or without the x."""
    assert speed(text) == expected


@pytest.mark.parametrize("text", ["fast", "0", "-1", "nan", "inf", "x"])
def test_no_speed(text: str) -> None:
    """Nothing but a positive finite number is a speed."""
    with pytest.raises(ArgumentError, match="3600x"):
        speed(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2GiB", 2 * 1024**3),
        ("500MB", 500_000_000),
        ("0.5 kB", 500),
        ("64KiB", 65_536),
        ("9B", 9),
        ("2gib", 2 * 1024**3),
        (" 1 TB ", 10**12),
        (None, None),
    ],
)
def test_sizes(text: str | None, expected: int | None) -> None:
    """A number and a unit, of a thousand or of 1024."""
    assert size_bytes(text) == expected


@pytest.mark.parametrize(
    "text", ["", "2", "GiB", "2 gigs", "-1MB", "0B", "nanB", "infGB", "2GB/s", "1..2GB", "9999999999GiB"]
)
def test_no_size(text: str) -> None:
    """A size has a unit, so that nobody gets two bytes for two gigabytes."""
    with pytest.raises(ArgumentError, match="write 2GiB or 500MB"):
        size_bytes(text)


def test_pairs_keep_equals_signs_in_values() -> None:
    """Only the first = separates."""
    assert pairs(["note=a=b"]) == {"note": "a=b"}


@pytest.mark.parametrize("words", [["JFK"], ["=JFK"], ["origin=JFK", "origin=LGA"]])
def test_no_pairs(words: list[str]) -> None:
    """A word without a name, and a name given twice, are refused."""
    with pytest.raises(ArgumentError):
        pairs(words)


def test_values_get_their_fields_types() -> None:
    """A key's parts become what the stream declares them to be, in the order of the key."""
    types = {"origin": "string", "gate": "int", "open": "bool", "rate": "float", "at": "time"}
    given = {"at": "2013-08-14T12:00", "gate": "7", "origin": "7", "open": "true", "rate": "0.5"}
    assert typed(given, types) == {"origin": "7", "gate": 7, "open": True, "rate": 0.5, "at": NOON_US}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"gate": "7"}, "'origin' is missing"),
        ({"origin": "JFK", "gate": "7", "dest": "LAX"}, "'dest' is no part"),
        ({"origin": "JFK", "gate": "seven"}, "gate='seven' is no int"),
    ],
)
def test_wrong_keys(given: dict[str, str], said: str) -> None:
    """What is missing, unknown or of another type is named."""
    with pytest.raises(ArgumentError, match=said):
        typed(given, {"origin": "string", "gate": "int"})
