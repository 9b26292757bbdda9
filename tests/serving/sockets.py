"""A caller that speaks bytes to a real server: for what lies below requests."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.serving.apps import app as shop

from forerun.security.keys import KeyRing
from forerun.serving.backend import Backend
from forerun.serving.limits import Limits
from forerun.serving.server import Server

WAIT_S = 20.0
"""Longer than anything here takes; a test that waits so long fails."""


class Wire:
    """One connection.

    Args:
        server: Where to.
        key: For requests that carry one.
    """

    def __init__(self, server: Server, key: str) -> None:
        host, port = server.url.removeprefix("http://").rsplit(":", 1)
        self.key = key
        self.host = f"{host}:{port}"
        self._socket = socket.create_connection((host.strip("[]"), int(port)), timeout=WAIT_S)
        self._file = self._socket.makefile("rb")

    def send(self, data: bytes) -> None:
        """Send raw bytes; a connection that is closed meanwhile takes them silently."""
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return

    def request(self, method: str, path: str, body: bytes = b"", *headers: str) -> None:
        """Send a request with the key."""
        self.send(self.head(method, path, len(body), *headers) + body)

    def head(self, method: str, path: str, length: int, *headers: str) -> bytes:
        """Write the head of a request with the key."""
        lines = [
            f"{method} {path} HTTP/1.1",
            f"host: {self.host}",
            f"authorization: Bearer {self.key}",
            "content-type: application/json",
            f"content-length: {length}",
            *headers,
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n"

    def reply(self) -> tuple[int, dict[str, str], Any]:
        """Read one answer: status, headers, decoded body."""
        line = self._file.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        headers: dict[str, str] = {}
        while (field := self._file.readline()) not in (b"\r\n", b""):
            name, _, value = field.decode().partition(":")
            headers[name.lower()] = value.strip()
        body = self._file.read(int(headers["content-length"]))
        return int(line.split()[1]), headers, json.loads(body)

    def rest(self) -> bytes:
        """Read until the server closes."""
        try:
            return self._file.read()
        except ConnectionResetError:
            return b""

    def close(self) -> None:
        """Close."""
        self._file.close()
        self._socket.close()

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def serving(
    backend: Backend, folder: Path, *, limits: Limits | None = None, **more: Any
) -> Iterator[tuple[Server, str]]:
    """Serve a backend on a free port, with one owner's key."""
    keys = KeyRing(folder / "keys.json")
    key = keys.create("test", roles=["owner"], now_us=0)
    with Server(shop, backend, keys, port=0, limits=limits, **more) as server:
        yield server, key
