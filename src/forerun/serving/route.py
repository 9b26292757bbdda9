"""A route: a method and a path, who may use it, what it takes, and the door behind it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from forerun.security.roles import Permission
from forerun.serving.answers import Answer
from forerun.serving.request import Request

Door: TypeAlias = Callable[[Request], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One thing the endpoint does.

    Args:
        method: GET or POST; a GET route answers HEAD too.
        path: The exact path; every model, view and stream has its own.
        template: The path with the name left out, for metrics and logs.
        permission: What a caller's key must cover; None: open to all.
        door: Answers.
        body_bytes: Largest body; 0: none is read.
        media_types: What the body may be; empty: anything.
        summary: For the lists of what there is.
    """

    method: str
    path: str
    template: str
    permission: Permission | None
    door: Door
    body_bytes: int = 0
    media_types: tuple[bytes, ...] = ()
    summary: str = ""


def by_path(routes: Iterable[Route]) -> Mapping[str, Mapping[str, Route]]:
    """Index routes by path, then method, so that finding one is two look-ups.

    Raises:
        ValueError: A method and path are declared twice: one would hide the other's permission.

    >>> async def door(request: Request) -> Answer:
    ...     return Answer(200, b"{}")
    >>> table = by_path([Route(method="GET", path="/x", template="/x", permission=None, door=door)])
    >>> sorted(table["/x"])
    ['GET', 'HEAD']
    """
    table: dict[str, dict[str, Route]] = {}
    for route in routes:
        methods = table.setdefault(route.path, {})
        if route.method in methods:
            raise ValueError(f"{route.method} {route.path} is declared twice")
        methods[route.method] = route
        if route.method == "GET":
            methods["HEAD"] = route
    return table
