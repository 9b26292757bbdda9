"""From vectors to prediction records: ids, scores, grades, decisions; for records and requests alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forerun.events.evaluate import evaluate
from forerun.events.records import (
    DECISION_SCHEMA,
    OPERATIONAL,
    TIME,
    decision_id,
    prediction_ids,
    prediction_schema,
)
from forerun.features.on_demand import OnDemand
from forerun.runtime.layout import Layout, ModelLayout
from forerun.runtime.on_demand import computed
from forerun.runtime.overflow import Overflow, unserved
from forerun.runtime.rows import Column, Ints, StepRows, keys
from forerun.streams.log import ARRIVAL

Score: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float64]]
"""One score per row of a float32 matrix with one column per input; NaN is a missing input."""

NO_MODEL = "no version is trained yet"
NO_SCORE = "an input is missing, and the model takes none that are"
TOPIC_SCHEMA = DECISION_SCHEMA.append(pa.field(ARRIVAL, pa.int64(), nullable=False))
"""Decisions in a topic of the log."""


_GRADES = {None: "fresh", NO_SCORE: "default"}
"""Grade by reason; any other reason says that something is old."""


@dataclass(frozen=True, slots=True)
class Active:
    """The version of a model that scores.

    Args:
        version: What prediction records call it.
        score: The model.
        baseline: The same model without streaming inputs; None when there is none.
    """

    version: str
    score: Score
    baseline: Score | None = None


@dataclass(frozen=True, slots=True)
class Triggered:
    """Vectors that were read, and what they were read for; one entry per prediction in every column.

    Args:
        source: Whether a record of the log or a request asked.
        ids: Prediction ids.
        keys: Entities; None where the key has a null part.
        times_us: Event times.
        partitions: Where the record is; -1 for a request.
        offsets: Where the record is; for a request its number.
        arrivals_us: When it came, on the log's clock.
        events: The triggering events' fields.
        inputs: The vectors as served, one float32 array per input; null is missing.
        failures: Of some, which input could not be computed, and why.
        numbers: For records, their numbers in the step.
    """

    source: Literal["stream", "http"]
    ids: Sequence[str]
    keys: Sequence[str | None]
    times_us: Ints
    partitions: Ints
    offsets: Ints
    arrivals_us: Ints
    events: pa.RecordBatch
    inputs: Sequence[Column]
    failures: Mapping[int, str]
    numbers: Ints | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def matrix(self) -> NDArray[np.float32]:
        """The vectors as rows; NaN is missing."""
        return np.column_stack([column.to_numpy(zero_copy_only=False) for column in self.inputs])


@dataclass(frozen=True, slots=True)
class Made:
    """Predictions and the decisions made on them.

    Args:
        batch: The prediction schema without the columns in `OPERATIONAL`.
        decisions: By topic, rows of `DECISION_SCHEMA` and, last, `_arrival`.
        rules: By rule, how many decisions it made.
    """

    batch: pa.RecordBatch
    decisions: Mapping[str, pa.RecordBatch]
    rules: Mapping[str, int]

    def stamped(self, predicted_us: int, latency_us: int | Ints) -> pa.RecordBatch:
        """The whole prediction record.

        Args:
            predicted_us: When it was made.
            latency_us: How long it took, all of them or each.
        """
        rows = self.batch.num_rows
        stamps: dict[str, Column] = {
            "predicted_at": pa.array(np.full(rows, predicted_us)).cast(TIME),
            "latency_us": pa.array(np.full(rows, latency_us, np.int64)),
        }
        inputs = self.batch.schema.field("inputs").type
        schema = prediction_schema([field.name for field in inputs.fields])
        return pa.record_batch(
            [stamps[name] if name in stamps else self.batch.column(name) for name in schema.names],
            schema=schema,
        )


def triggered(
    layout: Layout, model: ModelLayout, rows: StepRows, vectors: pa.RecordBatch, overflow: Overflow
) -> Triggered:
    """Say what the vectors of a step were read for.

    Args:
        layout: The app.
        model: The model.
        rows: The step's records.
        vectors: The kernel's batch: `batch`, `row`, `time`, then the inputs.
        overflow: What of it is null because it is out of range.
    """
    numbers = rows.numbers(vectors["batch"].to_numpy(), vectors["row"].to_numpy())
    table = rows.table(model.trigger)
    assert table is not None, "a vector without its trigger"
    spec = model.spec.on
    events = table.take(rows.position(model.trigger, numbers)).drop_columns([ARRIVAL])
    partitions, offsets = rows.partition[numbers], rows.offset[numbers]
    name = model.spec.name
    inputs, failures = as_served(model, vectors, overflow)
    return Triggered(
        source="stream",
        ids=prediction_ids(layout.app, name, spec.name, partitions.tolist(), offsets.tolist()),
        keys=keys(spec.key, events),
        times_us=vectors["time"].to_numpy(),
        partitions=partitions,
        offsets=offsets,
        arrivals_us=rows.arrival[numbers],
        events=events,
        inputs=inputs,
        failures=failures,
        numbers=numbers,
    )


def as_served(
    model: ModelLayout, vectors: pa.RecordBatch, overflow: Overflow
) -> tuple[list[Column], dict[int, str]]:
    """The vectors as models get them: float32, null where there is no value.

    Args:
        model: The model.
        vectors: A batch of the kernel with one float64 column per input, or per argument of a function.
        overflow: What of it is null because it is out of range.

    Returns:
        A column per input; and by row, what could not be computed, and why.
    """
    columns: list[Column] = []
    failures = unserved(overflow, model.vector)
    for item in model.spec.inputs:
        if isinstance(item.expr, OnDemand):
            column, failed = computed(item.name, item.expr, vectors)
            failures |= {row: _both(failures.get(row), reason) for row, reason in failed.items()}
        else:
            column = vectors.column(item.name).cast(pa.float32())
        columns.append(column)
    if any(np.isinf(column.to_numpy(zero_copy_only=False)).any() for column in columns):
        return _within_range(model, columns, failures), failures
    return columns, failures


def _within_range(model: ModelLayout, columns: list[Column], failures: dict[int, str]) -> list[Column]:
    """The inputs without those that are finite only as float64, which models do not get."""
    kept = []
    for item, column in zip(model.spec.inputs, columns, strict=True):
        values = column.to_numpy(zero_copy_only=False)
        beyond = np.isinf(values)
        for row in np.flatnonzero(beyond).tolist():
            failures[row] = _both(failures.get(row), f"too large for a model: {item.name}")
        kept.append(pa.array(values, mask=beyond | np.isnan(values)))
    return kept


def _both(one: str | None, two: str) -> str:
    return two if one is None else f"{one}; {two}"


def predict(
    layout: Layout,
    model: ModelLayout,
    work: Triggered,
    reasons: Sequence[str | None],
    active: Active | None,
) -> Made:
    """Score vectors and decide.

    Args:
        layout: The app.
        model: The model.
        work: The vectors.
        reasons: Why each is not fresh; None where it is.
        active: The version that scores; None: no version yet.
    """
    rows = len(work)
    if active is None:
        scores: Column = pa.nulls(rows, pa.float64())
        baselines = scores
        reasons, grades = [NO_MODEL] * rows, ["default"] * rows
    else:
        matrix = work.matrix()
        scores = _scores(active.score, matrix)
        baselines = _scores(active.baseline, matrix)
        reasons = [
            NO_SCORE if score is None else reason
            for score, reason in zip(scores.to_pylist(), reasons, strict=True)
        ]
        grades = [_GRADES.get(reason, "stale") for reason in reasons]
    for row, failure in work.failures.items():
        grades[row] = "default" if grades[row] == "default" else "fallback"
        reasons[row] = _both(reasons[row], failure)
    hits = _hits(model, work, scores)
    version = None if active is None else active.version
    schema = prediction_schema([item.name for item in model.spec.inputs])
    columns: dict[str, Column] = {
        "prediction_id": pa.array(work.ids, pa.string()),
        "model": _constant(model.spec.name, rows),
        "model_version": _constant(version, rows),
        "app_version": _constant(layout.version, rows),
        "feature_version": _constant(model.spec.feature_version, rows),
        "source": _constant(work.source, rows),
        "stream": _constant(model.spec.on.name, rows),
        "partition": pa.array(work.partitions, pa.int32()),
        "offset": pa.array(work.offsets, pa.int64()),
        "key": pa.array(work.keys, pa.string()).fill_null(""),
        "event_time": pa.array(work.times_us).cast(TIME),
        "score": scores,
        "baseline": baselines,
        "grade": pa.array(grades, pa.string()),
        "reason": pa.array(reasons, pa.string()),
        "decisions": _decided(hits, rows),
        "inputs": pa.StructArray.from_arrays(list(work.inputs), fields=schema.field("inputs").type.fields),
    }
    kept = pa.schema([field for field in schema if field.name not in OPERATIONAL])
    batch = pa.record_batch([columns[name] for name in kept.names], schema=kept)
    return Made(batch, _decisions(model, batch, work, hits), {rule: len(at) for rule, at in hits.items()})


def _scores(score: Score | None, matrix: NDArray[np.float32]) -> Column:
    """Scores as a column; null where a model gives none."""
    if score is None:
        return pa.nulls(len(matrix), pa.float64())
    return pa.array(score(matrix), from_pandas=True)


def _hits(model: ModelLayout, work: Triggered, scores: Column) -> dict[str, list[int]]:
    """Per rule that holds anywhere, the predictions it holds for."""
    hits = {}
    inputs = {item.name: column for item, column in zip(model.spec.inputs, work.inputs, strict=True)}
    for rule in model.rules:
        columns: dict[str, Column] = {"score": scores}
        columns |= {name: work.events.column(name) for name in rule.fields}
        columns |= {name: inputs[name].cast(pa.float64()) for name in rule.inputs}
        held = evaluate(rule.when, columns).fill_null(False)
        indices = np.flatnonzero(held.to_numpy(zero_copy_only=False)).tolist()
        if indices:
            hits[rule.name] = indices
    return hits


def _decided(hits: Mapping[str, Sequence[int]], rows: int) -> Column:
    """Of each prediction the rules that hold for it: a list, mostly an empty one."""
    if not hits:
        # Not by way of Python: a list per prediction is a lot for the garbage collector.
        ends: Any = pa.array(np.zeros(rows + 1, np.int32))
        return pa.ListArray.from_arrays(ends, pa.array([], pa.string()))
    decided: list[list[str]] = [[] for _ in range(rows)]
    for rule, indices in hits.items():
        for index in indices:
            decided[index].append(rule)
    return pa.array(decided, pa.list_(pa.string()))


def _decisions(
    model: ModelLayout,
    batch: pa.RecordBatch,
    work: Triggered,
    hits: Mapping[str, Sequence[int]],
) -> dict[str, pa.RecordBatch]:
    """Decisions per topic, in the order of predictions and then of rules."""
    topics: dict[str, list[tuple[int, str]]] = {}
    for rule in model.rules:
        topics.setdefault(rule.do.topic, []).extend((index, rule.name) for index in hits.get(rule.name, ()))
    decisions = {}
    for topic, made in topics.items():
        if not made:
            continue
        made.sort(key=lambda item: item[0])
        rows = batch.take(pa.array([index for index, _ in made]))
        columns: dict[str, Column] = {
            "decision_id": pa.array([decision_id(work.ids[index], rule) for index, rule in made]),
            "rule": pa.array([rule for _, rule in made]),
            "topic": _constant(topic, len(made)),
            ARRIVAL: pa.array(work.arrivals_us[[index for index, _ in made]]),
        }
        decisions[topic] = pa.record_batch(
            [columns[name] if name in columns else rows.column(name) for name in TOPIC_SCHEMA.names],
            schema=TOPIC_SCHEMA,
        )
    return decisions


def _constant(value: str | None, rows: int) -> Column:
    return pa.nulls(rows, pa.string()) if value is None else pa.repeat(pa.scalar(value, pa.string()), rows)
