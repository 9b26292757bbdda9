"""What never becomes a request is bounded too: in bytes, in headers, in time."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.serving.client import GOOD
from tests.serving.sockets import Wire, serving

from forerun.serving.limits import Limits
from forerun.serving.server import Server
from forerun.testing.backend import FakeBackend

PREDICT = "/v1/models/WillReturn/predict"
BODY = json.dumps({"inputs": GOOD}).encode()
LIMITS = Limits(head_bytes=4000, headers=20)
HASTY = Limits(head_s=0.1, body_s=0.1, idle_s=1)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server with small limits on heads."""
    with serving(FakeBackend(), tmp_path_factory.mktemp("app"), limits=LIMITS) as served:
        yield served


@pytest.fixture
def wire(served: tuple[Server, str]) -> Iterator[Wire]:
    """A connection to it."""
    with Wire(*served) as wire:
        yield wire


def test_a_connection_serves_many_requests(wire: Wire) -> None:
    """Keep-alive, and requests sent before earlier ones are answered, in order."""
    for _ in range(3):
        wire.request("POST", PREDICT, BODY)
        assert wire.reply()[0] == 200
    wire.request("POST", PREDICT, BODY)
    wire.request("GET", "/healthz")
    wire.request("POST", PREDICT, b"{")
    assert [wire.reply()[0] for _ in range(3)] == [200, 200, 400]


def test_a_request_may_come_in_pieces(wire: Wire) -> None:
    """Byte by byte is a request like any other."""
    for byte in wire.head("POST", PREDICT, len(BODY)) + BODY:
        wire.send(bytes([byte]))
    assert wire.reply()[0] == 200


def test_a_body_may_come_in_chunks(wire: Wire) -> None:
    """Without a declared length."""
    head = wire.head("POST", PREDICT, 0, "transfer-encoding: chunked").replace(b"content-length: 0\r\n", b"")
    wire.send(head)
    for start in range(0, len(BODY), 10):
        chunk = BODY[start : start + 10]
        wire.send(b"%x\r\n%s\r\n" % (len(chunk), chunk))
    wire.send(b"0\r\n\r\n")
    assert wire.reply()[0] == 200


def test_a_large_body_beside_a_small_head_is_no_large_head(wire: Wire) -> None:
    """Only the head counts against the head's limit, also when both come in one piece."""
    wire.request("POST", PREDICT, BODY + b" " * 20_000)
    assert wire.reply()[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        ["x-long: " + "a" * 4000],
        [f"x-{n}: a" for n in range(20)],
        ["x-long: " + "a" * 200_000],
        ["x" * 100_000 + ": a"],
        ["cookie: " + "a" * 1500, "cookie: " + "b" * 1500, "cookie: " + "c" * 1500],
    ],
)
def test_a_head_beyond_the_limit_is_431(wire: Wire, headers: list[str]) -> None:
    """Refused as JSON, and the connection closed."""
    wire.request("GET", "/healthz", b"", *headers)
    status, got, body = wire.reply()
    assert (status, got["connection"], body["error"]["code"]) == (431, "close", "head_too_large")
    assert wire.rest() == b""


def test_a_long_path_is_a_large_head(wire: Wire) -> None:
    """The request line counts."""
    wire.request("GET", "/" + "a" * 4000)
    assert wire.reply()[0] == 431


def test_a_head_without_an_end_is_cut_off(wire: Wire) -> None:
    """Nothing is kept of it beyond the limit."""
    wire.send(b"GET / HTTP/1.1\r\nhost: x\r\nx-endless: ")
    for _ in range(100):
        wire.send(b"a" * 1000)
    assert b"431" in wire.rest().splitlines()[0]


def test_many_requests_do_not_add_up_to_a_large_head(wire: Wire) -> None:
    """Each head is counted anew."""
    for _ in range(40):
        wire.request("GET", "/healthz", b"", "x-some: " + "a" * 500)
        assert wire.reply()[0] == 200


