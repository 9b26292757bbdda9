"""HTTP answers: their bytes, and how an exception becomes one."""

import logging
import secrets
from http import HTTPStatus

import msgspec

from forerun.errors import (
    DataError,
    EventError,
    ForerunError,
    KeyRefusedError,
    OriginRefusedError,
    RequestError,
    RoleMissingError,
    StateError,
)

log = logging.getLogger("forerun.serving")

JSON = b"application/json"
encode = msgspec.json.Encoder().encode

MESSAGE_CHARS = 500
"""A message repeats names that callers sent; it need not repeat all of them."""
FIELD_CHARS = 64
RETRY_AFTER_S = 1
"""An overloaded endpoint is usually free again in far less."""


class Answer(msgspec.Struct, frozen=True):
    """A whole answer, ready to be sent.

    Args:
        status: HTTP status.
        body: The bytes of the body.
        content_type: Of the body.
        headers: More headers.

    >>> Answer(200, b"{}").status
    200
    """

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    r"""What an error answer says, under "error".

    Args:
        code: A stable word or code for programs.
        message: For people: what is wrong and what to do.
        field: The field to blame; null if it is none.
        id: Of an internal error, to find it in the log.

    >>> encode(Fault("unknown_field", "no field 'colour'.", "colour"))
    b'{"code":"unknown_field","message":"no field \'colour\'.","field":"colour"}'
    """

    code: str
    message: str
    field: str | None
    id: str | None = None


def json_answer(content: object, status: int = 200) -> Answer:
    """Make an answer from anything msgspec encodes.

    >>> json_answer({"ready": True}).body
    b'{"ready":true}'
    """
    return Answer(status, encode(content))


def refusal(
    status: int,
    code: str,
    message: str,
    *,
    field: str | None = None,
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> Answer:
    """Make an error answer; what is longer than anyone would read is cut.

    >>> refusal(404, "unknown_path", "no such path.").body
    b'{"error":{"code":"unknown_path","message":"no such path.","field":null}}'
    """
    short = None if field is None else field[:FIELD_CHARS]
    return Answer(status, encode({"error": Fault(code, message[:MESSAGE_CHARS], short)}), JSON, headers)


def refusal_bytes(status: int, code: str, message: str) -> bytes:
    r"""Make an error answer as raw HTTP/1.1 that closes the connection, for requests no door ever sees.

    >>> refusal_bytes(408, "request_slow", "too slow.").split(b"\r\n")[0]
    b'HTTP/1.1 408 Request Timeout'
    """
    body = refusal(status, code, message).body
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


def answer_for(error: BaseException) -> Answer:
    """Turn what went wrong into an answer.

    What the caller did is answered with 4xx and told in full. What we did is answered with 5xx; its
    details stay in the log, under an id that the answer carries.

    >>> answer_for(EventError("dep_delay: a string is no float.", field="dep_delay")).status
    422
    """
    match error:
        case RequestError():
            headers: tuple[tuple[bytes, bytes], ...] = ()
            if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
                headers = ((b"retry-after", b"%d" % RETRY_AFTER_S),)
            return refusal(error.status, error.reason, error.message, field=error.field, headers=headers)
        case EventError():
            return refusal(422, "invalid_field", error.message, field=error.field)
        case DataError():
            return refusal(422, error.code, error.message)
        case KeyRefusedError():
            challenge = ((b"www-authenticate", b'Bearer realm="forerun"'),)
            return refusal(401, "key_refused", error.message, headers=challenge)
        case RoleMissingError():
            return refusal(403, "role_missing", error.message)
        case OriginRefusedError():
            return refusal(403, "origin_refused", error.message)
        case StateError():
            status, code = 503, error.code
        case ForerunError():
            status, code = 500, error.code
        case _:
            status, code = 500, "internal"
    number = secrets.token_hex(8)
    log.error("error %s while answering a request", number, exc_info=error)
    fault = Fault(code, f"the endpoint failed; its log says why under {number}.", None, number)
    return Answer(status, encode({"error": fault}))
