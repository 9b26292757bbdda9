"""The source of the flights example: nothing lost or twice, in order, resumable, nothing told too early."""

import csv
from collections import Counter
from io import TextIOWrapper
from zipfile import ZipFile

import numpy as np
import pyarrow as pa
import pytest

import nyc
import nyc_files
from forerun.events.table import schema_of
from forerun.features.window import Sliding
from forerun.runtime.load import load
from forerun.streams.source import Slice
from nyc import nyc2013
from nyc_clock import HOUR, MINUTE, Instants


@pytest.fixture(scope="module")
def slices() -> list[Slice]:
    """The whole year."""
    return list(nyc2013(0))


def column(stream: str, name: str) -> Instants:
    """A column of times of one stream, in microseconds."""
    return nyc.year().tables[stream][name].cast(pa.int64()).to_numpy()


def test_account_adds_up() -> None:
    """Each of the 336,776 rows is in a stream or in quarantine, and each flight has one fate."""
    account = nyc.account()

    assert account["flight_rows"] == 336_776 == account["scheduled"] + account["flight_rows_quarantined"]
    assert account["scheduled"] == account["departed"] + account["cancelled"]
    assert account["departed"] == account["arrived"] + account["diverted"]
    assert account["weather_rows"] == 26_115 == account["weather"] + account["weather_rows_quarantined"]
    assert account["events"] == sum(account[name] for name in ("scheduled", "departed", "arrived", "weather"))


def test_account_is_that_of_the_file() -> None:
    """Counted again with nothing but the csv module."""
    directory = nyc_files.directory()
    with ZipFile(directory / "flights.csv.zip") as archive, archive.open("flights.csv") as binary:
        fates = Counter(
            "cancelled"
            if row["dep_delay"] in ("", "NA")
            else "diverted"
            if row["arr_delay"] in ("", "NA")
            else "arrived"
            for row in csv.DictReader(TextIOWrapper(binary))
        )

    account = nyc.account()
    assert fates == {name: account[name] for name in ("cancelled", "diverted", "arrived")}
    assert fates.total() == account["flight_rows"]


def test_slices_hold_every_event_and_every_refused_row(slices: list[Slice]) -> None:
    """What the account says is what is handed over."""
    rows = Counter[str]()
    for part in slices:
        rows.update({name: table.num_rows for name, table in part.tables.items()})
    account = nyc.account()

    assert rows == {name: account[name.lower()] for name in ("Scheduled", "Departed", "Arrived", "Weather")}
    assert rows.total() == account["events"] == nyc2013.total_events
    assert [(stream, row.field) for part in slices for stream, row in part.quarantined] == [
        ("Weather", "wind_speed")
    ]


def test_a_key_names_one_flight() -> None:
    """No two rows share one, in any stream; who departed was scheduled, who arrived departed."""
    keys = {
        name: nyc.year().tables[name]["flight"].to_pylist() for name in ("Scheduled", "Departed", "Arrived")
    }

    assert all(len(set(names)) == len(names) for names in keys.values())
    assert set(keys["Arrived"]) < set(keys["Departed"]) < set(keys["Scheduled"])


def test_slices_are_in_order_of_arrival(slices: list[Slice]) -> None:
    """Positions count up; within a table and from slice to slice no arrival is older than the one before."""
    assert [part.position for part in slices] == list(range(len(slices)))
    assert all(part.rows or part.quarantined for part in slices)
    for part in slices:
        for table in part.tables.values():
            assert (np.diff(table["_arrival"].to_numpy()) >= 0).all()
    lows, highs = [part.arrival_low_us for part in slices], [part.arrival_high_us for part in slices]
    assert all(
        high <= low
        for high, low in zip(highs, lows[1:], strict=False)
        if high is not None and low is not None
    )
    assert (lows[0], highs[-1]) == nyc2013.span_us


