"""A prediction request is exactly an event of the trigger stream, or is refused by field."""

import json
from collections.abc import Mapping

import pytest
from tests.serving.client import GOOD, Caller

from forerun.errors import DataError, EventError, ModelError, StaleRequestError, StateError
from forerun.testing.backend import FakeBackend

PROMISED_US = 1_357_102_800_000_000


def test_an_answer_says_what_how_good_and_from_what(caller: Caller) -> None:
    """Everything a caller needs to use, judge and trace an answer is in it."""
    reply = caller.predict(GOOD)
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.json == {
        "prediction_id": "00000000000000000000000000000001",
        "score": 0.5,
        "decisions": [],
        "grade": "fresh",
        "reason": None,
        "model_version": "3f2a",
        "feature_version": "77ab",
        "event_time": "2013-01-01T10:00:00Z",
        "age_ms": 1.5,
        "latency_us": 100,
    }


def test_the_engine_gets_typed_values(caller: Caller, backend: FakeBackend) -> None:
    """Times arrive as microseconds, numbers of the declared type, fields left out as null."""
    assert caller.predict({**GOOD, "amount": 9}).status == 200
    model, fields = backend.asked[0]
    assert model == "WillReturn"
    assert fields == {
        "order": "o1",
        "at": 1_357_034_400_000_000,
        "count": 3,
        "amount": 9.0,
        "gift": False,
        "promised": PROMISED_US,
        "note": None,
        "rank": None,
        "discount": None,
        "member": None,
        "seen": None,
    }
    assert isinstance(fields["amount"], float)


def test_without_an_event_time_the_engine_takes_its_own(caller: Caller, backend: FakeBackend) -> None:
    """The time field may be left out, and is then not passed on as null."""
    inputs = {name: value for name, value in GOOD.items() if name != "at"}
    assert caller.predict(inputs).status == 200
    assert "at" not in backend.asked[0][1]


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"order": 7}, "order", "`str`, got `int`"),
        ({"order": None}, "order", "got `null`"),
        ({"at": "2013-01-01"}, "at", "RFC 3339"),
        ({"at": "2013-01-01T00:00:00"}, "at", "offset"),
        ({"at": 253_402_300_800_000_000}, "at", "within years 1 to 9999"),
        ({"promised": "0001-01-01T00:00:00+14:00"}, "promised", "within years 1 to 9999"),
        ({"promised": "9999-12-31T23:59:59-14:00"}, "promised", "within years 1 to 9999"),
        ({"count": 1.5}, "count", "`int`, got `float`"),
        ({"count": True}, "count", "got `bool`"),
        ({"count": 2**63}, "count", "9223372036854775807"),
        ({"count": -(2**63) - 1}, "count", "-9223372036854775808"),
        ({"count": "3"}, "count", "got `str`"),
        ({"amount": "9.5"}, "amount", "`float`, got `str`"),
        ({"amount": [9.5]}, "amount", "got `array`"),
        ({"amount": {"a": 1}}, "amount", "got `object`"),
        ({"amount": float("nan")}, "amount", "send null"),
        ({"discount": float("inf")}, "discount", "send null"),
        ({"discount": float("-inf")}, "discount", "send null"),
        ({"gift": 0}, "gift", "`bool`, got `int`"),
        ({"note": 1}, "note", "`str | null`, got `int`"),
        ({"colour": "red"}, "colour", "no such field"),
        ({"ammount": 1}, "ammount", "amount"),
        ({"a`b": 1}, "a`b", "no such field"),
    ],
)
def test_what_does_not_fit_is_refused_by_field(
    caller: Caller, backend: FakeBackend, change: Mapping[str, object], field: str, words: str
) -> None:
    """422 with the field and what it needs; the engine is not asked."""
    reply = caller.predict({**GOOD, **change})
    assert reply.status == 422
    assert reply.error["field"] == field
    assert words in reply.error["message"]
    assert backend.asked == []


@pytest.mark.parametrize("field", ["order", "count", "amount", "gift", "promised"])
def test_a_missing_field_is_named(caller: Caller, field: str) -> None:
    """What is not nullable must be there."""
    reply = caller.predict({name: value for name, value in GOOD.items() if name != field})
    assert (reply.status, reply.error["field"]) == (422, field)
    assert "missing" in reply.error["message"]


