"""One HTTP request as the doors see it, and reading its body within limits."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import msgspec

from forerun.errors import RequestError

# ASGI's own types: its messages and scope are dictionaries of anything.
Scope: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]

PARAMETERS_MAX = 32


class CallerGone(Exception):  # noqa: N818  # nothing is wrong: there is nobody left to answer
    """The caller closed the connection before its request was complete."""


class Request(msgspec.Struct, frozen=True):
    """A request whose caller may make it.

    Args:
        method: In capitals.
        headers: By lower-case name; of a name that comes twice, the last.
        query: The raw query string.
        body: The whole body.

    >>> Request("GET", {}, b"origin=JFK", b"").parameters()
    {'origin': 'JFK'}
    """

    method: str
    headers: Mapping[bytes, bytes]
    query: bytes
    body: bytes

    def parameters(self) -> dict[str, str]:
        """Read the query string.

        Raises:
            RequestError: It is not UTF-8, or a name comes twice.
        """
        try:
            pairs = parse_qsl(
                self.query.decode("ascii"),
                keep_blank_values=True,
                strict_parsing=bool(self.query),
                errors="strict",
                max_num_fields=PARAMETERS_MAX,
            )
        except ValueError as exc:
            raise RequestError(
                f"the query string is not name=value&..., in UTF-8, of at most {PARAMETERS_MAX} parameters.",
                status=422,
                reason="malformed_query",
            ) from exc
        names = dict(pairs)
        if len(names) < len(pairs):
            twice = next(name for name in names if sum(other == name for other, _ in pairs) > 1)
            raise RequestError(f"{twice}: is given twice.", status=422, reason="given_twice", field=twice)
        return names

    def media_type(self) -> bytes:
        """Name the body's media type, without parameters, in lower case.

        >>> Request("POST", {b"content-type": b"Application/JSON; charset=utf-8"}, b"", b"").media_type()
        b'application/json'
        """
        return self.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], limit_bytes: int) -> bytes:
    """Read a body, and stop at the limit: before reading when its length is declared.

    Args:
        receive: ASGI's.
        headers: By lower-case name.
        limit_bytes: The most that is taken.

    Raises:
        RequestError: The body is larger, or is compressed.
        CallerGone: It will never be complete.

    >>> import asyncio
    >>> async def receive() -> dict[str, Any]:
    ...     return {"type": "http.request", "body": b"hello", "more_body": False}
    >>> asyncio.run(read_body(receive, {}, 5))
    b'hello'
    >>> asyncio.run(read_body(receive, {}, 4))
    Traceback (most recent call last):
    forerun.errors.RequestError: [FR-DATA-REQUEST] the body is larger than 4 bytes.
    """
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise RequestError(
            "compressed bodies are not taken; send it plain.", status=415, reason="unsupported_encoding"
        )
    declared = headers.get(b"content-length")
    if declared is not None and int(declared) > limit_bytes:
        raise _too_large(limit_bytes)
    message = await receive()
    if message["type"] == "http.disconnect":
        raise CallerGone
    body: bytes = message["body"]
    if not message["more_body"]:
        if len(body) > limit_bytes:
            raise _too_large(limit_bytes)
        return body
    chunks, size = [body], len(body)
    while message["more_body"]:
        if size > limit_bytes:
            raise _too_large(limit_bytes)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerGone
        chunks.append(message["body"])
        size += len(message["body"])
    if size > limit_bytes:
        raise _too_large(limit_bytes)
    return b"".join(chunks)


def _too_large(limit_bytes: int) -> RequestError:
    return RequestError(f"the body is larger than {limit_bytes} bytes.", status=413, reason="too_large")