@pytest.mark.parametrize("position", [0, 1, 999, 4321, 8762, 8763, 9000])
def test_reading_resumes_anywhere(slices: list[Slice], position: int) -> None:
    """From a position on the slices are those of reading from the beginning; beyond the end are none."""
    resumed = list(zip(nyc2013(position), slices[position:], strict=False))

    assert len(resumed) == max(0, len(slices) - position)
    for actual, expected in resumed[:50]:
        assert actual.position == expected.position
        assert dict(actual.tables) == dict(expected.tables)
        assert actual.quarantined == expected.quarantined


def test_events_fit_their_declaration() -> None:
    """Columns, order, types, and no null where the class does not allow one."""
    app = load(nyc.__file__.removesuffix("nyc.py"))
    tables = nyc.year().tables

    assert list(tables) == list(app.streams)
    for name, spec in app.streams.items():
        schema = schema_of(spec)
        assert tables[name].schema.names == [*schema.names, "_arrival"]
        assert tables[name].schema.types == [*schema.types, pa.int64()]
        assert [
            field.name for field in schema if not field.nullable and tables[name][field.name].null_count
        ] == []


def test_nothing_is_told_before_it_happened() -> None:
    """Each message is published at or after the time it carries; all but departures at that very time."""
    for name in ("Scheduled", "Departed", "Arrived", "Weather"):
        delay = column(name, "_arrival") - column(name, "at")
        assert delay.min() == 0
        assert delay.max() == (229 * MINUTE if name == "Departed" else 0)


def test_an_hour_of_weather_is_known_when_it_is_over() -> None:
    """The data stamp the hour in which an observation was made, mostly near its end."""
    stamped = nyc_files.read("weather.csv", nyc_files.WEATHER)
    hours = Counter(
        zip(stamped["origin"].to_pylist(), stamped["time_hour"].cast(pa.int64()).to_pylist(), strict=True)
    )
    weather = nyc.year().tables["Weather"]
    published = Counter(
        zip(weather["origin"].to_pylist(), (column("Weather", "_arrival") - HOUR).tolist(), strict=True)
    )

    assert (hours - published).total() == 1  # the hour with the impossible wind
    assert not published - hours


def test_a_flight_is_announced_before_it_leaves_and_lands_after() -> None:
    """Told in the order in which it happened: announced, taken off, arrived."""
    told = {
        name: dict(
            zip(nyc.year().tables[name]["flight"].to_pylist(), column(name, "_arrival").tolist(), strict=True)
        )
        for name in ("Scheduled", "Departed", "Arrived")
    }

    assert all(told["Scheduled"][flight] < when for flight, when in told["Departed"].items())
    assert all(told["Departed"][flight] < when for flight, when in told["Arrived"].items())


def test_departures_are_as_disordered_as_the_documentation_says() -> None:
    """Taxiing takes 0 to 229 minutes, so departures overtake each other; flights-data.md has the figures."""
    times = column("Departed", "at")
    newest = np.maximum.accumulate(times)
    behind = newest[:-1] - times[1:]

    assert round(float((behind > 0).mean()), 3) == 0.682
    assert int((behind > 30 * MINUTE).sum()) == 18_955
    assert int((behind > 60 * MINUTE).sum()) == 2_597


def test_aircraft_is_unknown_only_for_cancelled_flights() -> None:
    """A trap of the data: the absence of a tail number tells the outcome, so no input may show it. What is
    null for these flights must be null for many others: the app remembers an aircraft for two days only.
    """
    scheduled = nyc.year().tables["Scheduled"]
    nameless = set(scheduled.filter(scheduled["tailnum"].is_null())["flight"].to_pylist())
    departed = set(nyc.year().tables["Departed"]["flight"].to_pylist())
    app = load(nyc.__file__.removesuffix("nyc.py"))
    by_aircraft = [view for view in app.views.values() if "tailnum" in view.by]

    assert len(nameless) == 2_512
    assert not nameless & departed
    assert {view.stream.name for view in by_aircraft} == {"Departed", "Arrived"}
    assert all(f.window == Sliding(48 * HOUR) for view in by_aircraft for f in view.aggregates)
