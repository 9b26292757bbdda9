"""Appended events are judged row by row; what is answered is durable."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.serving.client import GOOD, Caller, calling

from forerun.errors import CommitError
from forerun.serving.limits import Limits
from forerun.testing.backend import FakeBackend

PATH = "/v1/events/Ordered"
LINES = {"content-type": "application/x-ndjson"}


def row(**change: object) -> bytes:
    """One event as JSON."""
    return json.dumps({**GOOD, **change}).encode()


def test_one_event_is_appended(caller: Caller, backend: FakeBackend) -> None:
    """A JSON object is one event; the answer has its offset."""
    reply = caller.send("POST", PATH, row())
    assert (reply.status, reply.json) == (200, {"accepted": 1, "quarantined": [], "offsets": [0, 0]})
    ((stream, batch),) = backend.appended
    assert stream == "Ordered"
    assert batch.to_pylist()[0]["order"] == "o1"


def test_good_rows_are_kept_and_bad_ones_told_with_reasons(caller: Caller, backend: FakeBackend) -> None:
    """One bad row spoils no other; its number counts from 0, blank lines left out."""
    body = b"\n".join([row(order="a"), b"", row(count="x"), b"{", row(order="b"), row(colour="red"), b""])
    reply = caller.send("POST", PATH, body, headers=LINES)
    assert reply.status == 200
    assert reply.json["accepted"] == 2
    assert reply.json["offsets"] == [0, 1]
    told = reply.json["quarantined"]
    assert [(item["row"], item["field"]) for item in told] == [(1, "count"), (2, None), (4, "colour")]
    assert all(item["reason"] for item in told)
    assert backend.appended[0][1].column("order").to_pylist() == ["a", "b"]
    assert [item.payload for item in backend.quarantined] == [row(count="x"), b"{", row(colour="red")]


@pytest.mark.parametrize(
    ("body", "headers", "field"),
    [
        (row(count="x"), {}, "count"),
        (b"[" + row() + b"]", {}, None),
        (b"{", {}, None),
        (b"", {}, None),
        (row(at="2013-01-01T00:00:00"), LINES, "at"),
        (b"\n".join([row(count="x")] * 3), LINES, "count"),
    ],
)
def test_when_no_row_is_good_nothing_is_appended(
    caller: Caller, backend: FakeBackend, body: bytes, headers: Mapping[str, str], field: str | None
) -> None:
    """422 with the first row's fault; every row is still kept in quarantine."""
    reply = caller.send("POST", PATH, body, headers=headers)
    assert reply.status == 422
    assert (reply.json["accepted"], reply.json["offsets"]) == (0, None)
    assert reply.error["field"] == field
    assert backend.appended == []
    assert len(backend.quarantined) == len(reply.json["quarantined"]) > 0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "no_rows"),
        (b"\n \n", 422, "no_rows"),
        (b"\n".join([b"{}"] * 6), 413, "too_large"),
        (row(note="x" * 400), 413, "too_large"),
        (b"x" * 2001, 413, "too_large"),
    ],
)
def test_an_append_is_bounded(tmp_path: Path, body: bytes, status: int, code: str) -> None:
    """Rows, bytes of a row and bytes of the body have limits; beyond them nothing is taken at all."""
    backend = FakeBackend()
    limits = Limits(body_bytes=400, events_bytes=2000, events_rows=5)
    with calling(backend, tmp_path, limits=limits) as caller:
        reply = caller.send("POST", PATH, body, headers=LINES)
    assert (reply.status, reply.error["code"]) == (status, code)
    assert (backend.appended, backend.quarantined) == ([], [])


def test_an_append_that_is_not_durable_is_not_acknowledged(caller: Caller, backend: FakeBackend) -> None:
    """When the disk refuses, the caller hears 503."""
    backend.failure = CommitError("no space left")
    reply = caller.send("POST", PATH, row())
    assert (reply.status, reply.error["code"]) == (503, "FR-STATE-COMMIT")
