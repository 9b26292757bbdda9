"""The HTTP server: uvicorn on a thread of its own, inside the process of the engine it serves."""

import asyncio
import contextlib
import ipaddress
import logging
import socket
import sys
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any, Self, cast

import uvicorn

if sys.platform == "win32":
    from asyncio import new_event_loop
else:
    from uvloop import new_event_loop

from forerun.errors import AddressInUseError, AddressNotLocalError
from forerun.security.keys import KeyRing
from forerun.serving.backend import Backend
from forerun.serving.declared import Declared
from forerun.serving.endpoint import Endpoint
from forerun.serving.limits import Limits
from forerun.serving.protocol import BoundedProtocol

log = logging.getLogger("forerun.serving")

HOST = "127.0.0.1"
PORT = 8787
START_S = 30.0
"""A server that does not listen by then never will."""


class Server:
    """Serves one engine until it is stopped.

    Args:
        app: The declarations.
        backend: The engine; it must outlive the server.
        keys: Who may call.
        host: Where to listen. Anything but a loopback address needs `allow_public`.
        port: Where to listen; 0 takes a free one, see `url`.
        allow_public: Listen where other machines can reach it. Keys and data then travel unencrypted:
            put a proxy with TLS in front.
        hosts: Names callers may use besides the local ones. Of no use without `allow_public`, where
            None allows any.
        metrics_open: Answer `/metrics` without a key.
        limits: How much may come.
        version: forerun's version, for the metrics.

    Raises:
        AddressNotLocalError: The host is not local and `allow_public` was not said.

    Use it as a context manager, or call `start` and `stop`:

    >>> from pathlib import Path
    >>> from forerun.testing.backend import FakeBackend
    >>> from forerun.runtime.app import App
    >>> with Server(App("shop"), FakeBackend(), KeyRing(Path("none.json")), port=0) as server:
    ...     server.url.startswith("http://127.0.0.1:")
    True
    """

    def __init__(
        self,
        app: Declared,
        backend: Backend,
        keys: KeyRing,
        *,
        host: str = HOST,
        port: int = PORT,
        allow_public: bool = False,
        hosts: Sequence[str] | None = None,
        metrics_open: bool = False,
        limits: Limits | None = None,
        version: str = "",
    ) -> None:
        local = _is_local(host)
        if not local and not allow_public:
            raise AddressNotLocalError(
                f"host {host!r} can be reached from other machines; use {HOST}, or allow it explicitly."
            )
        self._host = host
        self._port = port
        self._local = local
        self._limits = limits or Limits()
        self._make_endpoint = partial(
            Endpoint,
            app,
            backend,
            keys,
            limits=self._limits,
            hosts=(hosts or ()) if local else hosts,
            metrics_open=metrics_open,
            version=version,
        )
        self._listening = threading.Event()
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None
        self._uvicorn: _Uvicorn | None = None
        self._failure: BaseException | None = None

    @property
    def url(self) -> str:
        """Where it listens; with port 0 known once it has started."""
        name = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{name}:{self._port}"

    def start(self) -> None:
        """Listen; return when requests are taken.

        Raises:
            AddressInUseError: The address is taken or not this machine's.
        """
        self._socket = self._bind()
        self._port = self._socket.getsockname()[1]
        if not self._local:
            log.warning(
                "listening on %s: other machines can reach it, and keys and data travel unencrypted; "
                "put a proxy with TLS in front",
                self.url,
            )
        self._thread = threading.Thread(target=self._run, name="forerun-http", daemon=True)
        self._thread.start()
        self._listening.wait(START_S)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Take no more requests, answer those under way, and return when the last one is answered.

        A request still unanswered after `Limits.stop_s` is dropped.
        """
        if self._thread is None:
            return
        if self._uvicorn is not None:
            self._uvicorn.should_exit = True
        self._thread.join()
        self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            return socket.create_server((self._host, self._port), family=family, backlog=1024)
        except (OSError, OverflowError) as exc:
            raise AddressInUseError(
                f"cannot listen on {self._host} port {self._port} ({exc}); "
                "stop what listens there, or choose another port (0: any free one)."
            ) from exc

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(self._serve())
        except BaseException as exc:  # told to whoever started the thread
            self._failure = exc
            log.error("the HTTP server has ended", exc_info=exc)
        finally:
            self._listening.set()

    async def _serve(self) -> None:
        limits = self._limits
        endpoint = self._make_endpoint()
        config = uvicorn.Config(
            cast("Any", endpoint.app),  # uvicorn's types for ASGI name every key of every message
            http=cast("type[asyncio.Protocol]", partial(BoundedProtocol, limits)),
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,  # whoever calls is who connects
            server_header=False,
            limit_concurrency=limits.connections,
            timeout_keep_alive=int(limits.idle_s) or 1,
            timeout_graceful_shutdown=int(limits.stop_s) or 1,
        )
        assert self._socket is not None
        self._uvicorn = _Uvicorn(config, self._listening)
        with contextlib.closing(endpoint):
            await self._uvicorn.serve(sockets=[self._socket])


class _Uvicorn(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, listening: threading.Event) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self._listening.set()


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
