"""A feature read names an entity by its key, and tells how far the engine had come."""

from collections.abc import Mapping

import pytest
from tests.serving.client import Caller

from forerun.serving.backend import Reading
from forerun.testing.backend import EVENT_TIME_US, FakeBackend

ORDER = "/v1/features/OrderNow"
SHELF = "/v1/features/ShelfNow"


def test_a_read_by_query_or_body_is_the_same(caller: Caller, backend: FakeBackend) -> None:
    """GET and POST ask the engine for the same key at the same time."""
    got = caller.send("GET", ORDER, query=b"order=o%201&at=2013-01-01T00:00:00Z")
    posted = caller.send("POST", ORDER, b'{"key":{"order":"o 1"},"at":"2013-01-01T00:00:00Z"}')
    assert (got.status, posted.status) == (200, 200)
    assert got.json == posted.json
    assert backend.read_keys == [("OrderNow", {"order": "o 1"}, 1_356_998_400_000_000)] * 2


def test_without_a_time_the_engine_takes_its_own(caller: Caller, backend: FakeBackend) -> None:
    """No `at`: now, whatever that is to the engine; the answer says when."""
    reply = caller.send("GET", ORDER, query=b"order=o1")
    assert backend.read_keys == [("OrderNow", {"order": "o1"}, None)]
    assert reply.json["at"] == "2013-01-01T10:00:00Z"


def test_an_entity_never_seen_has_no_provenance(caller: Caller) -> None:
    """Nothing is invented for it."""
    assert caller.send("GET", ORDER, query=b"order=o1").json["provenance"] == {
        "event_time": None,
        "partition": None,
        "offset": None,
        "feature_version": "77ab",
        "watermark": None,
        "age_s": None,
    }


def test_times_are_written_as_text(
    caller: Caller, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Features that are instants, the watermark and the event time reached are RFC 3339 in UTC."""

    def read(view: str, key: Mapping[str, object], at_us: int | None = None) -> Reading:
        return Reading(
            view=view,
            key=key,
            at_us=EVENT_TIME_US,
            values={"orders_1h": 2, "spent_1h": None, "last_seen": EVENT_TIME_US + 1},
            not_computed=["spent_1h"],
            provenance={
                "event_time_high_us": EVENT_TIME_US,
                "partition": 0,
                "offset": 41,
                "feature_version": "77ab",
                "watermark_us": EVENT_TIME_US - 600_000_000,
                "age_s": 0.25,
            },
        )

    monkeypatch.setattr(backend, "read", read)
    assert caller.send("GET", ORDER, query=b"order=o1").json == {
        "view": "OrderNow",
        "key": {"order": "o1"},
        "at": "2013-01-01T10:00:00Z",
        "values": {"orders_1h": 2, "spent_1h": None, "last_seen": "2013-01-01T10:00:00.000001Z"},
        "not_computed": ["spent_1h"],
        "provenance": {
            "event_time": "2013-01-01T10:00:00Z",
            "partition": 0,
            "offset": 41,
            "feature_version": "77ab",
            "watermark": "2013-01-01T09:50:00Z",
            "age_s": 0.25,
        },
    }


def test_a_key_of_several_typed_parts(caller: Caller, backend: FakeBackend) -> None:
    """An integer of the key is an integer, in text too."""
    assert caller.send("GET", SHELF, query=b"shelf=7&order=null").status == 200
    assert caller.send("POST", SHELF, b'{"key":{"shelf":7,"order":"null"}}').status == 200
    assert backend.read_keys == [("ShelfNow", {"shelf": 7, "order": "null"}, None)] * 2


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        (ORDER, b"", "order"),
        (ORDER, b"at=2013-01-01T00:00:00Z", "order"),
        (ORDER, b"order=o1&colour=red", "colour"),
        (ORDER, b"order=o1&order=o2", "order"),
        (ORDER, b"order=o1&at=yesterday", "at"),
        (ORDER, b"order=o1&at=2013-01-01T00:00:00", "at"),
        (ORDER, b"order=o1&at=", "at"),
        (ORDER, b"order=o1&at=0001-01-01T00:00:00%2B14:00", "at"),
        (ORDER, b"order=o1&at=253402300800000000", "at"),
        (SHELF, b"order=o1&shelf=seven", "shelf"),
        (SHELF, b"order=o1&shelf=7.5", "shelf"),
        (SHELF, b"order=o1&shelf=99999999999999999999", "shelf"),
        (SHELF, b"order=o1&shelf=null", "shelf"),
        (ORDER, b"order=%ff", None),
        (ORDER, b"order", None),
        (ORDER, b"&".join(b"a%d=1" % i for i in range(40)), None),
    ],
)
def test_a_query_that_does_not_fit_is_refused_by_field(
    caller: Caller, backend: FakeBackend, path: str, query: bytes, field: str | None
) -> None:
    """422 with the parameter at fault; the engine is not asked."""
    reply = caller.send("GET", path, query=query)
    assert (reply.status, reply.error["field"]) == (422, field)
    assert backend.read_keys == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{}", "key"),
        (b'{"key":{}}', "order"),
        (b'{"key":{"order":null}}', "order"),
        (b'{"key":{"order":"o1","x":1}}', "x"),
        (b'{"key":{"order":"o1"},"when":1}', "when"),
        (b'{"key":{"order":"o1"},"at":"soon"}', "at"),
        (b'{"key":{"order":"o1"},"at":null}', "at"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_by_field(caller: Caller, body: bytes, field: str) -> None:
    """422 with the field."""
    reply = caller.send("POST", ORDER, body)
    assert (reply.status, reply.error["field"]) == (422, field)
