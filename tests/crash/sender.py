"""A client that sends events over HTTP, and keeps what it is told where no crash of the server reaches."""

import datetime
import json
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from tests.crash.till import Row

from forerun.monitoring.metrics import DoorCounts
from forerun.runtime.app import App
from forerun.runtime.engine import Engine
from forerun.security.keys import KeyRing
from forerun.serving.doors import events
from forerun.serving.gate import Gate
from forerun.serving.http import HttpApp
from forerun.serving.limits import Limits
from forerun.serving.workers import Workers

T = TypeVar("T")
OK = 200


class Notes:
    """A client's file: what it was about to send, and what it was told.

    Args:
        path: The file; not in the data directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, *words: object) -> None:
        """Add a line; when this returns, a kill of the process does not take it away.

        Args:
            words: What it says.
        """
        with self.path.open("a") as file:
            file.write(" ".join(map(str, words)) + "\n")

    def sent(self) -> Counter[int]:
        """By event, how often it was about to be sent."""
        return Counter(number for word, number, *_ in self._lines() if word == "sends")

    def told(self) -> dict[int, int]:
        """By event that was acknowledged, the offset that it was said to have."""
        return {number: rest[0] for word, number, *rest in self._lines() if word == "told"}

    def _lines(self) -> list[tuple[Any, ...]]:
        text = self.path.read_text() if self.path.exists() else ""
        return [(word, *map(int, rest)) for word, *rest in map(str.split, text.splitlines())]


class NotAcknowledgedError(Exception):
    """The endpoint took no event, or could not say that it did.

    Args:
        code: What it said instead.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class InLineWorkers(Workers):
    """Runs calls where they are made, so that system calls come in one order and nothing is awaited."""

    def __init__(self) -> None:
        super().__init__(1, answer_s=1.0)

    async def run(self, call: Callable[[], T]) -> T:
        return call()


class Sender:
    """Sends events through the HTTP endpoint: gate, body, door, engine, and back.

    Only the socket is left out. Each event is sent again by the next run until it has been acknowledged.

    Args:
        app: The app.
        engine: What answers.
        keys: The endpoint's.
        key: The client's own.
        notes: What it knows.
    """

    def __init__(self, app: App, engine: Engine, keys: KeyRing, key: str, notes: Notes) -> None:
        counts, limits = DoorCounts(), Limits()
        routes = events.routes(app.streams.values(), engine, InLineWorkers(), limits)
        self._http = HttpApp(routes, Gate(keys, (), counts), limits, counts)
        self._key = key
        self._notes = notes

    def send(self, number: int, row: Row) -> None:
        """Send an event, and note the acknowledgement.

        Args:
            number: Which of its events.
            row: It; `stream` and its fields.

        Raises:
            NotAcknowledgedError: There was none; whether the event got through, nobody knows.
        """
        at = datetime.datetime.fromtimestamp(row["at"] / 1_000_000, datetime.UTC).isoformat()
        fields = {name: value for name, value in row.items() if name not in ("stream", "_arrival")}
        self._notes.write("sends", number)
        status, answer = self._post(f"/v1/events/{row['stream']}", {**fields, "at": at})
        if status != OK:
            raise NotAcknowledgedError(answer["error"]["code"])
        self._notes.write("told", number, answer["offsets"][0])

    def _post(self, path: str, body: object) -> tuple[int, Any]:
        headers = {
            "host": "127.0.0.1:8787",
            "authorization": f"Bearer {self._key}",
            "content-type": "application/json",
        }
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": b"",
            "client": ("127.0.0.1", 5),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        heard: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            heard.append(message)

        _carry_out(self._http(scope, receive, send))
        start, content = heard
        return start["status"], json.loads(content["body"])


def _carry_out(work: Coroutine[Any, Any, None]) -> None:
    """What waits for nothing needs no event loop."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise AssertionError("the endpoint waits for something")
