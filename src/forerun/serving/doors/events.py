"""`POST /v1/events/{stream}`: events of your own into the log, one or many."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from forerun.errors import RequestError
from forerun.events.decode import decode_rows
from forerun.events.schema import StreamSpec
from forerun.security.roles import Permission
from forerun.serving.answers import FIELD_CHARS, JSON, MESSAGE_CHARS, Answer, Fault, json_answer
from forerun.serving.backend import Backend
from forerun.serving.limits import Limits
from forerun.serving.request import Request
from forerun.serving.route import Route
from forerun.serving.workers import Workers

NDJSON = b"application/x-ndjson"


class RefusedRow(msgspec.Struct, frozen=True):
    """A row that was quarantined.

    Args:
        row: Its number in the body, from 0, blank lines not counted.
        field: The field to blame, or null.
        reason: What is wrong with it.
    """

    row: int
    field: str | None
    reason: str


class AppendAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of the rows; by then it is durable.

    Args:
        accepted: How many are in the log.
        quarantined: The others, each with the reason.
        offsets: First and last offset of the accepted, or null.
        error: Set when no row was accepted: what is wrong with the first.
    """

    accepted: int
    quarantined: Sequence[RefusedRow]
    offsets: tuple[int, int] | None
    error: Fault | None = None


class EventsDoor:
    """Answers for one stream.

    Args:
        stream: The stream; its classes judge the rows, as at every door.
        backend: The engine.
        workers: For decoding and the engine's blocking call.
        limits: Of the endpoint.
    """

    def __init__(self, stream: StreamSpec, backend: Backend, workers: Workers, limits: Limits) -> None:
        self._stream = stream
        self._backend = backend
        self._workers = workers
        self._limits = limits
        decode_rows(stream, [])  # pyarrow looks for pandas at first: better now than in a request

    async def __call__(self, request: Request) -> Answer:
        """Answer one request. 422 when every row is refused: then nothing was appended."""
        rows = self._rows(request)
        got = await self._workers.run(lambda: self._append(rows))
        return json_answer(got, 200 if got.accepted else 422)

    def _rows(self, request: Request) -> list[bytes]:
        if request.media_type() == JSON:
            return [request.body]
        rows = [line for line in request.body.split(b"\n") if line.strip()]
        if not rows:
            raise RequestError("there is no row in the body.", status=422, reason="no_rows")
        if len(rows) > self._limits.events_rows:
            raise RequestError(
                f"{len(rows)} rows; send at most {self._limits.events_rows} at once.",
                status=413,
                reason="too_large",
            )
        return rows

    def _append(self, rows: Sequence[bytes]) -> AppendAnswer:
        for number, row in enumerate(rows):
            if len(row) > self._limits.body_bytes:
                raise RequestError(
                    f"row {number} is larger than {self._limits.body_bytes} bytes.",
                    status=413,
                    reason="too_large",
                )
        batch, quarantined = decode_rows(self._stream, rows, extra="refuse")
        offsets = self._backend.append(self._stream.name, batch, quarantined=quarantined)
        refused = [
            RefusedRow(
                item.row,
                None if item.field is None else item.field[:FIELD_CHARS],
                item.reason[:MESSAGE_CHARS],
            )
            for item in quarantined
        ]
        error = None
        if not batch.num_rows and refused:
            error = Fault("invalid_event", refused[0].reason, refused[0].field)
        return AppendAnswer(batch.num_rows, refused, offsets, error)


def routes(
    streams: Iterable[StreamSpec], backend: Backend, workers: Workers, limits: Limits
) -> Iterator[Route]:
    """Give every stream its route."""
    for stream in streams:
        yield Route(
            method="POST",
            path=f"/v1/events/{stream.name}",
            template="/v1/events/{stream}",
            permission=Permission.APPEND,
            door=EventsDoor(stream, backend, workers, limits),
            body_bytes=limits.events_bytes,
            media_types=(JSON, NDJSON),
            summary=f"Append events to {stream.name}.",
        )
