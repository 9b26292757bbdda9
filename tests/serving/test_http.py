"""Limits hold before anything is parsed, and every accepted request is answered once."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.serving.client import GOOD, Caller, Reply, calling

from forerun.errors import RequestError
from forerun.serving.limits import Limits
from forerun.serving.request import read_body
from forerun.serving.route import Route, by_path
from forerun.testing.backend import FakeBackend

PREDICT = "/v1/models/WillReturn/predict"


@pytest.mark.parametrize(
    "media_type", [None, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"]
)
def test_another_media_type_is_415(caller: Caller, media_type: str | None) -> None:
    """What a form or a careless client sends is refused with the header to send; a web form cannot call."""
    reply = caller.predict(GOOD, headers={"content-type": media_type})
    assert (reply.status, reply.error["code"]) == (415, "unsupported_media_type")
    assert "Content-Type: application/json" in reply.error["message"]


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "Application/JSON", " application/json "]
)
def test_spellings_of_json_are_taken(caller: Caller, media_type: str) -> None:
    """Parameters and case do not matter."""
    assert caller.predict(GOOD, headers={"content-type": media_type}).status == 200


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_compressed_bodies_are_refused(caller: Caller, encoding: str) -> None:
    """So there is nothing that could grow."""
    reply = caller.predict(GOOD, headers={"content-encoding": encoding})
    assert (reply.status, reply.error["code"]) == (415, "unsupported_encoding")


def test_a_declared_length_beyond_the_limit_is_refused_unread(caller: Caller) -> None:
    """413 before the first byte of the body is waited for."""
    reply = caller.send("POST", PREDICT, headers={"content-length": str(10**12)}, chunks=[])
    assert (reply.status, reply.error["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("chunks", "status"),
    [
        ([b"x" * 100], 400),
        ([b"x" * 101], 413),
        ([b"x" * 50, b"x" * 50], 400),
        ([b"x" * 50, b"x" * 51], 413),
        ([b"x"] * 101, 413),
        ([b"x" * 60] * 1000, 413),
    ],
)
def test_an_undeclared_length_is_counted_as_it_comes(
    tmp_path: Path, chunks: Sequence[bytes], status: int
) -> None:
    """Chunks add up to the same limit, exactly."""
    with calling(FakeBackend(), tmp_path, limits=Limits(body_bytes=100)) as caller:
        assert caller.send("POST", PREDICT, chunks=chunks).status == status


def test_reading_stops_at_the_limit() -> None:
    """What comes after it is not even taken from the connection."""
    taken = []

    async def receive() -> dict[str, object]:
        taken.append(1)
        return {"type": "http.request", "body": b"x" * 60, "more_body": True}

    with pytest.raises(RequestError, match="larger than 100"):
        asyncio.run(read_body(receive, {}, 100))
    assert len(taken) == 2


def test_an_error_is_short_whatever_was_sent(caller: Caller) -> None:
    """A name of sixty thousand characters is not sent back."""
    reply = caller.predict({**GOOD, "x" * 60_000: 1})
    assert (reply.status, reply.error["field"]) == (422, "x" * 64)
    assert len(reply.body) < 800


def test_a_caller_that_leaves_is_not_answered(caller: Caller, backend: FakeBackend) -> None:
    """A body that ends early asks the engine nothing."""
    with pytest.raises(ValueError, match="not enough values"):
        caller.send("POST", PREDICT, chunks=[])
    assert backend.asked == []
    assert caller.endpoint.counts.in_flight == 0


async def until_held(backend: FakeBackend, count: int) -> None:
    """Let the loop run until the engine holds so many predictions."""
    for _ in range(1000):
        if backend.held >= count:
            return
        await asyncio.sleep(0)
    raise AssertionError(f"only {backend.held} of {count} were submitted")


def test_requests_beyond_the_limit_are_told_to_come_again(tmp_path: Path) -> None:
    """The limit's worth wait for the commit; one more is 503 at once; after the commit there is room."""
    backend = FakeBackend(hold=True)
    with calling(backend, tmp_path, limits=Limits(in_flight=3)) as caller:
        body = b'{"inputs": %s}' % str(GOOD).replace("'", '"').replace("False", "false").encode()

        async def crowd() -> tuple[list[Reply], Reply, Reply]:
            tasks = [asyncio.create_task(caller.send_async("POST", PREDICT, body)) for _ in range(3)]
            await until_held(backend, 3)
            refused = await caller.send_async("POST", PREDICT, body)
            health = await caller.send_async("GET", "/healthz")
            backend.commit()
            return await asyncio.gather(*tasks), refused, health

        answered, refused, health = caller.runner.run(crowd())
        assert [reply.status for reply in answered] == [200, 200, 200]
        assert len({reply.json["prediction_id"] for reply in answered}) == 3
        assert (refused.status, refused.error["code"], refused.headers["retry-after"]) == (
            503,
            "overloaded",
            "1",
        )
        assert health.status == 200
        backend.hold = False
        assert caller.send("POST", PREDICT, body).status == 200


def test_an_answer_that_does_not_come_in_time_is_504(tmp_path: Path) -> None:
    """The caller hears so; the late prediction disturbs nobody."""
    backend = FakeBackend(hold=True)
    with calling(backend, tmp_path, limits=Limits(answer_s=0.05)) as caller:
        reply = caller.predict(GOOD)
        assert (reply.status, reply.error["code"]) == (504, "timeout")
        backend.commit()
        backend.hold = False
        assert caller.predict(GOOD).json["prediction_id"].endswith("2")
        assert caller.endpoint.counts.in_flight == 0


def test_a_failure_frees_its_place(tmp_path: Path) -> None:
    """However a request ends, the next one finds room."""
    backend = FakeBackend()
    backend.failure = RuntimeError("broken")
    with calling(backend, tmp_path, limits=Limits(in_flight=1)) as caller:
        assert [caller.predict(GOOD).status for _ in range(5)] == [500] * 5
        assert [caller.send("GET", "/v1/status").status for _ in range(5)] == [500] * 5
        assert [caller.predict(b"{").status for _ in range(5)] == [400] * 5


def test_a_route_cannot_be_declared_twice(caller: Caller) -> None:
    """Two declarations of one path would hide each other's permission."""
    routes: list[Route] = list(caller.endpoint.routes)
    with pytest.raises(ValueError, match="declared twice"):
        by_path([*routes, routes[0]])


@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_limit_must_limit(value: float) -> None:
    """Zero and below are mistakes, not 'unlimited'."""
    with pytest.raises(ValueError, match="answer_s"):
        Limits(answer_s=value)
