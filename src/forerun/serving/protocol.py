"""uvicorn's HTTP protocol with the limits it lacks: on the head of a request, and on waiting for one.

uvicorn (0.54, httptools) takes a head of any size and waits for it as long as the caller likes, so a few
slow or huge callers could hold all memory or all connections. The body is the doors' business.
"""

import asyncio
from typing import Any, Literal

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from forerun.serving.answers import refusal_bytes
from forerun.serving.limits import Limits

LINGER_S = 1.0
"""How long what a refused caller still sends is thrown away before the connection is closed."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection.

    A head that is too long gets 431, a slow head or body 408, a malformed head 400; then the connection
    is closed. Timers run only while a request is incomplete, so one that comes in a single read, as
    nearly all do, pays for none.

    Args:
        limits: The bounds.
        config: uvicorn's.
        server_state: uvicorn's.
        app_state: uvicorn's.
        _loop: uvicorn's.
    """

    def __init__(
        self,
        limits: Limits,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # uvicorn's own annotation
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config=config, server_state=server_state, app_state=app_state, _loop=_loop)
        self._limits = limits
        self._expected: Literal["nothing", "head", "body"] = "nothing"
        self._earlier_bytes = 0  # of the current head, in reads before this one
        self._read_bytes = 0
        self._too_large = False
        self._refused = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's
        """Expect a head soon."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(self._limits.head_s, self._is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, then see whether a request is left incomplete."""
        if self._refused:
            return
        self._read_bytes = len(data)
        super().data_received(data)
        if self._expected == "nothing" or self.transport.is_closing():
            return
        if self._expected == "head":
            self._earlier_bytes += len(data)
            if self._earlier_bytes > self._limits.head_bytes:
                self._too_large = True
                self.send_400_response("")
                return
        if self._timer is None:
            wait_s = self._limits.head_s if self._expected == "head" else self._limits.body_s
            self._timer = self.loop.call_later(wait_s, self._is_late)

    def on_message_begin(self) -> None:
        """Take the first byte of a head."""
        self._expected = "head"
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Check the whole head before anything looks at it."""
        if self._timer is not None:
            self._stop_timer()
        # The sum is only worth computing when the head could be too long.
        suspect = self._earlier_bytes + self._read_bytes > self._limits.head_bytes
        self._earlier_bytes = 0
        if len(self.headers) > self._limits.headers or (suspect and self._size() > self._limits.head_bytes):
            self._too_large = True
            raise httptools.HttpParserError("head too large")
        super().on_headers_complete()
        self._expected = "body"

    def on_message_complete(self) -> None:
        """Rest until the next head."""
        self._expected = "nothing"
        if self._timer is not None:
            self._stop_timer()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's words, not ours
        """Refuse a request that never reaches the doors, in the doors' own words."""
        if self._too_large:
            answer = refusal_bytes(431, "head_too_large", "the request line and headers are too large.")
        else:
            answer = refusal_bytes(400, "malformed_http", "this is not a valid HTTP/1.1 request.")
        self._refuse(answer)

    def _size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _is_late(self) -> None:
        self._timer = None
        if self._refused:
            self.transport.close()
        elif not self.transport.is_closing():
            self._refuse(refusal_bytes(408, "request_slow", "the request did not arrive in time."))

    def _refuse(self, answer: bytes) -> None:
        """Answer and close, in this order as the caller sees it.

        Closing while bytes from the caller lie unread would reset the connection, and the answer would
        be lost with it. So the answer is ended first, and what still comes is thrown away for a while.
        """
        self._refused = True
        self._stop_timer()
        cycle = self.cycle
        idle = cycle is None or cycle.response_complete  # type: ignore[redundant-expr]  # None at first
        own = self._expected == "body" and not self.pipeline and not cycle.response_started
        if not (idle or own):  # the bytes would be taken for the answer to an earlier request
            self.transport.close()
            return
        if cycle is not None:
            cycle.disconnected = True  # no other answer after this one
            cycle.message_event.set()
        self._expected = "nothing"
        self.transport.write(answer)
        self.transport.write_eof()
        self.flow.resume_reading()
        self._timer = self.loop.call_later(LINGER_S, self._is_late)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
