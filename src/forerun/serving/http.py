"""The HTTP endpoint as an ASGI application: from a request to a door, and its answer back."""

import logging
from collections.abc import Iterable, Mapping
from time import perf_counter

from forerun.errors import AccessError, RequestError
from forerun.monitoring.metrics import DoorCounts
from forerun.serving.answers import RETRY_AFTER_S, Answer, answer_for, refusal
from forerun.serving.gate import Gate
from forerun.serving.limits import Limits
from forerun.serving.request import CallerGone, Receive, Request, Scope, Send, read_body
from forerun.serving.route import Route, by_path

log = logging.getLogger("forerun.serving")

UNKNOWN = "unknown"
"""The route that metrics and logs name for paths that are none, so that callers cannot invent series."""


class HttpApp:
    """Routes requests to doors. Every method runs on the event loop's thread.

    The order of checks: who could be behind it (a web page?), who it is, whether there is such a thing,
    whether there is room, and only then the body. Without a valid key nobody learns which paths exist.

    Args:
        routes: All there is.
        gate: Decides who may.
        limits: How much may come.
        counts: What is counted.

    `Endpoint` makes one with all its doors; `tests/serving/client.py` calls one without a socket.
    """

    def __init__(self, routes: Iterable[Route], gate: Gate, limits: Limits, counts: DoorCounts) -> None:
        self._routes = by_path(routes)
        self._gate = gate
        self._limits = limits
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI wants it."""
        began_s = perf_counter()
        methods = self._routes.get(scope["path"])
        route = None if methods is None else methods.get(scope["method"])
        template = UNKNOWN if route is None else route.template
        try:
            answer = await self._answer(scope, receive, route, methods)
        except CallerGone:
            return
        except AccessError as error:
            client = scope["client"]
            self._gate.note_denial(
                error, scope["method"], template, client[0] if client else "a local socket"
            )
            answer = answer_for(error)
        except Exception as error:  # noqa: BLE001  # the edge: whatever it is, the caller gets an answer
            answer = answer_for(error)
        self._counts.answered(template, answer.status, perf_counter() - began_s)
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [
                    (b"content-type", answer.content_type),
                    (b"content-length", b"%d" % len(answer.body)),
                    *answer.headers,
                ],
            }
        )
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(
        self, scope: Scope, receive: Receive, route: Route | None, methods: Mapping[str, Route] | None
    ) -> Answer:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        self._gate.check_origin(headers)
        if route is None:
            self._gate.check_key(headers, None)
            return self._no_route(scope, methods)
        if route.permission is not None:
            self._gate.check_key(headers, route.permission)
            if self._counts.in_flight >= self._limits.in_flight:
                raise RequestError(
                    f"{self._limits.in_flight} requests are being answered; come again in {RETRY_AFTER_S} s.",
                    status=503,
                    reason="overloaded",
                )
        body = b""
        if route.body_bytes:
            body = await read_body(receive, headers, route.body_bytes)
        request = Request(scope["method"], headers, scope["query_string"], body)
        if route.media_types and headers.get(b"content-type") not in route.media_types:
            media_type = request.media_type()
            if media_type not in route.media_types:
                wanted = " or ".join(known.decode() for known in route.media_types)
                raise RequestError(
                    f"the body must be sent as 'Content-Type: {wanted}'.",
                    status=415,
                    reason="unsupported_media_type",
                )
        self._counts.in_flight += 1
        try:
            return await route.door(request)
        finally:
            self._counts.in_flight -= 1

    def _no_route(self, scope: Scope, methods: Mapping[str, Route] | None) -> Answer:
        if methods is not None:
            allowed = ", ".join(sorted(methods))
            return refusal(
                405,
                "method_not_allowed",
                f"this path takes {allowed}.",
                headers=((b"allow", allowed.encode()),),
            )
        known = [path for path in self._routes if _kind(path) == _kind(scope["path"])]
        advice = f"there are: {', '.join(sorted(known))}" if known else "GET / lists all there are"
        return refusal(404, "unknown_path", f"there is nothing at this path; {advice}.")


def _kind(path: str) -> str:
    """The part of a path before a name: /v1/models, /v1/features, /v1/events."""
    return "/".join(path.split("/")[:3])
