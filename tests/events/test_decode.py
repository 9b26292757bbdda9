"""Rows become events or are handed back with the field and the reason; nothing is lost or bent."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.events.flights import STREAM, Flown

import forerun as fr
from forerun.errors import EventError
from forerun.events.codec import STRING_CHARS_MAX
from forerun.events.decode import decode_row, decode_rows
from forerun.events.moments import TIME_US_MAX, TIME_US_MIN
from forerun.events.table import schema_of

GOOD: Mapping[str, object] = {
    "flight": "UA1",
    "at": "2013-01-01T05:15:00-05:00",
    "planned": 1_357_035_300_000_000,
    "delay": 2.5,
    "gate": 7,
    "towed": False,
    "tailnum": "N1",
}
AT_US = 1_357_035_300_000_000


def test_good_rows_become_a_table() -> None:
    """JSON, mappings and events are read alike, times from text and from microseconds."""
    event = Flown(**{**GOOD, "at": fr.EventTime(AT_US)})  # type: ignore[arg-type]  # values of many types

    batch, refused = decode_rows(STREAM, [json.dumps(GOOD).encode(), GOOD, event])

    assert refused == []
    assert batch.schema == schema_of(STREAM)
    instant = datetime(2013, 1, 1, 10, 15, tzinfo=UTC)
    assert batch.to_pylist() == [{**GOOD, "at": instant, "planned": instant}] * 3


def test_fields_that_may_be_missing_are_null() -> None:
    """Absent and null are the same."""
    short = {"flight": "UA1", "at": 5}
    nulls = {**dict.fromkeys(GOOD), **short}

    batch, refused = decode_rows(STREAM, [short, json.dumps(nulls).encode()])

    assert refused == []
    assert batch.slice(0, 1).equals(batch.slice(1, 1))
    assert batch["delay"].null_count == 2


def test_no_rows_make_an_empty_table() -> None:
    """The schema is there all the same."""
    batch, refused = decode_rows(STREAM, [])

    assert (batch.num_rows, batch.schema, refused) == (0, schema_of(STREAM), [])


def changed(**values: object) -> bytes:
    """A good row with some values changed, as JSON."""
    return json.dumps({**GOOD, **values}).encode()


BAD: dict[str, tuple[object, str | None, str]] = {
    "missing": (b'{"flight":"UA1"}', "at", "at: missing."),
    "null": (changed(flight=None), "flight", "flight: Expected `str`, got `null`."),
    "number for text": (changed(flight=1), "flight", "flight: Expected `str`, got `int`."),
    "text for number": (changed(delay="2"), "delay", "got `str`"),
    "float for int": (changed(gate=7.0), "gate", "got `float`"),
    "bool for int": (changed(gate=True), "gate", "got `bool`"),
    "int for bool": (changed(towed=1), "towed", "got `int`"),
    "int beyond 64 bits": (changed(gate=2**63), "gate", "<= 9223372036854775807"),
    "float out of range": (b'{"flight":"a","at":0,"delay":1e999}', "delay", "out of range"),
    "nan": (b'{"flight":"a","at":0,"delay":NaN}', None, "not JSON"),
    "nan in a mapping": ({**GOOD, "delay": float("nan")}, "delay", "nan is not a number; send null"),
    "infinity in a mapping": ({**GOOD, "delay": float("-inf")}, "delay", "-inf is not a number"),
    "naive time": (changed(at="2013-01-01T05:15:00"), "at", "append 'Z' or an offset like '-05:00'"),
    "naive datetime": ({**GOOD, "at": datetime(2013, 1, 1)}, "at", "append 'Z'"),  # noqa: DTZ001  # the mistake
    "no time": (changed(at="yesterday"), "at", "send RFC 3339 like '2013-01-01T10:15:00Z'"),
    "float time": (changed(at=1.5), "at", "or integer microseconds"),
    "time beyond year 9999": (changed(at=TIME_US_MAX + 1), "at", "years 1 to 9999"),
    "time before year 1": (changed(at=TIME_US_MIN - 1), "at", "years 1 to 9999"),
    "long text": (changed(flight="x" * (STRING_CHARS_MAX + 1)), "flight", "length <= 65536"),
    "surrogate": ({**GOOD, "flight": "\ud800"}, "flight", "unpaired surrogate"),
    "list": (b"[1]", None, "Expected `object`, got `array`."),
    "truncated": (b'{"flight"', None, "not JSON"),
    "not UTF-8": (b'{"flight":"\xff","at":0}', None, "not JSON"),
    "empty": (b"", None, "not JSON"),
    "deep": (b'{"x":' + b"[" * 5000, None, "not JSON"),
    "nothing": (None, None, "Expected `object`, got `null`."),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_row_is_handed_back(name: str) -> None:
    """Between two good rows: they stay, it is named with its place, field, reason and payload."""
    row, field, reason = BAD[name]

    batch, refused = decode_rows(STREAM, [GOOD, row, GOOD])  # type: ignore[list-item]  # rows of any kind

    assert batch.num_rows == 2
    (bad,) = refused
    assert (bad.row, bad.field) == (1, field)
    assert reason in bad.reason
    assert bad.payload == (row if isinstance(row, bytes) else json.dumps(row, default=repr).encode())


def test_unknown_fields_are_ignored_in_a_log_and_refused_at_a_door() -> None:
    """Producers may be ahead of us; a person should hear of a misspelt field."""
    row = changed(tailnumber="N1")

    assert decode_rows(STREAM, [row])[1] == []
    (refused,) = decode_rows(STREAM, [row], extra="refuse")[1]
    assert refused.field == "tailnumber"
    assert refused.reason == "tailnumber: no such field. Did you mean 'tailnum'?"


def test_one_row_gives_plain_values() -> None:
    """For a request: a dict with times as microseconds, or an error that names the field."""
    assert decode_row(STREAM, GOOD)["at"] == AT_US
    with pytest.raises(EventError, match=r"delay: Expected `float \| null`, got `array`") as caught:
        decode_row(STREAM, changed(delay=[]))
    assert caught.value.field == "delay"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(GOOD, json_values)) | json_values, max_size=4)
)
def test_every_row_is_kept_or_handed_back(rows: list[object]) -> None:
    """Whatever comes: no exception, and rows in equal rows out."""
    batch, refused = decode_rows(STREAM, rows)  # type: ignore[arg-type]  # rows of any kind

    assert batch.num_rows + len(refused) == len(rows)
    batch.validate(full=True)
    assert isinstance(batch, pa.RecordBatch)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_kept_or_handed_back(row: bytes) -> None:
    """Hostile text is quarantined, byte for byte."""
    batch, refused = decode_rows(STREAM, [row])

    assert batch.num_rows == 1 or refused[0].payload == row