@pytest.mark.parametrize("number", ["1e400", "-1e999", "1" * 400])
def test_a_number_too_large_for_a_float_is_refused_by_field(caller: Caller, number: str) -> None:
    """It does not become infinity."""
    body = json.dumps({"inputs": GOOD}).replace("9.5", number).encode()
    reply = caller.predict(body)
    assert (reply.status, reply.error["field"]) == (422, "amount")


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        (b"", 400, "malformed_json", None),
        (b"{", 400, "malformed_json", None),
        (b'{"inputs":{}} x', 400, "malformed_json", None),
        (b'\xef\xbb\xbf{"inputs":{}}', 400, "malformed_json", None),
        (b'{"inputs":{"order":"\xff"}}', 400, "malformed_json", None),
        (b'{"inputs":{"order":"\\ud800"}}', 400, "malformed_json", None),
        (b"NaN", 400, "malformed_json", None),
        (b'{"inputs":{"amount":' + b"[" * 60_000 + b"NaN", 422, "too_deep", None),
        (b'{"inputs":' + b"[" * 30_000 + b"]" * 30_000 + b"}", 422, "too_deep", None),
        (b'{"inputs":' * 6_000, 422, "too_deep", None),
        (b"[" * 60_000, 422, "wrong_type", None),
        (b"[]", 422, "wrong_type", None),
        (b"null", 422, "wrong_type", None),
        (b"{}", 422, "missing_field", "inputs"),
        (b'{"inputs":[]}', 422, "wrong_type", "inputs"),
        (b'{"inputs":null}', 422, "wrong_type", "inputs"),
        (b'{"inputs":{},"more":1}', 422, "unknown_field", "more"),
        (b'{"more":1}', 422, "unknown_field", "more"),
        (b'{"%s":1}' % (b"x" * 900), 422, "unknown_field", "x" * 64),
    ],
)
def test_a_body_that_is_no_such_object_is_refused(
    caller: Caller, body: bytes, status: int, code: str, field: str | None
) -> None:
    """400 for what is no JSON, 422 for other JSON; nesting of any depth ends early."""
    reply = caller.predict(body)
    assert (reply.status, reply.error["code"], reply.error["field"]) == (status, code, field)


def test_values_are_not_repeated(caller: Caller) -> None:
    """An answer names fields and types, not what was in them."""
    for name in GOOD:
        reply = caller.predict({**GOOD, name: ["c4nary-5117"]})
        assert b"c4nary-5117" not in reply.body


def test_an_event_the_engine_refuses_is_the_caller_s_mistake(caller: Caller, backend: FakeBackend) -> None:
    """What only the engine can see, like a time it no longer has, is 422 with the field."""
    backend.failure = EventError("at: is before what is kept.", field="at")
    reply = caller.predict(GOOD)
    assert (reply.status, reply.error["field"]) == (422, "at")


def test_a_time_before_what_is_kept_is_blamed(caller: Caller, backend: FakeBackend) -> None:
    """422 on the field with the event time, or on `at` of a feature read."""
    backend.failure = StaleRequestError("can be read from 12:00 on; ask for a later time")
    reply = caller.predict(GOOD)
    assert (reply.status, reply.error["code"], reply.error["field"]) == (422, "too_old", "at")
    reply = caller.send("GET", "/v1/features/OrderNow", query=b"order=o1")
    assert (reply.status, reply.error["code"], reply.error["field"]) == (422, "too_old", "at")


def test_data_that_cannot_be_taken_is_the_caller_s(caller: Caller, backend: FakeBackend) -> None:
    """422 with the code of the error, though no single field is to blame."""
    backend.failure = DataError("no such record")
    reply = caller.send("POST", "/v1/events/Ordered", json.dumps(GOOD).encode())
    assert (reply.status, reply.error["code"]) == (422, "FR-DATA")


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (StateError("disk /secret/path is full"), 503, "FR-STATE"),
        (ModelError("tensor secret"), 500, "FR-MODEL"),
        (RuntimeError("secret"), 500, "internal"),
    ],
)
def test_what_we_did_is_told_by_an_id_only(
    caller: Caller,
    backend: FakeBackend,
    caplog: pytest.LogCaptureFixture,
    failure: Exception,
    status: int,
    code: str,
) -> None:
    """5xx; the details are in the log under the id, not in the answer."""
    backend.failure = failure
    reply = caller.predict(GOOD)
    assert (reply.status, reply.error["code"]) == (status, code)
    assert b"secret" not in reply.body
    assert reply.error["id"] in caplog.text
    assert "secret" in caplog.text


def test_nothing_is_predicted_before_the_engine_is_ready(caller: Caller, backend: FakeBackend) -> None:
    """503 that says what is missing and when to come again; then answers."""
    backend.missing = "warming up"
    reply = caller.predict(GOOD)
    assert (reply.status, reply.error["code"], reply.headers["retry-after"]) == (503, "not_ready", "1")
    assert "warming up" in reply.error["message"]
    backend.missing = ""
    assert caller.predict(GOOD).status == 200
