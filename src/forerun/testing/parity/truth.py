"""P3: every value is the one of the naive oracle, which shares no code with the kernel."""

import random  # noqa: TID251 - always seeded; chooses which entities are read between steps
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from forerun.testing.oracle.aggregates import Found
from forerun.testing.oracle.arrival import APPLIED, Arrival, Value
from forerun.testing.oracle.emitted import emitted
from forerun.testing.oracle.interpreter import Expected, Oracle
from forerun.testing.oracle.tolerance import within
from forerun.testing.parity.level import Difference, Level
from forerun.testing.parity.play import Log, matrix, rows_of, values, verdicts
from forerun.testing.parity.subject import PROBE, Subject

STEP_ROWS = 20
KEYS_READ = 3
EVENTS_SHOWN = 50

PROMISE = (
    "Every value is that of a naive oracle that shares no code with the kernel: counts, ints, extremes, "
    "texts and lists exactly, sums and means within one unit in the last place of the exact rational result."
)

Doctor = Callable[[str, str, Any], Any]
"""Gets a view, a feature and its value, and gives the value: may falsify it."""


def truth(
    subject: Subject,
    arrivals: Sequence[Arrival],
    *,
    seed: int = 0,
    enough: Callable[[Level], bool] = lambda _: False,
    doctor: Doctor = lambda _view, _feature, value: value,
) -> Level:
    """Play a log through kernel and oracle side by side: verdicts, vectors, watermarks, readings, windows.

    Args:
        subject: The plan.
        arrivals: A log.
        seed: Chooses which entities are read between steps, and when.
        enough: Asked after every step whether to stop; for a limit of time.
        doctor: May falsify values of the kernel: a test of this test.

    Returns:
        The level; its cells are inputs of vectors, values of readings, and values of closed windows.
    """
    return _Side(subject, seed, doctor).by_side(arrivals, enough)


