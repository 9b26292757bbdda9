"""Whatever is sent, the answer is 2xx or 4xx, and a field at fault is named."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.serving.client import GOOD, Caller, Reply, calling

from forerun.testing.backend import FakeBackend

EXAMPLES = 300

PREDICT = "/v1/models/WillReturn/predict"
APPEND = "/v1/events/Ordered"
FEATURES = "/v1/features/ShelfNow"

FULL: dict[str, Any] = {
    **GOOD,
    "note": "n",
    "rank": 1,
    "discount": 0.5,
    "member": True,
    "seen": "2013-01-01T00:00:00Z",
}
NULLABLE = {"note", "rank", "discount", "member", "seen"}
TYPES = {
    "string": {"order", "note"},
    "int": {"count", "rank"},
    "float": {"amount", "discount"},
    "bool": {"gift", "member"},
    "time": {"at", "promised", "seen"},
}
KIND = {name: kind for kind, names in TYPES.items() for name in names}

TEXTS = [
    "",
    "null",
    "NaN",
    "a" * 5000,
    "\x00",
    "\r\nx-forged: 1",
    "%0d%0a",
    "\x1b[31mred",
    "'; DROP TABLE keys; --",
    "{{7*7}}",
    "${jndi:ldap://x}",
    "../../../../etc/passwd",
    "..%2f..%2fetc",
    "file:///etc/passwd",
    "<script>alert(1)</script>",
    "\u202egnp.exe",
    "\u200b",
    "e\u0301",
    "\u00e9",
    "\U0001f600" * 100,
    "\uffff",
    "__class__",
    "__proto__",
    "0x10",
    "1e5",
    "-0",
]
NUMBERS = [
    0,
    -0.0,
    1.5,
    2**53 + 1,
    2**63 - 1,
    2**63,
    -(2**63) - 1,
    10**30,
    5e-324,
    1.7e308,
    math.nan,
    math.inf,
    -math.inf,
]
TIMES = [
    "2013-01-01",
    "2013-01-01T00:00:00",
    "2013-13-01T00:00:00Z",
    "2013-02-30T00:00:00Z",
    "2013-01-01T24:00:00Z",
    "2013-01-01T23:59:60Z",
    "2013-01-01T00:00:00+25:00",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "10000-01-01T00:00:00Z",
    "-001-01-01T00:00:00Z",
    "now",
    253_402_300_800_000_000,
    -62_135_596_800_000_001,
    10**30,
    1.5,
]
SHAPES: list[object] = [
    None,
    True,
    False,
    [],
    {},
    [[]],
    {"a": 1},
    [None] * 100,
    {"inputs": {}},
    [[[[[[[]]]]]]],
]
VALUES = [*TEXTS, *NUMBERS, *TIMES, *SHAPES]


def fits(name: str, value: object) -> bool | None:
    """Judge a value by hand, as the reference; None: a text that may or may not be a time."""
    kind = KIND[name]
    if value is None:
        return name in NULLABLE
    if kind == "bool":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if kind == "string":
        return isinstance(value, str)
    if kind == "int":
        return isinstance(value, int) and -(2**63) <= value < 2**63
    if kind == "float":
        return isinstance(value, int | float) and -1.8e308 < value < 1.8e308
    if isinstance(value, str):
        return None
    return isinstance(value, int) and -62_135_596_800_000_000 <= value <= 253_402_300_799_999_999


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """One endpoint for all of it: hostile requests must not spoil it for later ones either."""
    with calling(FakeBackend(), tmp_path_factory.mktemp("app")) as caller:
        yield caller
        assert caller.predict(GOOD).status == 200
        assert caller.endpoint.counts.in_flight == 0


def refuse(constant: str) -> None:
    """Fail on NaN and infinities, which are no JSON."""
    raise AssertionError(constant)


def check(reply: Reply) -> None:
    """Hold an answer to what every answer promises."""
    assert 200 <= reply.status < 300 or 400 <= reply.status < 500, reply
    assert isinstance(json.loads(reply.body, parse_constant=refuse), dict)
    if reply.status >= 400:
        assert reply.error["code"]
        assert len(reply.body) < 2000 or "quarantined" in reply.json
    assert b"Traceback" not in reply.body


@pytest.mark.parametrize("name", FULL)
def test_each_field_with_each_hostile_value(caller: Caller, name: str) -> None:
    """A value is taken exactly if a reference that shares no code takes it; else its field is named."""
    for value in VALUES:
        body = json.dumps({"inputs": {**FULL, name: value}}).encode()
        reply = caller.send("POST", PREDICT, body)
        check(reply)
        expected = fits(name, value)
        if name == "at" and value is None:
            expected = True  # left to the engine
        if expected is not None:
            assert (reply.status == 200) == expected, (name, value, reply)
        if reply.status != 200:
            assert (reply.status, reply.error["field"]) == (422, name), (name, value, reply)


def test_both_doors_judge_alike(caller: Caller) -> None:
    """What is an event is a prediction's input and the other way round, but for a missing time."""
    for name in FULL:
        for value in VALUES:
            event = {**FULL, name: value}
            predicted = caller.send("POST", PREDICT, json.dumps({"inputs": event}).encode())
            appended = caller.send("POST", APPEND, json.dumps(event).encode())
            check(appended)
            if (name, value) != ("at", None):
                assert (predicted.status == 200) == (appended.status == 200), (name, value)


