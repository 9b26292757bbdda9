"""What a type checker makes of an app file. `make check` type-checks it, with unused ignores as errors.

Each `type: ignore` is a mistake that the checker must find, with the code it must give.
"""

from collections.abc import Sequence
from typing import assert_type

import numpy as np
from numpy.typing import NDArray

import forerun as fr

app = fr.App("typing")


@app.stream(key="flight", lateness="1m")
class Departed(fr.Event):
    flight: str
    at: fr.EventTime
    tailnum: str | None
    dep_delay: float
    taxi_minutes: float | None
    gate: int


class Later(Departed):
    cleared: fr.Time


@app.features(Departed, by="gate")
class Features:
    n = fr.count(over="1h")
    total = fr.sum(Departed.gate, over="1h")
    delay = fr.mean(Departed.dep_delay > 15, over="1h")
    taxi = fr.last(Departed.taxi_minutes)
    left = fr.last(Departed.at)
    plane = fr.last(Departed.tailnum)
    planes = fr.top_k(Departed.tailnum, 3, over=fr.sliding("7d", ago="1d"))
    delays = fr.last_n(Departed.dep_delay, 5, over=fr.today("America/New_York"))
    bins = fr.histogram(Departed.dep_delay, [0, 15, 60], over=fr.last_events(100))
    late_share = fr.ratio(Departed.dep_delay > 15, Departed.gate, over="1d")
    idle = fr.time_since()


def spread(values: Sequence[float], times_us: Sequence[int], t_us: int) -> float | None:
    """The largest less the smallest."""
    return max(values) - min(values)


def of_texts(values: Sequence[str], times_us: Sequence[int], t_us: int) -> float:
    """Takes what it is never given."""
    return len(values)


@app.features(Departed, by="gate")
class Own:
    spread = fr.custom(spread, Departed.dep_delay, over="1h")
    texts = fr.custom(of_texts, Departed.dep_delay, over="1h")  # type: ignore[arg-type]


Bound = fr.bind(Features, gate=Departed.gate)


@fr.on_demand(delay=Departed.dep_delay, usual=Features.delay)
def surprise(delay: NDArray[np.float64], usual: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far from usual."""
    return delay - usual


def fields_have_their_declared_types() -> None:
    """An editor completes them, and an expression reads as plain Python."""
    assert_type(Departed.dep_delay, float)
    assert_type(surprise, float)
    assert_type(Own.spread, float)
    assert_type(surprise > 3, bool)
    assert_type(Departed.tailnum, str | None)
    assert_type(Departed.at, fr.EventTime)
    assert_type(Later.dep_delay, float)
    assert_type(Departed.dep_delay > 15, bool)
    assert_type((Departed.dep_delay > 15) & (Departed.gate == 3), bool)
    assert_type(Later.cleared - Later.at, fr.Duration)
    assert_type(fr.seconds(Later.cleared - Later.at), float)
    assert_type((Later.cleared - Later.at) / fr.Duration("1m"), float)
    assert_type(fr.coalesce(Departed.taxi_minutes, 0.0), float)
    assert_type(fr.given(Departed.taxi_minutes) > 3, bool)
    assert_type(fr.if_else(Departed.dep_delay > 15, 1, 0), int)
    assert_type(fr.not_(fr.is_null(Departed.tailnum)), bool)
    assert_type(Departed.gate % 2, int)
    assert_type(Departed.dep_delay**2, float)
    assert_type(fr.round(Departed.dep_delay), int)
    assert_type(fr.to_int(Departed.tailnum), int)
    assert_type(fr.to_float(Departed.tailnum) > 1, bool)
    assert_type(fr.to_string(Departed.gate), str)
    assert_type(fr.starts_with(Departed.tailnum, "N") & fr.contains(Departed.flight, "1"), bool)
    assert_type(fr.length(fr.lower(Departed.tailnum)), int)
    assert_type(fr.distance_km(40.6, -74.2, Departed.dep_delay, Departed.taxi_minutes), float)


def parts_of_a_local_time_have_types() -> None:
    """An editor lists them after the dot."""
    local = fr.local(Departed.at, "Europe/Paris")
    assert_type(local.hour, int)
    assert_type(local.is_weekend, bool)
    assert_type(local.seconds_of_day, float)
    fr.local(Departed.gate, "Europe/Paris")  # type: ignore[arg-type]
    assert local.hours  # type: ignore[attr-defined]
    assert local > 5  # type: ignore[operator]


def features_have_the_types_of_their_aggregates() -> None:
    """A view reads as a class of values, bound or not."""
    assert_type(Features.n, int)
    assert_type(Features.total, int)
    assert_type(Features.delay, float)
    assert_type(Features.taxi, float)
    assert_type(Departed.at - Features.left, fr.Duration)
    assert_type(Bound.delay, float)
    assert_type(Features.plane, str)
    assert_type(Features.planes, list[str])
    assert_type(Features.planes[0] == Departed.tailnum, bool)
    assert_type(Features.delays[4], float)
    assert_type(Features.bins, list[int])
    assert_type(Features.late_share, float)
    assert_type(fr.seconds(Features.idle), float)


def events_are_made_with_their_fields() -> fr.Event:
    """The constructor knows the fields, inherited ones too."""
    at = fr.EventTime("2013-01-01T10:00:00Z")
    made = Departed(flight="UA1", at=at, tailnum=None, dep_delay=2.0, taxi_minutes=None, gate=3)
    assert_type(made.dep_delay, float)
    Departed(flight="UA1", at=at, tailnum=None, dep_delay="2", taxi_minutes=None, gate=3)  # type: ignore[arg-type]
    Departed(flight="UA1", at=at, tailnum=None)  # type: ignore[call-arg]
    return made


def mistakes_are_found_while_typing() -> None:
    """Before the app is ever loaded."""
    assert Departed.dep_dely  # type: ignore[attr-defined]
    assert Features.dealy  # type: ignore[attr-defined]
    assert Departed.flight + 1  # type: ignore[operator]
    fr.mean(Departed.flight)  # type: ignore[arg-type]
    fr.distinct(Departed.tailnum, max="9")  # type: ignore[arg-type]
    fr.top_k(Departed.dep_delay, 3, over="1d")  # type: ignore[type-var]
    fr.count(over=300)  # type: ignore[arg-type]
    fr.count(ovr="5m")  # type: ignore[call-arg]
    app.stream(key="flight")  # type: ignore[call-overload]
    app.model(on=Features, label=fr.label(Departed, True, within="1d"))  # type: ignore[arg-type]


@app.stream(key="flight", lateness="1m")
class Decorated(fr.Event):
    flight: str
    at: fr.EventTime


@app.features(Decorated, by="flight")
class DecoratedFeatures:
    n = fr.count()


@app.model(on=Decorated, label=fr.label(Departed, Departed.gate > 1, within="1d"), risk="high")
class DecoratedModel(fr.Model):
    inputs = (DecoratedFeatures.n,)

    def fit(self, table: fr.Table) -> object:
        """Never run."""
        return [table.features.shape, table.names]


def decorators_keep_types() -> None:
    """A decorated class is the class it was."""
    assert_type(Decorated.flight, str)
    assert_type(DecoratedFeatures.n, int)
    assert_type(DecoratedModel.score, float)
    assert_type(DecoratedModel.score > 0.5, bool)