class _Side:
    """Kernel and oracle on the same log."""

    def __init__(self, subject: Subject, seed: int, doctor: Doctor) -> None:
        self.subject = subject
        self.kernel = subject.kernel()
        self.oracle = Oracle(subject.text, subject.functions)
        self.level = Level("P3 oracle", PROMISE)
        self.chance = random.Random(seed)
        self.taken: list[Arrival] = []
        self.closed: list[list[Mapping[str, Any]]] = [[] for _ in subject.spec.get("emitters", ())]
        self.doctor = doctor
        self.events = 0
        self.nulls = 0

    def by_side(self, arrivals: Sequence[Arrival], enough: Callable[[Level], bool]) -> Level:
        """Step after step."""
        log = Log(self.subject, arrivals)
        start = 0
        for step in log.steps(STEP_ROWS):
            some = arrivals[start : start + STEP_ROWS]
            start += len(some)
            self.step(step, some)
            if enough(self.level):
                break
        self.windows()
        cells = self.level.cells
        self.level.notes.append(
            f"{self.events} events, in steps of {STEP_ROWS}; {self.nulls} of {cells} values are null"
        )
        return self.level

    def step(self, step: Sequence[Any], some: Sequence[Arrival]) -> None:
        """One step: verdicts, every vector, watermarks, and readings of a few entities."""
        result = self.kernel.apply(step)
        self.taken += some
        for into, batch in zip(self.closed, result.emitted, strict=True):
            into += rows_of(batch)
        served = [matrix(pa.Table.from_batches([pa.record_batch(made)]))[1] for made in result.vectors]
        stale = _stale(result.stale)
        rows = [0] * len(served)
        for arrival, verdict in zip(some, verdicts(step, result), strict=True):
            self.events += 1
            expected = self.oracle.take(arrival)
            if verdict != expected:
                self.differ("verdict", "log", "verdict", {}, arrival.arrival_us, Expected(expected), verdict)
            if expected != APPLIED:
                continue
            for number, vector in enumerate(self.subject.spec["vectors"]):
                if vector["on"] == arrival.stream and rows[number] < len(served[number]):
                    if (number, rows[number]) not in stale:
                        self.vector(number, vector, arrival, served[number][rows[number]])
                    rows[number] += 1
        for stream, watermark in enumerate(self.kernel.watermarks()):
            if watermark != self.oracle.watermark(stream):
                expected_mark = Expected(self.oracle.watermark(stream))
                name = self.subject.spec["streams"][stream]["name"]
                self.differ("watermark", name, "watermark", {}, None, expected_mark, watermark)
        self.readings()

    def vector(self, number: int, vector: Mapping[str, Any], arrival: Arrival, served: Any) -> None:
        """Every input of one vector."""
        clock = self.subject.spec["streams"][arrival.stream]["time"]
        key = {name: arrival.values[name] for name in self.subject.shapes.streams[arrival.stream].keys}
        time = arrival.values[clock]
        view = vector["name"].removeprefix(PROBE)
        for column, (name, expected) in enumerate(self.oracle.vector(number, arrival).items()):
            actual: Value = None if np.isnan(served[column]) else float(served[column])
            self.judge("as of an event", view, name, key, time, expected, actual)

    def readings(self) -> None:
        """All features of a few entities, at the watermark, at the newest event or later."""
        for view, spec in enumerate(self.subject.spec["views"]):
            keys = self.oracle.keys(view)
            stream = spec["stream"]
            earliest = self.kernel.horizons()[view]
            watermark = self.oracle.watermark(stream)
            if not keys or watermark is None:
                continue
            lateness = self.subject.shapes.streams[stream].lateness_us
            later = self.chance.choice(self.subject.shapes.lengths_us)
            t = self.chance.choice((watermark, watermark + lateness, watermark + lateness + later))
            t = t if earliest is None else max(t, earliest)
            chosen = self.chance.sample(keys, min(KEYS_READ, len(keys)))
            found = values(self.kernel, self.subject, view, chosen, t)
            for name, column in found.items():
                for key, actual in zip(chosen, column, strict=True):
                    named = dict(zip(spec["by"], key, strict=True))
                    if name.endswith(".bound"):
                        self.bound(view, name, key, named, t, actual, found, chosen)
                        continue
                    expected = self.oracle.expect(view, self.subject.index(view, name), key, t)
                    self.judge("read at a time", spec["name"], name, named, t, expected, actual)

    def windows(self) -> None:
        """Every window that has closed, and no other."""
        for index, (spec, found) in enumerate(
            zip(self.subject.spec.get("emitters", ()), self.closed, strict=True)
        ):
            names = [*spec["by"], "start", "end"]
            wanted = {
                tuple(row[name].value for name in names): row
                for row in emitted(self.subject.spec, index, self.taken, self.subject.functions)
            }
            for row in found:
                place = {name: row[name] for name in names}
                expected = wanted.pop(tuple(place.values()), None)
                if expected is None:
                    self.differ(
                        "not to be closed, or twice", spec["name"], "row", place, None, Expected(None), "row"
                    )
                    continue
                for name, cell in expected.items():
                    if name not in place:
                        self.judge("a closed window", spec["name"], name, place, row["end"], cell, row[name])
            for key in wanted:
                place = dict(zip(names, key, strict=True))
                self.differ("a window not closed", spec["name"], "row", place, None, Expected("row"), None)

    def bound(
        self,
        view: int,
        name: str,
        key: tuple[Any, ...],
        named: Mapping[str, object],
        t: int,
        bound: float | None,
        found: Mapping[str, list[Any]],
        chosen: Sequence[Any],
    ) -> None:
        """The bound of a tiled value: the exact value over the window without tiles is within it."""
        feature = name.removesuffix(".bound")
        actual = found[feature][chosen.index(key)]
        exact = self.oracle.untiled(view, self.subject.index(view, feature), key, t)
        self.level.cells += 1
        holds = _within_bound(exact, actual, bound)
        if not holds:
            spec = self.subject.spec["views"][view]
            self.differ("bound of a tiled value", spec["name"], name, named, t, exact, bound)

    def judge(
        self,
        what: str,
        view: str,
        feature: str,
        key: Mapping[str, object],
        time: Any,
        expected: Expected,
        actual: Value,
    ) -> None:
        """Compare one cell."""
        self.level.cells += 1
        self.nulls += expected.value is None
        actual = self.doctor(view, feature, actual)
        if not within(expected.value, actual, expected.slack):
            self.differ(what, view, feature, key, time, expected, actual)

    def differ(
        self,
        what: str,
        view: str,
        feature: str,
        key: Mapping[str, object],
        time: int | None,
        expected: Expected,
        actual: object,
    ) -> None:
        """Keep a difference, with the events behind it."""
        self.level.differ(
            Difference(
                what,
                view,
                feature,
                key,
                time,
                expected.value,
                actual,
                expected.slack,
                events_of(expected.found),
            )
        )


def events_of(found: Found | None) -> list[dict[str, object]]:
    """The newest values inside a window, for an explanation.

    >>> events_of(Found([2.5], [1_356_998_400_000_000], 1_356_998_400_000_000))
    [{'time': '2013-01-01T00:00:00+00:00', 'value': 2.5}]
    """
    if found is None:
        return []
    pairs = list(zip(found.times, found.values, strict=True))[-EVENTS_SHOWN:]
    return [{"time": _instant(at), "value": value} for at, value in pairs]


def _instant(us: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)).isoformat()


def _stale(made: Any) -> set[tuple[int, int]]:
    """Vectors that were read later than their view keeps events for, and so served null."""
    return {(row["vector"], row["row"]) for row in pa.record_batch(made).to_pylist()}


def _within_bound(exact: Expected, actual: Any, bound: float | None) -> bool:
    if not isinstance(exact.value, int | float) or not isinstance(actual, int | float) or bound is None:
        return True  # an empty window beside one that only tiles fill: there is no number to be near to
    return abs(actual - exact.value) <= bound * (1 + 1e-12) + exact.slack