NAMES = st.sampled_from([*FULL]) | st.text(max_size=100)
PIECES = [b'"', b"{", b"}", b"[", b",", b":", b"\\", b"\\u", b"e9"]
JSON_TEXT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(VALUES),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from([*FULL]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=EXAMPLES)
@given(change=st.dictionaries(NAMES, JSON_TEXT, min_size=1, max_size=3))
def test_any_change_of_a_good_request(caller: Caller, change: Mapping[str, object]) -> None:
    """However many fields are wrong at once, the one that is named is one of them."""
    reply = caller.send("POST", PREDICT, json.dumps({"inputs": {**FULL, **change}}).encode())
    check(reply)
    if reply.status != 200:
        blamed = reply.error["field"]
        wrong = {name for name in change if name not in FULL or fits(name, change[name]) is not True}
        assert blamed in {name[:64] for name in wrong}, reply


@settings(max_examples=EXAMPLES)
@given(content=JSON_TEXT)
def test_any_json_as_a_body(caller: Caller, content: object) -> None:
    """JSON that is not a request at all."""
    body = json.dumps(content).encode()
    for path in (PREDICT, APPEND):
        check(caller.send("POST", path, body))
    check(caller.send("POST", FEATURES, body))
    check(caller.send("POST", FEATURES, json.dumps({"key": content}).encode()))


@settings(max_examples=EXAMPLES)
@given(body=st.binary(max_size=200))
def test_any_bytes_as_a_body(caller: Caller, body: bytes) -> None:
    """Bytes that are no JSON, also as rows."""
    for path in (PREDICT, FEATURES, APPEND):
        check(caller.send("POST", path, body))
    check(caller.send("POST", APPEND, body, headers={"content-type": "application/x-ndjson"}))


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_a_good_body_with_bytes_broken(caller: Caller, data: st.DataObject) -> None:
    """Cut, doubled, overwritten: near misses find more than noise does."""
    body = bytearray(json.dumps({"inputs": FULL}).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body)))
        piece = data.draw(st.binary(max_size=8) | st.sampled_from(PIECES))
        body[place : place + data.draw(st.integers(0, 12))] = piece
    check(caller.send("POST", PREDICT, bytes(body)))


@settings(max_examples=EXAMPLES)
@given(query=st.binary(max_size=80) | st.text(max_size=40).map(lambda text: text.encode()))
def test_any_query(caller: Caller, query: bytes) -> None:
    """Query strings of any bytes, alone and after a good key."""
    check(caller.send("GET", FEATURES, query=query))
    check(caller.send("GET", FEATURES, query=b"shelf=1&order=a&" + query))


@settings(max_examples=EXAMPLES)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"]) | st.text(max_size=8),
    path=st.text(max_size=40) | st.sampled_from([PREDICT, APPEND, FEATURES, "/", "/metrics"]),
)
def test_any_path_and_method(caller: Caller, method: str, path: str) -> None:
    """Nothing is found that was not declared."""
    declared = {(route.method, route.path) for route in caller.endpoint.routes}
    reply = caller.send(method, path)
    if (method, path) not in declared and (method != "HEAD" or ("GET", path) not in declared):
        assert reply.status in (404, 405)
    if reply.headers["content-type"] == "application/json":
        check(reply)


HEADER_NAMES = [
    "host",
    "origin",
    "content-type",
    "content-encoding",
    "authorization",
    "x-api-key",
    "sec-fetch-site",
]


@settings(max_examples=EXAMPLES)
@given(
    headers=st.dictionaries(
        st.sampled_from(HEADER_NAMES), st.text(st.characters(max_codepoint=255), max_size=40), min_size=1
    )
)
def test_any_headers(caller: Caller, headers: Mapping[str, str]) -> None:
    """Header values of any bytes."""
    check(caller.predict(FULL, headers=headers))