def test_heads_in_pieces_do_not_add_up_either(wire: Wire) -> None:
    """Also when each head takes several reads."""
    for _ in range(40):
        head = wire.head("GET", "/healthz", 0, "x-some: " + "a" * 500)
        wire.send(head[:400])
        wire.send(head[400:])
        assert wire.reply()[0] == 200


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n\r\n \r\n",
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost x\r\n\r\n",
        b"GET / HTTP/1.1\r\n host: x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET http://x:99999999/ HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked, gzip\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_closed(wire: Wire, data: bytes) -> None:
    """400 or 403 as JSON, never a 5xx, never two answers, and the connection is closed or still sound."""
    wire.send(data)
    wire.send(b"GET /healthz HTTP/1.1\r\nhost: %s\r\nconnection: close\r\n\r\n" % wire.host.encode())
    lines = [line for line in wire.rest().splitlines() if line.startswith(b"HTTP/1.1 ")]
    assert lines
    assert all(line.split()[1] in (b"200", b"400", b"403") for line in lines)
    assert lines[0].split()[1] in (b"400", b"403")


def test_upgrades_are_not_made(wire: Wire) -> None:
    """A websocket handshake is an ordinary GET here."""
    wire.request(
        "GET", "/v1/status", b"", "connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13"
    )
    assert wire.reply()[0] == 200


def test_a_malformed_request_does_not_answer_for_an_earlier_one(tmp_path: Path) -> None:
    """While one waits for the engine, garbage after it closes the connection and is not its answer."""
    backend = FakeBackend(hold=True)
    with serving(backend, tmp_path, limits=Limits(answer_s=0.1)) as served, Wire(*served) as wire:
        wire.send(wire.head("POST", PREDICT, len(BODY)) + BODY + b"\x00garbage\r\n\r\n")
        assert wire.rest() == b""


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"", b"408"),
        (b"GET / HT", b"408"),
        (b"GET / HTTP/1.1\r\nhost: x\r\n", b"408"),
    ],
)
def test_a_slow_head_is_cut_off(tmp_path: Path, data: bytes, answer: bytes) -> None:
    """A connection that sends no whole head in time is told so and closed."""
    with serving(FakeBackend(), tmp_path, limits=HASTY) as served, Wire(*served) as wire:
        wire.send(data)
        assert answer in wire.rest().splitlines()[0]


def test_a_slow_head_after_a_request_is_cut_off(tmp_path: Path) -> None:
    """Also the second head of a connection has its time."""
    with serving(FakeBackend(), tmp_path, limits=HASTY) as served, Wire(*served) as wire:
        wire.request("POST", PREDICT, BODY)
        assert wire.reply()[0] == 200
        wire.send(b"GET / HT")
        assert b"408" in wire.rest().splitlines()[0]


def test_a_slow_body_is_cut_off(tmp_path: Path) -> None:
    """408, the connection is closed, and the engine was not asked."""
    backend = FakeBackend()
    with serving(backend, tmp_path, limits=HASTY) as served, Wire(*served) as wire:
        wire.send(wire.head("POST", PREDICT, len(BODY)) + BODY[:10])
        assert b"408" in wire.rest().splitlines()[0]
        assert backend.asked == []


def test_a_refused_request_does_not_keep_its_connection_for_ever(tmp_path: Path) -> None:
    """A stranger gets 401 at once, and the body that never ends is cut off in time."""
    with serving(FakeBackend(), tmp_path, limits=HASTY) as served, Wire(served[0], "fr_wrong") as wire:
        wire.send(wire.head("POST", PREDICT, len(BODY)) + BODY[:10])
        assert wire.reply()[0] == 401
        wire.rest()


def test_connections_beyond_the_limit_are_refused(tmp_path: Path) -> None:
    """One more than the limit hears 503; those that are open go on."""
    with serving(FakeBackend(), tmp_path, limits=Limits(connections=4)) as served:
        wires = [Wire(*served) for _ in range(3)]
        try:
            for wire in wires:
                wire.request("POST", PREDICT, BODY)
                assert wire.reply()[0] == 200
            with Wire(*served) as one_more:
                one_more.send(
                    b"GET /healthz HTTP/1.1\r\nhost: %s\r\nconnection: close\r\n\r\n" % wire.host.encode()
                )
                assert b"503" in one_more.rest().splitlines()[0]
        finally:
            for wire in wires:
                wire.close()
