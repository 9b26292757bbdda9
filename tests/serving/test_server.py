"""The server listens where it may, says where, and loses no answer when it stops."""

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.serving.apps import app as shop
from tests.serving.client import GOOD
from tests.serving.sockets import WAIT_S, Wire, serving

from forerun.errors import AddressInUseError, AddressNotLocalError
from forerun.security.keys import KeyRing
from forerun.serving.limits import Limits
from forerun.serving.server import Server
from forerun.testing.backend import FakeBackend

PREDICT = "/v1/models/WillReturn/predict"
BODY = json.dumps({"inputs": GOOD}).encode()


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    waiting = threading.Event()
    for _ in range(int(WAIT_S * 1000)):
        if condition():
            return
        waiting.wait(0.001)
    raise AssertionError("it did not happen")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", "127.0.0.1.example.org", ""])
def test_only_local_addresses_are_listened_on_unless_allowed(tmp_path: Path, host: str) -> None:
    """Nothing is opened to other machines by a slip."""
    with pytest.raises(AddressNotLocalError, match="other machines"):
        Server(shop, FakeBackend(), KeyRing(tmp_path / "keys.json"), host=host, port=0)


def test_a_public_address_is_warned_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Who allows it is told what it means; local addresses are not warned about."""
    with serving(FakeBackend(), tmp_path / "local"):
        assert caplog.text == ""
    with (
        caplog.at_level(logging.WARNING),
        serving(FakeBackend(), tmp_path / "public", host="0.0.0.0", allow_public=True) as (server, _),
    ):
        assert server.url.startswith("http://0.0.0.0:")
        assert "unencrypted" in caplog.text


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.8.8.8", "::1"])
def test_any_loopback_address_will_do(tmp_path: Path, host: str) -> None:
    """All of 127/8, and IPv6's."""
    with serving(FakeBackend(), tmp_path, host=host) as served, Wire(*served) as wire:
        wire.send(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert wire.reply()[0] == 200


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    """Before anything starts, with what to do."""
    with serving(FakeBackend(), tmp_path) as (server, _):
        port = int(server.url.rsplit(":", 1)[1])
        other = Server(shop, FakeBackend(), KeyRing(tmp_path / "none.json"), port=port)
        with pytest.raises(AddressInUseError, match=f"port {port} .*choose another port"):
            other.start()


def test_a_server_that_stops_answers_what_it_took(tmp_path: Path) -> None:
    """Requests that wait for the commit when the stop comes are answered; new connections are not taken."""
    backend = FakeBackend(hold=True)
    with serving(backend, tmp_path) as (server, key):
        wires = [Wire(server, key) for _ in range(8)]
        for wire in wires:
            wire.request("POST", PREDICT, BODY)
        until(lambda: backend.held == 8)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        until(lambda: not accepts(server, key))
        assert backend.commit() == 8
        answers = [wire.reply() for wire in wires]
        assert [status for status, _, _ in answers] == [200] * 8
        assert len({body["prediction_id"] for _, _, body in answers}) == 8
        assert all(headers["connection"] == "close" for _, headers, _ in answers)
        stopping.join(WAIT_S)
        assert not stopping.is_alive()
        for wire in wires:
            wire.close()


def accepts(server: Server, key: str) -> bool:
    """Say whether a new connection is taken."""
    try:
        Wire(server, key).close()
    except ConnectionRefusedError:
        return False
    return True


def test_stopping_does_not_wait_for_idle_connections(tmp_path: Path) -> None:
    """A connection that is merely kept open is closed at once."""
    with serving(FakeBackend(), tmp_path) as (server, key):
        wire = Wire(server, key)
        wire.request("GET", "/healthz")
        assert wire.reply()[0] == 200
        server.stop()
        assert wire.rest() == b""
        wire.close()


def test_stopping_has_an_end(tmp_path: Path) -> None:
    """An engine that never answers holds nobody for longer than the limit."""
    limits = Limits(stop_s=1.0, answer_s=60.0)
    with serving(FakeBackend(hold=True), tmp_path, limits=limits) as (server, key), Wire(server, key) as wire:
        wire.request("POST", PREDICT, BODY)
        server.stop()
        wire.rest()


def test_a_server_can_be_stopped_twice_and_before_it_started(tmp_path: Path) -> None:
    """Stopping is safe wherever a shutdown path comes from."""
    Server(shop, FakeBackend(), KeyRing(tmp_path / "none.json"), port=0).stop()
    with serving(FakeBackend(), tmp_path) as (server, _):
        server.stop()
        server.stop()


def test_nobody_can_say_that_somebody_else_calls(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Forwarding headers change nothing: the log names who connected."""
    with serving(FakeBackend(), tmp_path) as (server, _), Wire(server, "fr_wrong") as wire:
        wire.request("GET", "/v1/status", b"", "x-forwarded-for: 203.0.113.9", "forwarded: for=203.0.113.9")
        assert wire.reply()[0] == 401
    assert "to 127.0.0.1: key" in caplog.text
    assert "203.0.113.9" not in caplog.text


def test_many_callers_at_once_get_their_own_answers(tmp_path: Path) -> None:
    """Sixteen connections, hundreds of requests: each answered once, none mixed up."""
    backend = FakeBackend()
    found: list[str] = []

    def call(served: tuple[Server, str]) -> None:
        with Wire(*served) as wire:
            for _ in range(25):
                wire.request("POST", PREDICT, BODY)
                status, _, body = wire.reply()
                assert status == 200
                found.append(body["prediction_id"])

    with serving(backend, tmp_path) as served:
        threads = [threading.Thread(target=call, args=(served,)) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_S)
    assert len(found) == len(set(found)) == 400
