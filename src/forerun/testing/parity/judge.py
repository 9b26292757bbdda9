"""P3 again, by DuckDB: the same events through RANGE windows of another engine.

Needs the package duckdb, which nothing else does: pip install duckdb.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from forerun.errors import ArgumentError
from forerun.testing.oracle.arrival import APPLIED, Arrival
from forerun.testing.parity.level import Difference, Level
from forerun.testing.parity.play import Log, Parts, verdicts
from forerun.testing.parity.sql import NotInSqlError, column, expression
from forerun.testing.parity.subject import Subject

STEP_ROWS = 4096
RELATIVE = 1e-9
"""Of the largest magnitude in play: DuckDB adds floats up in one order, and squares them."""

PROMISE = "Another engine's RANGE windows over the same events give the same values."


def judge(
    subject: Subject,
    arrivals: Sequence[Arrival],
    *,
    step: Callable[[], None] = lambda: None,
    doctor: Callable[[int, Any], None] = lambda _view, _served: None,
) -> Level:
    """Let DuckDB compute every feature it can, for every event, and compare.

    DuckDB knows no arrival: the events are played in the order of their event time, and of an entity's events
    at the same time only the last is compared, since only it knows them all.

    Args:
        subject: The plan.
        arrivals: A log without extreme values; what is not applied is left out.
        step: Called after each view, to show progress.
        doctor: Gets a view and its vectors, and may falsify them: a test of this test.

    Returns:
        The level.

    Raises:
        ArgumentError: duckdb is not installed.
    """
    try:
        import duckdb
    except ImportError as exc:
        raise ArgumentError("the second judge needs DuckDB: pip install duckdb") from exc
    level = Level("P3 DuckDB", PROMISE)
    log = _in_time_order(subject, arrivals)
    parts = Parts(subject)
    kernel = subject.kernel()
    for given in Log(subject, log).steps(STEP_ROWS):
        result = kernel.apply(given)
        assert not any(verdicts(given, result)), "events in time order are all applied"
        parts.take(result)
    vectors, _ = parts.joined()
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    names: set[str] = set()
    for view in range(len(subject.columns)):
        names |= _view(level, subject, connection, view, log, vectors, doctor)
        step()
    features = sum(map(len, subject.columns))
    level.notes.append(
        f"{len(log)} events; {len(names)} of {features} features, those that SQL has: "
        f"{', '.join(sorted(names)[:6])} ..."
    )
    return level


def _in_time_order(subject: Subject, arrivals: Sequence[Arrival]) -> list[Arrival]:
    """The applied events, each arriving when it happens; offsets as in that order."""
    kernel = subject.kernel()
    codes = [
        code
        for step in Log(subject, arrivals).steps(STEP_ROWS)
        for code in verdicts(step, kernel.apply(step))
    ]
    clocks = [shape.time for shape in subject.shapes.streams]
    applied = [a for a, code in zip(arrivals, codes, strict=True) if code == APPLIED]
    applied.sort(key=lambda a: (a.values[clocks[a.stream]], a.stream, a.partition, a.offset))
    offsets: dict[tuple[int, int], int] = {}
    made = []
    for arrival in applied:
        place = (arrival.stream, arrival.partition)
        offset = offsets.get(place, 0)
        offsets[place] = offset + 1
        at = arrival.values[clocks[arrival.stream]]
        assert isinstance(at, int)
        made.append(Arrival(*place, offset, at, arrival.values))
    return made


def _view(
    level: Level,
    subject: Subject,
    connection: Any,
    view: int,
    log: Sequence[Arrival],
    vectors: Sequence[Any],
    doctor: Callable[[int, Any], None],
) -> set[str]:
    """Compare one view; gives the names of the features that were."""
    spec = subject.spec["views"][view]
    probe = subject.spec["vectors"][subject.probes[view]]
    wanted = {}
    for place, item in enumerate(probe["inputs"]):
        if item["expr"]["op"] != "feature" or "at" in item["expr"]:
            continue
        feature = spec["features"][item["expr"]["feature"]]
        try:
            wanted[item["name"]] = (place, column(feature, spec["by"]))
        except NotInSqlError:
            continue
    if not wanted:
        return set()
    mine = [arrival for arrival in log if arrival.stream == spec["stream"]]
    connection.register("rows", _table(subject, spec["stream"], mine))
    where = "TRUE"
    if spec["where"] is not None:
        try:
            where = expression(spec["where"])
        except NotInSqlError:
            return set()
    keys = " AND ".join(f'"{name}" IS NOT NULL' for name in spec["by"])
    by = ", ".join(f'"{name}"' for name in spec["by"])
    listed = ", ".join(f"{sql} AS f{place}" for place, sql in wanted.values())
    # Peers see one another in SQL; in a log only the last has seen them all. Its vector is the one compared.
    last = f"row_number() OVER (PARTITION BY {by}, _time ORDER BY _partition DESC, _offset DESC) = 1"
    query = f"SELECT _row, {last} AS _last, {listed} FROM rows WHERE ({where}) AND {keys} ORDER BY _row"
    found = connection.sql(query).to_arrow_table()
    kept = found["_last"].to_numpy()
    rows = found["_row"].to_numpy()[kept]
    served = vectors[subject.probes[view]][rows].copy()
    doctor(view, served)
    for name, (place, _) in wanted.items():
        theirs = found[f"f{place}"].cast(pa.float64()).to_numpy()[kept]
        _compare(level, spec, name, mine, rows, theirs, served[:, place])
    return {f"{spec['name']}.{name}" for name in wanted}


def _table(subject: Subject, stream: int, log: Sequence[Arrival]) -> pa.Table:
    batch = subject.batch(stream, [a.values for a in log], [a.arrival_us for a in log])
    clock = subject.shapes.streams[stream].time
    columns = {
        name: column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    }
    columns["_time"] = columns[clock]
    columns["_partition"] = pa.array([a.partition for a in log], pa.int64())
    columns["_offset"] = pa.array([a.offset for a in log], pa.int64())
    columns["_row"] = pa.array(range(len(log)), pa.int64())
    return pa.table(columns)


def _compare(
    level: Level, spec: Any, name: str, log: Sequence[Arrival], rows: Any, theirs: Any, ours: Any
) -> None:
    level.cells += len(rows)
    size = max(1.0, float(np.nanmax(np.abs(theirs), initial=0.0)))
    slack = np.full(len(rows), RELATIVE * size)
    agg = next(feature["agg"] for feature in spec["features"] if feature["name"] == name)
    if agg == "quantile":
        slack = 0.01 * (1 + 1e-9) * np.abs(theirs) + 1e-12
    if agg == "approx_distinct":
        slack = np.where(theirs > 64, 0.08 * theirs, 0.0)
    empty = np.isnan(theirs) | np.isnan(ours)
    unlike = np.where(empty, np.isnan(theirs) != np.isnan(ours), ~(np.abs(theirs - ours) <= slack))
    if unlike.any():
        at = int(unlike.argmax())
        arrival = log[rows[at]]
        key = {part: arrival.values[part] for part in spec["by"]}
        expected, actual = (None if math.isnan(side[at]) else float(side[at]) for side in (theirs, ours))
        what = "as of an event, beside DuckDB"
        level.differ(
            Difference(what, spec["name"], name, key, arrival.arrival_us, expected, actual), int(unlike.sum())
        )
