"""What is heard about flights from New York: four messages, in the words of the data."""

import forerun as fr


class Flight(fr.Event):
    """What every message about a flight says."""

    flight: str  # carrier, number, origin and local date: one flight of the year
    at: fr.EventTime
    carrier: str
    origin: str
    dest: str
    tailnum: str | None  # the aircraft; null only for flights that were cancelled later


class Scheduled(Flight):
    """One hour before scheduled departure."""

    distance: float  # miles
    minute_of_day: int  # scheduled departure, local time
    weekday: int  # 0 is Monday
    month: int
    planned_minutes: float  # from gate to gate


class Departed(Flight):
    """A flight left its gate; published when it takes off, so messages overtake each other."""

    dep_delay: float  # minutes behind schedule


class Arrived(Flight):
    """A flight reached its gate. Cancelled and diverted ones never do."""

    arr_delay: float  # minutes behind schedule


class Weather(fr.Event):
    """The hourly observation at a New York airport."""

    origin: str
    at: fr.EventTime
    temp: float | None  # degrees Fahrenheit
    dewp: float | None
    humid: float | None  # percent
    wind_dir: float | None  # degrees
    wind_speed: float | None  # mph
    wind_gust: float | None
    precip: float | None  # inches
    pressure: float | None  # millibars
    visib: float | None  # miles
