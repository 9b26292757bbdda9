"""Every limit of the HTTP doors, in one place, with the reason for its default."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one endpoint takes before it says no. Bytes, seconds, counts.

    Args:
        body_bytes: Largest body of a prediction or a feature read. A wide event is a few kilobytes.
        events_bytes: Largest body of an append.
        events_rows: Most rows of an append; a thousand short rows fill one commit well.
        head_bytes: Request line and headers together.
        headers: Number of headers.
        in_flight: Requests being answered at once; one more gets 503 and may come again.
        connections: Open connections; each costs a descriptor and some 50 KB.
        workers: Threads for what may block: appends, feature reads, status.
        head_s: From the first byte of a request to its last header, and from connecting to the first.
        body_s: From the last header to the last byte of the body.
        answer_s: From a complete request for a prediction to its answer; then 504.
        work_s: The same for appends, feature reads and status; reading features as of the past reads the
            log again, so it may take longer.
        idle_s: How long a connection is kept without a request.
        stop_s: How long a stopping endpoint waits for answers that are under way.

    >>> Limits(in_flight=8).in_flight
    8
    """

    body_bytes: int = 64 * 1024
    events_bytes: int = 8 * 1024 * 1024
    events_rows: int = 10_000
    head_bytes: int = 16 * 1024
    headers: int = 64
    in_flight: int = 256
    connections: int = 512
    workers: int = 4
    head_s: float = 10.0
    body_s: float = 30.0
    answer_s: float = 5.0
    work_s: float = 30.0
    idle_s: float = 30.0
    stop_s: float = 10.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: {getattr(self, name)} is no limit; use a number above 0.")
