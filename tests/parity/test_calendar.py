"""Calendar windows where clocks are changed: kernel and oracle, two readers of the tz database, agree."""

import json
import random
from datetime import UTC, datetime

import pytest

import forerun as fr
from forerun._core import Kernel
from forerun.testing.oracle import Arrival, Oracle
from forerun.testing.parity.play import Log, values
from forerun.testing.parity.subject import Subject

CHANGES = {
    "Europe/Paris": ("2013-03-31T01:00", "2013-10-27T01:00"),
    "America/New_York": ("2013-03-10T07:00", "2013-11-03T06:00"),
    "America/Sao_Paulo": ("2013-10-20T03:00", "2014-02-16T02:00"),  # at midnight
    "America/Havana": ("2013-03-10T05:00", "2013-11-03T05:00"),  # at midnight, and back to midnight
    "Australia/Lord_Howe": ("2013-10-05T15:30", "2014-04-05T15:00"),  # by half an hour
    "Asia/Kolkata": ("2013-01-01T00:00", "2013-02-01T00:00"),  # half past
    "Pacific/Apia": ("2011-12-30T10:00", "2012-01-01T10:00"),  # without 30 December
    "America/St_Johns": (
        "1990-04-01T03:31",
        "1990-10-28T02:31",
    ),  # a minute past midnight, back to the day before
    "America/Toronto": ("1919-03-31T04:30", "1919-10-26T04:00"),  # at half past eleven, into the next day
    "Asia/Beirut": ("2013-03-30T22:00", "2013-10-26T21:00"),
}
UNITS = ("hour", "day", "week", "month", "year")
MINUTE_US = 60_000_000


def _plan(zone: str) -> str:
    app = fr.App("calendar")

    @app.stream(key="k", lateness="3000d")
    class Tick(fr.Event):
        k: str
        at: fr.EventTime

    features = {unit: fr.count(over=fr.calendar(unit, zone)) for unit in UNITS}
    app.features(Tick, by="k")(type("Ticks", (), features))
    return app.plan()


@pytest.mark.parametrize("zone", CHANGES)
def test_units_begin_when_the_clocks_say(zone: str) -> None:
    """Around changes of the clocks, an event every ten minutes is counted in the same units."""
    chance = random.Random(zone)
    subject = Subject(_plan(zone))
    kernel, oracle = Kernel(subject.text), Oracle(subject.text)
    readings: list[int] = []
    times: set[int] = set()
    for change in CHANGES[zone]:
        middle = int(datetime.fromisoformat(change).replace(tzinfo=UTC).timestamp()) * 1_000_000
        times |= {middle + number * 10 * MINUTE_US for number in range(-6 * 40, 6 * 40)}
        readings += [
            middle + chance.randrange(-36 * 60, 36 * 60) * MINUTE_US + chance.choice((0, -1))
            for _ in range(60)
        ]
        readings += [
            middle + minutes * MINUTE_US for minutes in (-61, -60, -31, -1, 0, 1, 29, 30, 59, 60, 61)
        ]
    arrivals = [Arrival(0, 0, number, at, {"k": "a", "at": at}) for number, at in enumerate(sorted(times))]
    for step in Log(subject, arrivals).steps(10_000):
        kernel.apply(step)
    for arrival in arrivals:
        oracle.take(arrival)
    differing = [
        (unit, t, oracle.value(0, index, ("a",), t), found[unit][0])
        for t in readings
        for found in [values(kernel, subject, 0, [("a",)], t)]
        for index, unit in enumerate(UNITS)
        if found[unit][0] != oracle.value(0, index, ("a",), t)
    ]

    assert json.dumps(differing[:3]) == "[]"
