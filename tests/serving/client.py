"""A caller that speaks ASGI to an endpoint, without a socket: thousands of requests in seconds."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.serving.apps import app as shop

from forerun.security.keys import KeyRing
from forerun.serving.backend import Backend
from forerun.serving.declared import Declared
from forerun.serving.endpoint import Endpoint
from forerun.serving.limits import Limits

GOOD = {
    "order": "o1",
    "at": "2013-01-01T10:00:00Z",
    "count": 3,
    "amount": 9.5,
    "gift": False,
    "promised": "2013-01-02T00:00:00-05:00",
}


@dataclass(frozen=True)
class Reply:
    """An answer, received."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # whatever the endpoint says
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """What is under "error"; it must have the declared shape."""
        error = self.json["error"]
        assert set(error) - {"id"} == {"code", "message", "field"}
        assert isinstance(error["code"], str)
        assert isinstance(error["message"], str)
        assert error["message"]
        assert error["field"] is None or isinstance(error["field"], str)
        return dict(error)


class Caller:
    """Sends requests to one endpoint on a loop of its own.

    Args:
        runner: The loop.
        endpoint: The endpoint.
        key: Sent with every request unless its headers say otherwise.
    """

    def __init__(self, runner: asyncio.Runner, endpoint: Endpoint, key: str) -> None:
        self.runner = runner
        self.endpoint = endpoint
        self.key = key

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        headers: Mapping[str, str | None] | None = None,
        query: bytes = b"",
        chunks: Sequence[bytes] | None = None,
    ) -> Reply:
        """Send one request and wait for the answer. A header of None is left out."""
        return self.runner.run(
            self.send_async(method, path, body, headers=headers, query=query, chunks=chunks)
        )

    def predict(self, body: bytes | Mapping[str, object], **more: Any) -> Reply:
        """Ask the one model. A mapping becomes the inputs."""
        raw = body if isinstance(body, bytes) else json.dumps({"inputs": body}).encode()
        return self.send("POST", "/v1/models/WillReturn/predict", raw, **more)

    async def send_async(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        headers: Mapping[str, str | None] | None = None,
        query: bytes = b"",
        chunks: Sequence[bytes] | None = None,
    ) -> Reply:
        """Send one request."""
        given: dict[str, str | None] = {
            "host": "127.0.0.1:8787",
            "authorization": f"Bearer {self.key}",
            "content-type": "application/json",
            **(headers or {}),
        }
        if chunks is None:
            chunks = [body]
            given.setdefault("content-length", str(len(body)))
        pending = list(chunks)
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if not pending:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": pending.pop(0), "more_body": bool(pending)}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.endpoint.app(
            {
                "type": "http",
                "method": method,
                "path": path,
                "query_string": query,
                "client": ("127.0.0.1", 5),
                "headers": [(n.encode(), v.encode("latin-1")) for n, v in given.items() if v is not None],
            },
            receive,
            send,
        )
        start, content = sent
        names = [name.decode() for name, _ in start["headers"]]
        assert len(names) == len(set(names))
        got = {name.decode(): value.decode() for name, value in start["headers"]}
        assert int(got["content-length"]) == len(content["body"])
        return Reply(start["status"], got, content["body"])


@contextmanager
def calling(
    backend: Backend,
    folder: Path,
    *,
    app: Declared = shop,
    roles: Sequence[str] = ("owner",),
    limits: Limits | None = None,
    **more: Any,
) -> Iterator[Caller]:
    """Make an endpoint before a backend, with one key of these roles."""
    keys = KeyRing(folder / "keys.json")
    key = keys.create("test", roles=roles, now_us=0)
    with asyncio.Runner() as runner:

        async def make() -> Endpoint:
            return Endpoint(app, backend, keys, limits=limits or Limits(), **more)

        endpoint = runner.run(make())
        try:
            yield Caller(runner, endpoint, key)
        finally:
            endpoint.close()
