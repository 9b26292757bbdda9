"""The records packages exchange: predictions, labels, decisions, refused rows. Schemas and ids only.

Ids are derived from what they name, so a replay, a restart and another machine give the same ones.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, TypeAlias

import pyarrow as pa

from forerun._core import ids

TIME = pa.timestamp("us", "UTC")

# The type of a pyarrow field is generic over its values' type; a schema holds fields of any.
_Field: TypeAlias = "pa.Field[Any]"

VERDICTS = ("applied", "invalid", "early", "late", "duplicate")
"""What became of a record, by the kernel's number."""


def prediction_schema(inputs: Sequence[str]) -> pa.Schema:
    """The prediction log of one model.

    Args:
        inputs: Names of the model's inputs, in order.

    >>> prediction_schema(["distance"]).field("inputs").type
    StructType(struct<distance: float>)
    """
    return pa.schema(
        [
            _field("prediction_id", pa.string()),
            _field("model", pa.string()),
            _nullable("model_version", pa.string()),
            _field("app_version", pa.string()),
            _field("feature_version", pa.string()),
            _field("source", pa.string()),
            _field("stream", pa.string()),
            # Where the triggering record is in the log; for a request, partition -1 and its number.
            _field("partition", pa.int32()),
            _field("offset", pa.int64()),
            _field("key", pa.string()),
            _field("event_time", TIME),
            _nullable("score", pa.float64()),
            _nullable("baseline", pa.float64()),
            _field("grade", pa.string()),
            _nullable("reason", pa.string()),
            _field("decisions", pa.list_(pa.string())),
            # These two say when it happened here, not what was computed: a replay gives others.
            _field("predicted_at", TIME),
            _field("latency_us", pa.int64()),
            _field("inputs", pa.struct([pa.field(name, pa.float32()) for name in inputs])),
        ]
    )


def _field(name: str, type: pa.DataType) -> _Field:
    return pa.field(name, type, nullable=False)


def _nullable(name: str, type: pa.DataType) -> _Field:
    return pa.field(name, type)


OPERATIONAL = ("predicted_at", "latency_us")
"""Columns of a prediction that depend on the run, not on the data."""

LABEL_SCHEMA = pa.schema(
    [
        _field("prediction_id", pa.string()),
        _field("model", pa.string()),
        _field("label", pa.float64()),
        _field("label_time", TIME),
        _field("source", pa.string()),
        _nullable("arrived_partition", pa.int32()),
        _nullable("arrived_offset", pa.int64()),
    ]
)
"""Outcomes. `source` is "event" (then `arrived_*` says which record) or "timeout" (then `label_time` is the
end of the horizon)."""

DECISION_SCHEMA = pa.schema(
    [
        _field("decision_id", pa.string()),
        _field("rule", pa.string()),
        _field("topic", pa.string()),
        _field("prediction_id", pa.string()),
        _field("model", pa.string()),
        _nullable("model_version", pa.string()),
        _field("app_version", pa.string()),
        _field("key", pa.string()),
        _field("event_time", TIME),
        _nullable("score", pa.float64()),
        _field("grade", pa.string()),
    ]
)
"""What a rule decided; in a topic of the log the arrival follows as the last column."""


def window_schema(key: Mapping[str, pa.DataType], features: Mapping[str, pa.DataType]) -> pa.Schema:
    """The closed windows of one windows class; `end` is exclusive.

    Args:
        key: Names and types of the key's fields.
        features: Names and types of the aggregates.

    >>> window_schema({"shop": pa.string()}, {"sold": pa.int64()}).names
    ['shop', 'start', 'end', 'sold']
    """
    return pa.schema(
        [
            *(_field(name, type) for name, type in key.items()),
            _field("start", TIME),
            _field("end", TIME),
            *(_nullable(name, type) for name, type in features.items()),
        ]
    )


REJECTED_SCHEMA = pa.schema(
    [
        _field("stream", pa.string()),
        _field("partition", pa.int32()),
        _field("offset", pa.int64()),
        _field("verdict", pa.string()),
        _nullable("field", pa.string()),
        _nullable("event_time", TIME),
        _field("arrival", TIME),
        _nullable("watermark", TIME),
    ]
)
"""Records of the log that were not applied, one row each; the record itself is in the log at its offset."""

QUARANTINE_SCHEMA = pa.schema(
    [
        _field("stream", pa.string()),
        _field("reason", pa.string()),
        _nullable("field", pa.string()),
        _field("payload", pa.binary()),
        _field("arrival", TIME),
    ]
)
"""Rows that never became records: refused at a door, kept as they came."""


def prediction_id(app: str, model: str, stream: str, partition: int, offset: int) -> str:
    """Name the prediction that one record triggered.

    Args:
        app: The app.
        model: The model.
        stream: The trigger stream.
        partition: The record's partition.
        offset: The record's offset.

    >>> prediction_id("flights", "LateArrival", "Scheduled", 0, 17)
    'bfc6ebadd4c00a5253df163ed93e310a'
    """
    return prediction_ids(app, model, stream, [partition], [offset])[0]


def prediction_ids(
    app: str, model: str, stream: str, partitions: Sequence[int], offsets: Sequence[int]
) -> list[str]:
    """Name the predictions that many records triggered.

    Args:
        app: The app.
        model: The model.
        stream: The trigger stream.
        partitions: The partition of each record.
        offsets: The offset of each record.

    >>> prediction_ids("flights", "LateArrival", "Scheduled", [0, 0], [16, 17])[1]
    'bfc6ebadd4c00a5253df163ed93e310a'
    """
    return ids(f"{app}/{model}/{stream}", partitions, offsets)


def request_id(app: str, model: str, number: int) -> str:
    """Name the prediction that a request asked for.

    Args:
        app: The app.
        model: The model.
        number: The request's number in the journal, from 0.

    >>> request_id("flights", "LateArrival", 0) == request_id("flights", "LateArrival", 1)
    False
    """
    return _digest(f"{app}/{model}/http/{number}")


def decision_id(prediction: str, rule: str) -> str:
    """Name what one rule decided about one prediction.

    Args:
        prediction: The prediction's id.
        rule: The rule's name.

    >>> len(decision_id("c7a2", "rebook"))
    32
    """
    return _digest(f"{prediction}/{rule}")


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]
