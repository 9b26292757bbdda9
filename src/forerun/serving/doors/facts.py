"""Doors that say what there is and how it goes: health, readiness, metrics, status, models, the lists."""

from collections.abc import Callable, Iterable, Iterator

from forerun.monitoring.metrics import CONTENT_TYPE, Metrics
from forerun.security.roles import Permission
from forerun.serving.answers import JSON, RETRY_AFTER_S, Answer, encode, json_answer
from forerun.serving.backend import Backend
from forerun.serving.declared import Declared
from forerun.serving.openapi import document
from forerun.serving.request import Request
from forerun.serving.route import Route
from forerun.serving.workers import Workers

PAGE_HEADERS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
)


class FactsDoors:
    """The doors that take nothing.

    Args:
        app: The declarations.
        backend: The engine.
        metrics: What a scrape gets.
        workers: For the engine's blocking calls.
        routes: Every route, these included.
    """

    def __init__(
        self,
        app: Declared,
        backend: Backend,
        metrics: Metrics,
        workers: Workers,
        routes: Callable[[], Iterable[Route]],
    ) -> None:
        self._app = app
        self._backend = backend
        self._metrics = metrics
        self._workers = workers
        self._routes = routes

    async def health(self, _: Request) -> Answer:
        """Say that the process answers; nothing else is looked at."""
        return json_answer({"healthy": True})

    async def ready(self, _: Request) -> Answer:
        """Say whether predictions can be given, and if not, what is missing."""
        ready, missing = await self._workers.run(self._backend.ready)
        if ready:
            return json_answer({"ready": True})
        headers = ((b"retry-after", b"%d" % RETRY_AFTER_S),)
        return Answer(503, encode({"ready": False, "missing": missing}), JSON, headers)

    async def metrics(self, _: Request) -> Answer:
        """Give a scrape what it wants."""
        return Answer(200, await self._workers.run(self._metrics.text), CONTENT_TYPE)

    async def status(self, _: Request) -> Answer:
        """Say how far the engine is."""
        return json_answer(await self._workers.run(self._backend.status))

    async def models(self, _: Request) -> Answer:
        """List the models, and what each wants to be told."""
        facts = {fact["name"]: fact for fact in await self._workers.run(self._backend.models)}
        return json_answer(
            {
                "models": [
                    {
                        "name": name,
                        "stream": model.on.name,
                        "version": facts[name]["version"] if name in facts else None,
                        "feature_version": model.feature_version,
                        "fields": [
                            {"name": field.name, "type": field.type, "nullable": field.nullable}
                            for field in model.on.fields
                        ],
                        "inputs": [item.name for item in model.inputs],
                        "predict": f"/v1/models/{name}/predict",
                    }
                    for name, model in self._app.models.items()
                ]
            }
        )

    async def openapi(self, _: Request) -> Answer:
        """Describe every path for machines."""
        return json_answer(document(self._app, self._routes()))

    async def page(self, _: Request) -> Answer:
        """List for people what there is, without naming what the app declares."""
        lines = {
            f"{route.method:4} {route.template:30} {route.permission or 'open to all'}": None
            for route in self._routes()
        }
        text = "\n".join(lines)
        body = (
            "<!doctype html><html lang=en><meta charset=utf-8><title>forerun</title><h1>forerun</h1>"
            "<p>Method, path, and what the caller's API key must cover. "
            "Send it as <code>Authorization: Bearer fr_...</code>."
            f"<pre>{text.replace('&', '&amp;').replace('<', '&lt;')}</pre>"
        )
        return Answer(200, body.encode(), b"text/html; charset=utf-8", PAGE_HEADERS)


def routes(doors: FactsDoors, *, metrics_open: bool) -> Iterator[Route]:
    """Give the doors their routes.

    Args:
        doors: The doors.
        metrics_open: Whether `/metrics` answers callers without a key.
    """
    observe, predict = Permission.OBSERVE, Permission.PREDICT
    table = [
        ("/", None, doors.page, "List what there is."),
        ("/healthz", None, doors.health, "Is the process answering?"),
        ("/readyz", None, doors.ready, "Can predictions be given?"),
        ("/metrics", None if metrics_open else observe, doors.metrics, "Metrics for Prometheus."),
        ("/openapi.json", predict, doors.openapi, "This description."),
        ("/v1/models", predict, doors.models, "List the models."),
        ("/v1/status", observe, doors.status, "How far the engine is."),
    ]
    for path, permission, door, summary in table:
        yield Route(method="GET", path=path, template=path, permission=permission, door=door, summary=summary)
