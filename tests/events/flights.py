"""A stream with a field of every type, for the tests of this directory."""

import forerun as fr

app = fr.App("flights")


@app.stream(key="flight", lateness="30m")
class Flown(fr.Event):
    """A flight has been flown."""

    flight: str
    at: fr.EventTime
    planned: fr.Time | None
    delay: float | None
    gate: int | None
    towed: bool | None
    tailnum: str | None


STREAM = app.streams["Flown"]
