"""Closed windows as records: from the kernel's batches to rows with the schema of their windows class."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from forerun.events.records import window_schema
from forerun.events.table import ARROW_TYPES
from forerun.features.definition import DerivedSpec, FeatureSpec
from forerun.features.emitter import EmitterSpec
from forerun.runtime.layout import Layout
from forerun.streams.log import ARRIVAL


def schema_of_windows(emitter: EmitterSpec) -> pa.Schema:
    """The columns of a closed window.

    Args:
        emitter: The windows class.
    """
    key = {name: ARROW_TYPES[kind.type] for name in emitter.view.by if (kind := emitter.stream.field(name))}
    return window_schema(key, {feature.name: _arrow(feature) for feature in emitter.features})


def _arrow(feature: FeatureSpec | DerivedSpec) -> pa.DataType:
    element = ARROW_TYPES[feature.element]
    return element if feature.length is None else pa.list_(pa.field("item", element, nullable=False))


def closed_windows(layout: Layout, emitted: Sequence[pa.RecordBatch]) -> dict[str, pa.RecordBatch]:
    """What a step closed, by windows class; a class without a closed window is left out.

    Args:
        layout: The app.
        emitted: The kernel's batch for each emitter of the plan.
    """
    closed = {}
    for emitter, batch in zip(layout.emitters, emitted, strict=True):
        if batch.num_rows:
            schema = schema_of_windows(emitter)
            columns = [batch[field.name].cast(field.type) for field in schema]
            closed[emitter.name] = pa.record_batch(columns, schema=schema)
    return closed


def sent_windows(
    layout: Layout, closed: Mapping[str, pa.RecordBatch], arrival_us: int
) -> dict[str, pa.RecordBatch]:
    """What of it goes to topics: by topic, the rows and, last, `_arrival`.

    Args:
        layout: The app.
        closed: What a step closed, by windows class.
        arrival_us: The newest arrival the step has seen, on the log's clock.
    """
    return {
        emitter.topic: batch.append_column(ARRIVAL, pa.repeat(pa.scalar(arrival_us, pa.int64()), len(batch)))
        for emitter in layout.emitters
        if emitter.topic is not None and (batch := closed.get(emitter.name)) is not None
    }
