"""Features after some events, as a user's own tests read them."""

import pytest

import forerun as fr
from forerun.errors import EventError
from forerun.testing.values import values

app = fr.App("doors")


@app.stream(key="door", lateness="10m")
class Opened(fr.Event):
    door: str
    at: fr.EventTime
    who: int
    seconds: float


@app.features(Opened, by=["who", "door"])
class Pair:
    mean_1h = fr.mean(Opened.seconds, over="1h")
    latest = fr.last(Opened.at)
    slow = fr.max(Opened.at - Opened.at)


def opened(minute: int, seconds: float, who: int = 1) -> Opened:
    """The north door opened in the first hour."""
    return Opened(door="north", at=fr.EventTime(minute * 60_000_000), who=who, seconds=seconds)


def test_values_of_an_entity() -> None:
    """Only its own events, in any part order of the key; times and durations as such."""
    found = values(
        app,
        Pair,
        [opened(1, 10), opened(9, 1, who=2), opened(5, 30)],
        key={"door": "north", "who": 1},
        at="1970-01-01T01:00:00Z",
    )

    assert found == {"mean_1h": 20.0, "latest": fr.Time(300_000_000), "slow": fr.Duration(0)}


def test_values_before_the_first_event() -> None:
    """Nothing is known of a stranger."""
    found = values(app, Pair, [], key={"door": "east", "who": 1}, at=fr.EventTime(0))

    assert found == {"mean_1h": None, "latest": None, "slow": None}


def test_late_event_is_an_error() -> None:
    """A test that lists one expects something that cannot be."""
    with pytest.raises(EventError, match="too late"):
        values(app, Pair, [opened(30, 1), opened(1, 1)], key={"door": "north", "who": 1}, at=fr.EventTime(0))
