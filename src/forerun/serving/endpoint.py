"""From an app and an engine to the ASGI application: every route, its door and the gate before them."""

import asyncio
from collections.abc import Sequence

from forerun.monitoring.metrics import DoorCounts, Metrics
from forerun.security.keys import KeyRing
from forerun.serving.backend import Backend
from forerun.serving.declared import Declared
from forerun.serving.doors import events, facts, features, predict
from forerun.serving.gate import Gate
from forerun.serving.hop import Hop
from forerun.serving.http import HttpApp
from forerun.serving.limits import Limits
from forerun.serving.route import Route
from forerun.serving.workers import Workers


class Endpoint:
    """The doors of one app, on the running event loop.

    Args:
        app: The declarations.
        backend: The engine.
        keys: Who may call.
        limits: How much may come.
        hosts: Names it goes by besides the local ones; None: any.
        metrics_open: Whether `/metrics` answers callers without a key.
        version: forerun's version.

    >>> from pathlib import Path
    >>> from forerun.runtime.app import App
    >>> from forerun.testing.backend import FakeBackend
    >>> async def paths() -> list[str]:
    ...     keys = KeyRing(Path("none.json"))
    ...     endpoint = Endpoint(App("shop"), FakeBackend(), keys, limits=Limits())
    ...     endpoint.close()
    ...     return [route.path for route in endpoint.routes]
    >>> asyncio.run(paths())
    ['/', '/healthz', '/readyz', '/metrics', '/openapi.json', '/v1/models', '/v1/status']
    """

    def __init__(
        self,
        app: Declared,
        backend: Backend,
        keys: KeyRing,
        *,
        limits: Limits,
        hosts: Sequence[str] | None = (),
        metrics_open: bool = False,
        version: str = "",
    ) -> None:
        self.counts = DoorCounts()
        self._workers = Workers(limits.workers, limits.work_s)
        hop = Hop(backend, limits.answer_s, asyncio.get_running_loop())
        metrics = Metrics(backend.status, self.counts, version)
        doors = facts.FactsDoors(app, backend, metrics, self._workers, lambda: self.routes)
        self.routes: tuple[Route, ...] = (
            *facts.routes(doors, metrics_open=metrics_open),
            *predict.routes(app.models.values(), hop, limits),
            *features.routes(app.views.values(), backend, self._workers, limits),
            *events.routes(app.streams.values(), backend, self._workers, limits),
        )
        self.app = HttpApp(self.routes, Gate(keys, hosts, self.counts), limits, self.counts)

    def close(self) -> None:
        """Let the worker threads end."""
        self._workers.close()
