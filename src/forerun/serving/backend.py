"""What the HTTP doors need from the engine behind them, and nothing of how it does it.

The doors run on an event loop that must never wait for a disk. A prediction is therefore handed over
and called back, so that one commit can carry every request that is waiting for one:

    event loop                                  engine thread
    submit_predict(model, fields, done)  --->   take all waiting, read the vectors as one batch, score,
                                                one journal entry, one fsync for the whole group
    answer the socket                    <---   done(prediction) for each, after the fsync

What an engine promises:

- `submit_predict` only queues (microseconds). It may be called before the previous ones are answered,
  from one thread. The caller bounds what is in flight (`Limits.in_flight`), so the queue is bounded.
- `done` is called exactly once, from any thread, after the record is durable, with the prediction or
  with the exception that stopped it. `done` is cheap, never blocks and never raises; calling the whole
  group's one after the other is best: the loop is then woken once for all of them.
- Every other method may block; the doors call them from a few worker threads of their own.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypedDict

from forerun.monitoring.status import Status

if TYPE_CHECKING:
    import pyarrow as pa

    from forerun.events.decode import Quarantined


class Prediction(TypedDict):
    """One durable answer. Times are microseconds, UTC."""

    prediction_id: str
    model: str
    model_version: str | None
    app_version: str
    feature_version: str
    score: float | None
    grade: str
    """fresh, stale, fallback or default."""
    reason: str | None
    """Why the grade is not fresh."""
    decisions: Sequence[str]
    event_time_us: int
    age_us: int | None
    """Event time of the request minus the newest event time its features could see; None before any event."""
    latency_us: int
    """From submission until durable."""


class Provenance(TypedDict):
    """How far the engine had come when it answered. None: no event of this entity yet."""

    event_time_high_us: int | None
    partition: int | None
    offset: int | None
    feature_version: str
    watermark_us: int | None
    age_s: float | None


class Reading(TypedDict):
    """The features of one entity at one time."""

    view: str
    key: Mapping[str, object]
    at_us: int
    values: Mapping[str, object]
    not_computed: Sequence[str]
    """Features whose values are null because they are out of range, or their function failed."""
    provenance: Provenance


class ModelFacts(TypedDict):
    """A model as the doors list it."""

    name: str
    stream: str
    version: str | None
    """None until a version is trained and active."""
    inputs: Sequence[str]


class Backend(Protocol):
    """The engine, seen from the doors."""

    def submit_predict(
        self, model: str, fields: Mapping[str, object], done: Callable[[Prediction | BaseException], None]
    ) -> None:
        """Queue one prediction.

        Args:
            model: A model of the app; the doors have checked that it exists.
            fields: The trigger stream's fields, already valid: str, int, float, bool, None; times and
                durations as int microseconds. The time field may be missing: then the prediction is
                made at the engine's own now (the wall clock when live, the newest event time of the
                trigger stream while replaying), and the answer says at which.
            done: Called once with the answer or the exception.
        """

    def read(self, view: str, key: Mapping[str, object], at_us: int | None = None) -> Reading:
        """Read one entity's features at a time; None: now, as above."""

    def append(
        self,
        stream: str,
        batch: "pa.RecordBatch",
        partition: int = 0,
        *,
        quarantined: "Sequence[Quarantined]" = (),
    ) -> tuple[int, int] | None:
        """Append valid rows and keep the refused ones with their reasons; durable on return.

        Returns:
            First and last offset, or None for an empty batch.
        """

    def models(self) -> Sequence[ModelFacts]:
        """List the models of the app with their active versions."""

    def status(self) -> Status:
        """Say how far the engine is."""

    def ready(self) -> tuple[bool, str]:
        """Say whether answers can be given, and if not, what is missing ("recovering", "warming up")."""
