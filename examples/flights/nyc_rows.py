"""Rows of the flight table as instants, and the rows that cannot be: which, and why not.

What had to be decided about the data is decided here and explained in docs/explanation/flights-data.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nyc_clock import DAY, HOUR, MINUTE, NEVER, Instants, wall_clock

Mask = npt.NDArray[np.bool_]

NEW_YORK: Final = "America/New_York"
ORIGINS: Final = ("EWR", "JFK", "LGA")

ZONES_NOT_IN_AIRPORTS: Final = {
    "BQN": "America/Puerto_Rico",  # Aguadilla
    "PSE": "America/Puerto_Rico",  # Ponce
    "SJU": "America/Puerto_Rico",  # San Juan
    "STT": "America/Puerto_Rico",  # St Thomas, Virgin Islands: the same clock
}

TAXI_IN_MINUTES: Final = 6
"""From touchdown to the gate. One flight in a hundred taxies no more than 13 minutes at both ends together,
that is, without a queue at either; about half of it is at the destination."""

MILES_PER_MINUTE_MAX: Final = 11
"""No schedule is faster over ground than this (660 mph)."""

MILES_PER_MINUTE_MIN: Final = 4
SLACK_MINUTES_MAX: Final = 180
"""No schedule allows more than the slowest flight and three hours for taxiing and padding."""

_NEEDED: Final = ("carrier", "flight", "year", "month", "day", "sched_dep_time", "sched_arr_time", "distance")


@dataclass(frozen=True)
class FlightTimes:
    """Instants for the rows of the flight table; every array has one entry per row.

    Args:
        key: A unique name per fit row, such as "UA1545-EWR-2013-01-01".
        scheduled_out: Scheduled gate departure.
        scheduled_in: Scheduled gate arrival.
        minute_of_day: Scheduled departure by the wall clock, 0 to 1439.
        weekday: Local weekday of the scheduled departure, Monday = 0.
        out: Gate departure; means something where `departed`.
        off: Take-off; means something where `departed`.
        into: Gate arrival; means something where `arrived`.
        departed: The flight left the gate (else it was cancelled).
        arrived: The flight reached its destination as planned (else it was diverted, or cancelled).
        fit: The row is understood; nothing above is to be used where it is not.
        unfit: For the others, in the order of the table: row number, field, reason.
    """

    key: "pa.Array[Any]"
    scheduled_out: Instants
    scheduled_in: Instants
    minute_of_day: Instants
    weekday: Instants
    out: Instants
    off: Instants
    into: Instants
    departed: Mask
    arrived: Mask
    fit: Mask
    unfit: tuple[tuple[int, str, str], ...]


def flight_times(flights: pa.Table, airports: pa.Table) -> FlightTimes:
    """Turn wall times into instants, and find the rows for which that cannot be done.

    Args:
        flights: The columns `nyc_files.FLIGHTS`.
        airports: The columns `nyc_files.AIRPORTS`.
    """
    zones = _zones(airports)
    key, dates = _keys(flights), _dates(flights)
    distance = _ints(flights, "distance")
    minute_of_day = _minutes(_ints(flights, "sched_dep_time"))
    scheduled_out = wall_clock(NEW_YORK).instants(dates * DAY + minute_of_day * MINUTE)
    scheduled_in = _scheduled_in(flights, scheduled_out, zones)
    longest = (distance // MILES_PER_MINUTE_MIN + SLACK_MINUTES_MAX) * MINUTE

    departed, arrived = _known(flights, "dep_delay"), _known(flights, "arr_delay")
    out = scheduled_out + _ints(flights, "dep_delay") * MINUTE
    into = scheduled_in + _ints(flights, "arr_delay") * MINUTE

    wrong: list[tuple[Mask, str, str]] = [(~_known(flights, field), field, "is missing") for field in _NEEDED]
    wrong += [
        (~_is_in(flights, "origin", ORIGINS), "origin", "is not one of " + ", ".join(ORIGINS)),
        (~_is_in(flights, "dest", zones), "dest", "has no known time zone"),
        (~_is_wall_time(_ints(flights, "sched_dep_time")), "sched_dep_time", "is not a time of day (hhmm)"),
        (~_is_wall_time(_ints(flights, "sched_arr_time")), "sched_arr_time", "is not a time of day (hhmm)"),
        (
            scheduled_out // HOUR * HOUR != _ints(flights, "time_hour"),
            "time_hour",
            "contradicts sched_dep_time",
        ),
        (
            scheduled_in - scheduled_out > longest,
            "sched_arr_time",
            "is no plausible arrival at the destination",
        ),
        (arrived & ~departed, "arr_delay", "is given although the flight never left"),
        (arrived & departed & (into <= out), "arr_delay", "puts the arrival before the departure"),
        (_repeats(key), "flight", "repeats carrier, number, origin and date of an earlier row"),
    ]
    first_wrong = np.full(flights.num_rows, len(wrong))
    for number in reversed(range(len(wrong))):
        first_wrong[wrong[number][0]] = number
    fit = first_wrong == len(wrong)
    return FlightTimes(
        key=key,
        scheduled_out=scheduled_out,
        scheduled_in=scheduled_in,
        minute_of_day=minute_of_day,
        weekday=(dates + 3) % 7,  # 1970-01-01 was a Thursday
        out=out,
        off=_off(flights, out, into, fit),
        into=into,
        departed=departed & fit,
        arrived=arrived & fit,
        fit=fit,
        unfit=tuple((int(row), *wrong[first_wrong[row]][1:]) for row in np.flatnonzero(~fit)),
    )


def _scheduled_in(flights: pa.Table, scheduled_out: Instants, zones: Mapping[str, str]) -> Instants:
    """The first instant, no sooner than a fast aircraft gets there, that shows the printed arrival time."""
    minutes = _minutes(_ints(flights, "sched_arr_time"))
    soonest = scheduled_out + _ints(flights, "distance") * MINUTE // MILES_PER_MINUTE_MAX
    found = np.full(len(scheduled_out), NEVER)
    for zone in sorted(set(zones.values())):
        there = _is_in(flights, "dest", [dest for dest in zones if zones[dest] == zone])
        found[there] = wall_clock(zone).next_showing(minutes[there], soonest[there])
    return found


def _off(flights: pa.Table, out: Instants, into: Instants, fit: Mask) -> Instants:
    """Take-off: gate to gate, less the time in the air, less a typical taxi to the gate, is the taxi out.

    A diverted flight has no time in the air; it gets the median taxi out of its origin.
    """
    flown = fit & _known(flights, "air_time") & _known(flights, "dep_delay") & _known(flights, "arr_delay")
    taxi_out = into - out - (_ints(flights, "air_time") + TAXI_IN_MINUTES) * MINUTE
    taxi_out[taxi_out < 0] = 0
    for origin in ORIGINS:
        here = _is_in(flights, "origin", [origin])
        known = taxi_out[here & flown]
        taxi_out[here & ~flown] = int(np.median(known)) // MINUTE * MINUTE if len(known) else 0
    return out + taxi_out


def _zones(airports: pa.Table) -> dict[str, str]:
    """Name of the time zone by airport."""
    listed = airports.to_pylist()
    return {row["faa"]: row["tzone"] for row in listed if row["tzone"]} | ZONES_NOT_IN_AIRPORTS


def _keys(flights: pa.Table) -> "pa.Array[Any]":
    """Carrier and number, origin, local date; null where one of them is."""
    # The stubs of these functions know no scalar beside an array.
    texts: list[Any] = [
        flights[name].cast(pa.string()).combine_chunks() for name in ("carrier", "flight", "origin")
    ]
    days, day = np.unique(_dates(flights).astype("datetime64[D]"), return_inverse=True)
    texts.append(pa.array(days.astype(str).tolist(), pa.string()).take(pa.array(day, pa.int64())))
    carrier, number, origin, date = texts
    key: pa.Array[Any] = pc.binary_join_element_wise(
        pc.binary_join_element_wise(carrier, number, ""), origin, date, "-"
    )
    return key


def _repeats(key: "pa.Array[Any]") -> Mask:
    encoded = key.dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy()
    if len(encoded.dictionary) == len(codes):
        return np.zeros(len(codes), bool)
    repeats = np.ones(len(codes), bool)
    repeats[np.unique(codes, return_index=True)[1]] = False
    return repeats & (codes >= 0)


def _dates(flights: pa.Table) -> Instants:
    """Days since 1970-01-01 of the local date. The 31st of February is in March; time_hour tells."""
    months = (_ints(flights, "year") - 1970) * 12 + _ints(flights, "month") - 1
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + _ints(flights, "day") - 1


def _minutes(hhmm: Instants) -> Instants:
    """Minutes since midnight of a time written as hours and minutes, such as 1435."""
    return hhmm // 100 * 60 + hhmm % 100


def _is_wall_time(hhmm: Instants) -> Mask:
    """No schedule of the data says 2400, so nothing is decided about which midnight that would be."""
    return (hhmm >= 0) & (hhmm < 2400) & (hhmm % 100 < 60)


def _ints(table: pa.Table, field: str) -> Instants:
    """A column as int64, zero where it is null: such rows are found by `_known`."""
    column: Any = table[field].cast(pa.int64())
    return np.asarray(column.fill_null(0).to_numpy())


def _known(table: pa.Table, field: str) -> Mask:
    return np.asarray(table[field].is_valid().to_numpy())


def _is_in(table: pa.Table, field: str, values: Iterable[str]) -> Mask:
    return np.asarray(pc.is_in(table[field], pa.array(list(values))).to_numpy())
