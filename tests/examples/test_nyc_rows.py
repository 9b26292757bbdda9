"""Wall times as instants: the hard rows by hand, all rows against the clocks, rows that cannot be read."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

import nyc
import nyc_files
from nyc_rows import flight_times

Row = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PUERTO_RICO = ZoneInfo("America/Puerto_Rico")


@cache
def places(stream: str) -> dict[str, int]:
    """In which row of a stream's table each flight is."""
    flights: list[Any] = nyc.year().tables[stream]["flight"].to_pylist()
    return {flight: row for row, flight in enumerate(flights)}


def event(stream: str, flight: str) -> Row | None:
    """The event of a stream about a flight, if there is one."""
    row = places(stream).get(flight)
    return None if row is None else nyc.year().tables[stream].slice(row, 1).to_pylist()[0]


def scheduled(flight: str) -> Row:
    """What was announced about a flight."""
    found = event("Scheduled", flight)
    assert found is not None
    return found


def at(text: str) -> datetime:
    """An instant of 2013, written "month-day hour:minute" in UTC; of the day after the year: 13-01."""
    day, clock = text.split()
    month, number = map(int, day.split("-"))
    hour, minute = map(int, clock.split(":"))
    return datetime(2013 + month // 13, (month - 1) % 12 + 1, number, hour, minute, tzinfo=UTC)


HARD = [
    # flight, scheduled out and in, actual out and in
    ("UA1545-EWR-2013-01-01", "01-01 10:15", "01-01 14:19", "01-01 10:17", "01-01 14:30"),  # Houston, winter
    ("HA51-JFK-2013-07-01", "07-01 14:00", "07-02 00:30", "07-01 14:05", "07-02 01:27"),  # Honolulu, summer
    ("HA51-JFK-2013-01-09", "01-09 14:00", "01-10 01:30", "01-10 11:41", "01-10 22:42"),  # 1301 minutes late
    ("UA887-EWR-2013-07-06", "07-06 20:15", "07-07 03:53", "07-06 20:29", "07-07 03:54"),  # Anchorage
    ("US75-EWR-2013-01-04", "01-04 15:00", "01-04 20:25", "01-04 14:55", "01-04 19:38"),  # Phoenix, winter
    ("US604-EWR-2013-07-04", "07-04 14:25", "07-04 19:22", "07-04 14:15", "07-04 18:55"),  # Phoenix, summer
    (
        "UA1703-EWR-2013-04-10",
        "04-10 23:30",
        "04-11 01:01",
        "04-11 04:01",
        "04-11 05:06",
    ),  # left the next day
    ("B61816-JFK-2013-07-13", "07-14 02:45", "07-14 03:59", "07-14 04:00", "07-14 05:01"),  # left at "2400"
    ("B697-JFK-2013-12-07", "12-08 02:23", "12-08 06:52", "12-08 01:40", "12-08 07:40"),  # 43 minutes early
    # In the night that lost an hour: San Juan shows 02:42, as its clock does not change; New York did not.
    ("B6727-JFK-2013-03-09", "03-10 04:59", "03-10 08:38", "03-10 05:53", "03-10 09:04"),  # Aguadilla
    ("B6713-JFK-2013-03-09", "03-10 02:55", "03-10 06:42", "03-10 04:17", "03-10 07:44"),  # San Juan
    # Left at 23:06 EST, due 00:34 EST, in at 03:03 EDT; the data print 02:03, which no clock showed.
    ("B635-JFK-2013-03-09", "03-10 02:45", "03-10 05:34", "03-10 04:06", "03-10 07:03"),
    # In the night that had an hour twice.
    ("VX413-JFK-2013-11-02", "11-02 20:55", "11-03 03:15", "11-03 02:17", "11-03 08:14"),  # Los Angeles
    ("AA185-JFK-2013-11-02", "11-03 01:40", "11-03 07:40", "11-03 01:39", "11-03 07:43"),  # Los Angeles
    ("B6745-JFK-2013-11-02", "11-03 03:59", "11-03 07:45", "11-03 03:46", "11-03 07:53"),  # Ponce, still EDT
    ("B6745-JFK-2013-11-03", "11-04 04:59", "11-04 08:45", "11-04 04:47", "11-04 08:24"),  # Ponce, now EST
    ("B6839-JFK-2013-12-31", "13-01 04:59", "13-01 08:37", "13-01 05:13", "13-01 08:39"),  # into 2014
    # Cancelled: with an aircraft named, and without.
    ("US1632-EWR-2013-07-27", "07-27 05:06", "07-27 06:45", None, None),
    ("AA133-JFK-2013-01-02", "01-02 20:45", "01-03 03:10", None, None),
    # Diverted: never in; and in at 19:11, four hours late, of which the data give no delay.
    ("US17-JFK-2013-06-01", "06-01 20:29", "06-02 01:53", "06-01 20:26", None),
    ("EV4502-EWR-2013-06-01", "06-01 19:29", "06-01 21:47", "06-01 19:23", None),
]


@pytest.mark.parametrize(("flight", "due_out", "due_in", "out", "into"), HARD, ids=[row[0] for row in HARD])
def test_hard_row(flight: str, due_out: str, due_in: str, out: str | None, into: str | None) -> None:
    """The four instants, worked by hand from wall times, zones and delays."""
    announced, departed, arrived = scheduled(flight), event("Departed", flight), event("Arrived", flight)
    leaves = announced["at"] + timedelta(hours=1)

    assert leaves == at(due_out)
    assert leaves + timedelta(minutes=announced["planned_minutes"]) == at(due_in)
    assert (departed and departed["at"]) == (out and at(out))
    assert (arrived and arrived["at"]) == (into and at(into))


@pytest.mark.parametrize(
    ("flight", "off"),
    [
        (
            "UA1545-EWR-2013-01-01",
            "01-01 10:37",
        ),  # 253 minutes gate to gate, 227 in the air, 6 to the gate: 20
        ("UA1269-EWR-2013-05-08", "05-08 22:22"),  # only 5 minutes on the ground: off at once
        ("US17-JFK-2013-06-01", "06-01 20:49"),  # diverted: the median of its origin, 23 minutes
    ],
)
def test_departure_is_published_at_take_off(flight: str, off: str) -> None:
    """Gate to gate, less the time in the air, less a typical taxi in."""
    departed = event("Departed", flight)

    assert departed is not None
    assert EPOCH + timedelta(microseconds=departed["_arrival"]) == at(off)


def test_schedule_facts_are_those_of_the_local_day() -> None:
    """23:59 on Saturday in New York is Sunday in UTC."""
    row = scheduled("B6745-JFK-2013-11-02")

    assert (row["minute_of_day"], row["weekday"], row["month"]) == (23 * 60 + 59, 5, 11)
    assert (row["carrier"], row["dest"], row["distance"]) == ("B6", "PSE", 1617.0)


def test_wall_clocks_show_what_the_data_print() -> None:
    """All 328,521 departures and 327,346 arrivals, turned back into wall times, show the times as printed,
    which nothing was computed from. One disagrees: it landed in the night that lost an hour, and its time is
    printed by the clock as it was before.
    """
    wanted = dict(nyc_files.FLIGHTS) | {"dep_time": pa.int64(), "arr_time": pa.int64()}
    flights = nyc_files.read("flights.csv.zip", wanted)
    airports = nyc_files.read("airports.csv", nyc_files.AIRPORTS).to_pylist()
    zones = {row["faa"]: ZoneInfo(row["tzone"]) for row in airports if row["tzone"]}
    names = [
        f"{carrier}{number}-{origin}-2013-{month:02}-{day:02}"
        for carrier, number, origin, month, day in zip(
            *(flights[name].to_pylist() for name in ("carrier", "flight", "origin", "month", "day")),
            strict=True,
        )
    ]
    wrong = []
    for stream, field in (("Departed", "dep_time"), ("Arrived", "arr_time")):
        printed: dict[str, Any] = dict(zip(names, flights[field].to_pylist(), strict=True))
        table = nyc.year().tables[stream]
        columns: list[list[Any]] = [
            table["flight"].to_pylist(), table["at"].cast(pa.int64()).to_pylist(), table["dest"].to_pylist()
        ]  # fmt: skip
        for flight, instant, dest in zip(*columns, strict=True):
            zone = zones["JFK"] if stream == "Departed" else zones.get(dest, PUERTO_RICO)
            local = datetime.fromtimestamp(instant // 1_000_000, zone)
            if local.hour * 100 + local.minute != printed[flight] % 2400:
                wrong.append((flight, stream))

    assert wrong == [("B635-JFK-2013-03-09", "Arrived")]


def test_every_zone_fits_the_time_in_the_air() -> None:
    """Gate to gate less time in the air is taxiing. An hour too much or too little would show in the median
    of a destination; no flight of the year has less than 5 minutes or more than 235.
    """
    flights = nyc_files.read("flights.csv.zip", nyc_files.FLIGHTS)
    airports = nyc_files.read("airports.csv", nyc_files.AIRPORTS)
    times = flight_times(flights, airports)
    taxi = (times.into - times.out) / 60e6 - flights["air_time"].to_numpy()
    by_dest = (
        pa.table({"dest": flights["dest"], "taxi": taxi}).filter(pa.array(times.arrived)).group_by("dest")
    )
    medians = by_dest.aggregate([("taxi", "approximate_median")])["taxi_approximate_median"].to_numpy()

    assert (taxi[times.arrived].min(), taxi[times.arrived].max()) == (5, 235)
    assert len(medians) == 104
    assert medians.min() >= 20
    assert medians.max() <= 37


def one_row(**changes: object) -> pa.Table:
    """The first flight of the data set, with changes."""
    row: Row = {
        "year": 2013,
        "month": 1,
        "day": 1,
        "sched_dep_time": 515,
        "dep_delay": 2,
        "sched_arr_time": 819,
        "arr_delay": 11,
        "carrier": "UA",
        "flight": 1545,
        "tailnum": "N14228",
        "origin": "EWR",
        "dest": "IAH",
        "air_time": 227,
        "distance": 1400,
        "time_hour": datetime(2013, 1, 1, 10, tzinfo=UTC),
    }
    return pa.Table.from_pylist([row | changes], pa.schema(list(nyc_files.FLIGHTS.items())))


AIRPORTS = pa.table({"faa": ["IAH", "ATL"], "tzone": ["America/Chicago", "America/New_York"]})
NO_WEATHER = pa.Table.from_pylist([], pa.schema(list(nyc_files.WEATHER.items())))


@pytest.mark.parametrize(
    ("changes", "field", "why"),
    [
        ({"carrier": None}, "carrier", "is missing"),
        ({"flight": None}, "flight", "is missing"),
        ({"day": None}, "day", "is missing"),
        ({"sched_arr_time": None}, "sched_arr_time", "is missing"),
        ({"distance": None}, "distance", "is missing"),
        ({"origin": "BOS"}, "origin", "is not one of EWR, JFK, LGA"),
        ({"origin": None}, "origin", "is not one of EWR, JFK, LGA"),
        ({"dest": "XXX"}, "dest", "has no known time zone"),
        ({"dest": None}, "dest", "has no known time zone"),
        ({"sched_dep_time": 575}, "sched_dep_time", "is not a time of day"),
        ({"sched_dep_time": 2400}, "sched_dep_time", "is not a time of day"),
        ({"sched_arr_time": 2400}, "sched_arr_time", "is not a time of day"),
        ({"time_hour": datetime(2013, 1, 1, 9, tzinfo=UTC)}, "time_hour", "contradicts sched_dep_time"),
        ({"month": 2, "day": 30}, "time_hour", "contradicts sched_dep_time"),
        ({"sched_arr_time": 500}, "sched_arr_time", "is no plausible arrival"),
        ({"dep_delay": None}, "arr_delay", "is given although the flight never left"),
        ({"arr_delay": -300}, "arr_delay", "puts the arrival before the departure"),
    ],
)
def test_row_that_cannot_be_an_event(changes: Row, field: str, why: str) -> None:
    """It is set aside with the field, the reason and the row itself, and makes no event of any stream."""
    year = nyc.build(one_row(**changes), NO_WEATHER, AIRPORTS)

    [(_, stream, row)] = year.quarantined
    assert (stream, row.field) == ("Scheduled", field)
    assert row.reason.startswith(f"{field} {why}")
    assert json.loads(row.payload)["tailnum"] == "N14228"
    assert year.account["events"] == 0
    assert (year.account["flight_rows"], year.account["flight_rows_quarantined"]) == (1, 1)


def test_row_as_it_is_makes_three_events() -> None:
    """The specimen above is sound: what the other test finds is the change."""
    year = nyc.build(one_row(), NO_WEATHER, AIRPORTS)

    assert {name: table.num_rows for name, table in year.tables.items()} == {
        "Scheduled": 1,
        "Departed": 1,
        "Arrived": 1,
        "Weather": 0,
    }
    assert year.quarantined == ()


def test_second_row_of_one_flight_is_set_aside() -> None:
    """The first stays: a key names one flight."""
    year = nyc.build(pa.concat_tables([one_row(), one_row(dest="ATL", distance=746)]), NO_WEATHER, AIRPORTS)

    [(_, _, row)] = year.quarantined
    assert row.reason.startswith("flight repeats carrier, number, origin and date")
    assert year.tables["Scheduled"]["dest"].to_pylist() == ["IAH"]


def test_wind_no_one_ever_measured_is_set_aside() -> None:
    """One row of the weather table reports 1048 mph; a wind not reported is sound."""
    hours = [datetime(2013, 1, 1, hour, tzinfo=UTC) for hour in range(3)]
    rows = [
        {"origin": "JFK", "wind_speed": wind, "time_hour": hour}
        for wind, hour in zip((1048.4, 253.0, None), hours, strict=True)
    ]
    weather = pa.Table.from_pylist(rows, NO_WEATHER.schema)

    year = nyc.build(one_row(), weather, AIRPORTS)

    [(when, stream, row)] = year.quarantined
    assert (stream, row.field) == ("Weather", "wind_speed")
    assert EPOCH + timedelta(microseconds=when) == hours[1]  # when it would have been published
    assert year.tables["Weather"]["wind_speed"].to_pylist() == [253.0, None]
