"""`FakeBackend`: an engine that computes nothing, to test what stands before one. Not for serving."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from forerun.monitoring.status import Status
from forerun.serving.backend import ModelFacts, Prediction, Reading

if TYPE_CHECKING:
    import pyarrow as pa

    from forerun.events.decode import Quarantined

EVENT_TIME_US = 1_357_034_400_000_000
"""The fake's now: 2013-01-01T10:00:00Z."""


class FakeBackend:
    """Answers every prediction with a score of 0.5 and remembers what it was asked.

    Args:
        hold: Keep predictions until `commit`, as an engine does while its group is being written.

    >>> backend, answers = FakeBackend(hold=True), []
    >>> backend.submit_predict("LateArrival", {"origin": "JFK"}, answers.append)
    >>> len(answers), backend.commit(), answers[0]["score"]
    (0, 1, 0.5)
    """

    def __init__(self, *, hold: bool = False) -> None:
        self.hold = hold
        self.missing = ""
        """What readiness lacks; empty: ready."""
        self.failure: BaseException | None = None
        """What every call meets instead of an answer."""
        self.closed: BaseException | None = None
        """What `submit_predict` raises instead of taking the request."""
        self.asked: list[tuple[str, Mapping[str, object]]] = []
        self.read_keys: list[tuple[str, Mapping[str, object], int | None]] = []
        self.appended: list[tuple[str, pa.RecordBatch]] = []
        self.quarantined: list[Quarantined] = []
        self._held: deque[tuple[Prediction, Callable[[Prediction | BaseException], None]]] = deque()
        self._made = 0

    def submit_predict(
        self, model: str, fields: Mapping[str, object], done: Callable[[Prediction | BaseException], None]
    ) -> None:
        """Answer at once, or at `commit` when holding."""
        if self.closed is not None:
            raise self.closed
        self.asked.append((model, fields))
        self._made += 1
        prediction = Prediction(
            prediction_id=f"{self._made:032x}",
            model=model,
            model_version="3f2a",
            app_version="9c1d",
            feature_version="77ab",
            score=0.5,
            grade="fresh",
            reason=None,
            decisions=[],
            event_time_us=EVENT_TIME_US,
            age_us=1_500,
            latency_us=100,
        )
        if self.hold:
            self._held.append((prediction, done))
        else:
            done(prediction if self.failure is None else self.failure)

    def commit(self) -> int:
        """Answer what is held, oldest first.

        Returns:
            How many were answered.
        """
        count = len(self._held)
        for _ in range(count):
            prediction, done = self._held.popleft()
            done(prediction if self.failure is None else self.failure)
        return count

    @property
    def held(self) -> int:
        """How many predictions wait for `commit`."""
        return len(self._held)

    def read(self, view: str, key: Mapping[str, object], at_us: int | None = None) -> Reading:
        """Answer with no values, as for an entity never seen."""
        self._fail()
        self.read_keys.append((view, key, at_us))
        return Reading(
            view=view,
            key=key,
            at_us=EVENT_TIME_US if at_us is None else at_us,
            values={},
            not_computed=[],
            provenance={
                "event_time_high_us": None,
                "partition": None,
                "offset": None,
                "feature_version": "77ab",
                "watermark_us": None,
                "age_s": None,
            },
        )

    def append(
        self,
        stream: str,
        batch: "pa.RecordBatch",
        partition: int = 0,  # noqa: ARG002  # the fake has one
        *,
        quarantined: "Sequence[Quarantined]" = (),
    ) -> tuple[int, int] | None:
        """Remember the rows and number them from 0 per stream."""
        self._fail()
        first = sum(known.num_rows for name, known in self.appended if name == stream)
        self.quarantined.extend(quarantined)
        if not batch.num_rows:
            return None
        self.appended.append((stream, batch))
        return first, first + batch.num_rows - 1

    def models(self) -> Sequence[ModelFacts]:
        """List nothing."""
        self._fail()
        return []

    def status(self) -> Status:
        """Report an engine that has done nothing."""
        self._fail()
        return Status(app="fake", app_version="9c1d")

    def ready(self) -> tuple[bool, str]:
        """Be ready unless `missing` says otherwise."""
        return not self.missing, self.missing

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure
