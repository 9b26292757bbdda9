"""The events behind the examples of the reference, small enough to check by head.

A door was opened three times: at 10:10 by ann for 10 seconds, at 10:20 by bob for 20, at 10:50 by an unknown
person for 60. `at_eleven` reads a feature of it at 11:00.

>>> from forerun.features.aggregates import count
>>> at_eleven(count()), at_eleven(count(Opened.who)), at_eleven(count(over="30m"))
(3, 2, 1)
"""

from forerun.events.event import Event
from forerun.events.moments import Duration, EventTime, Time
from forerun.runtime.app import App
from forerun.testing.values import values


class Opened(Event):
    """A door was opened."""

    door: str
    at: EventTime
    shut: Time
    who: str | None
    seconds: int


def at_eleven(feature: object) -> object:
    """The value of a feature of the door at 11:00.

    Args:
        feature: An aggregate over `Opened`.

    Returns:
        The value.
    """
    app, door = _app(feature)
    found = values(app, door, _OPENINGS, key={"door": "north"}, at="2013-01-01T11:00:00Z")
    return found["feature"]


def plan_of(feature: object) -> str:
    """The plan of an app with one feature of the door.

    Args:
        feature: An aggregate over `Opened`.

    >>> from forerun.features.aggregates import count
    >>> plan_of(count())[:30]
    '{"format":2,"streams":[{"dedup'
    """
    return _app(feature)[0].plan()


def _app(feature: object) -> tuple[App, type]:
    app = App("doors")
    app.stream(Opened, key="door", lateness="1h")
    view: type = type("Door", (), {"feature": feature})
    return app, app.features(Opened, by="door")(view)


def _opened(minute: int, who: str | None, seconds: int) -> Opened:
    at = EventTime(f"2013-01-01T10:{minute}:00Z")
    shut = at + Duration(f"{seconds}s")
    return Opened(door="north", at=at, shut=shut, who=who, seconds=seconds)


_OPENINGS = (_opened(10, "ann", 10), _opened(20, "bob", 20), _opened(50, None, 60))
