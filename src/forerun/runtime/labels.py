"""The label join: predictions wait, by key, for the event that says how it turned out.

A label event at time u decides every waiting prediction of its key made at t with t <= u <= t + within.
What nobody decided is decided by `otherwise` once the label stream's watermark has passed t + within: from
then on an event inside the horizon would be too late to be accepted. So the outcome does not depend on how
the records were cut into steps, as long as they come in the order of the log.
"""

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa


@dataclass(slots=True)
class LabelCounts:
    """How the predictions of one model fared.

    >>> LabelCounts(joined=2).joined
    2
    """

    joined: int = 0
    """Decided by an event."""
    timed_out: int = 0
    """Decided by `otherwise` at the end of the horizon."""
    expired: int = 0
    """The horizon ended and the app declares no `otherwise`: never labelled."""
    after_horizon: int = 0
    """Label events up to one `within` after the end of the horizon of their key's prediction."""
    unmatched: int = 0
    """Label events of keys that no prediction was waiting for."""
    empty: int = 0
    """Label events whose label is null."""


class Outcome(NamedTuple):
    """One prediction decided.

    Args:
        prediction_id: The prediction.
        label: What happened, as a number; booleans are 0 and 1.
        label_time_us: Event time of the label event, or the end of the horizon.
        partition: Partition of the label event; None for a timeout.
        offset: Its offset; None for a timeout.
    """

    prediction_id: str
    label: float
    label_time_us: int
    partition: int | None = None
    offset: int | None = None


@dataclass(slots=True)
class LabelJoin:
    """The waiting predictions of one model.

    Args:
        within_us: Length of the horizon.
        otherwise: Label when nothing came in time; None: none is given.

    >>> join = LabelJoin(within_us=100, otherwise=1.0)
    >>> join.predicted("UA1", "p1", 0)
    >>> join.predicted("UA2", "p2", 0)
    >>> join.labelled("UA1", 0.0, 60, partition=0, offset=7)
    [Outcome(prediction_id='p1', label=0.0, label_time_us=60, partition=0, offset=7)]
    >>> join.passed(100)
    []
    >>> join.passed(101)
    [Outcome(prediction_id='p2', label=1.0, label_time_us=100, partition=None, offset=None)]
    """

    within_us: int
    otherwise: float | None
    counts: LabelCounts = field(default_factory=LabelCounts)
    # By key, in the order they were made: (event time, prediction id). Dictionaries, not lists: a hot key has
    # tens of thousands of them, and each leaves on its own when its horizon ends.
    _waiting: dict[str, dict[tuple[int, str], None]] = field(default_factory=dict)
    _pending: int = 0
    # (end of horizon, prediction id, key); those decided meanwhile are skipped when they come up.
    _ends: list[tuple[int, str, str]] = field(default_factory=list)
    # Keys whose horizon ended, remembered for one more `within` so that a label after it is recognised.
    _ended: dict[str, int] = field(default_factory=dict)
    _ended_order: deque[tuple[int, str]] = field(default_factory=deque)

    @property
    def pending(self) -> int:
        """Predictions that wait."""
        return self._pending

    def waiting(self) -> set[str]:
        """Ids of the predictions that wait."""
        return {name for entries in self._waiting.values() for _, name in entries}

    def predicted(self, key: str, prediction_id: str, time_us: int) -> None:
        """Let a prediction wait for its label.

        Args:
            key: The entity.
            prediction_id: The prediction.
            time_us: Its event time.
        """
        self.predicted_all([(key, prediction_id, time_us)])

    def predicted_all(self, made: Iterable[tuple[str | None, str, int]]) -> None:
        """Let many predictions wait, in order.

        Args:
            made: Of each its entity, its id and its event time; those about no entity do not wait.
        """
        waiting, ends, within_us, count = self._waiting, self._ends, self.within_us, 0
        for key, prediction_id, time_us in made:
            if key is None:
                continue
            own = waiting.get(key)
            if own is None:
                waiting[key] = {(time_us, prediction_id): None}
            else:
                own[time_us, prediction_id] = None
            heapq.heappush(ends, (time_us + within_us, prediction_id, key))
            count += 1
        self._pending += count

    def labelled(
        self, key: str, label: float | None, time_us: int, *, partition: int, offset: int
    ) -> list[Outcome]:
        """Take an accepted label event.

        Args:
            key: The entity.
            label: Value of the label expression; a null decides nothing.
            time_us: Its event time.
            partition: Where the event is in the log.
            offset: Where the event is in the log.

        Returns:
            The predictions it decides.
        """
        if label is None:
            self.counts.empty += 1
            return []
        waiting = self._waiting.get(key, {})
        decided = sorted(entry for entry in waiting if entry[0] <= time_us <= entry[0] + self.within_us)
        if not decided:
            # Counted by event time alone: the same whether `passed` has been called in between or not.
            ends = [made_us + self.within_us for made_us, _ in waiting] + [self._ended.get(key, time_us)]
            after = any(end_us < time_us <= end_us + self.within_us for end_us in ends)
            self.counts.after_horizon += after
            self.counts.unmatched += not after
            return []
        if len(decided) == len(waiting):
            del self._waiting[key]
        else:
            for entry in decided:
                del waiting[entry]
        self._pending -= len(decided)
        self.counts.joined += len(decided)
        return [Outcome(name, label, time_us, partition, offset) for _, name in decided]

    def passed(self, watermark_us: int | None) -> list[Outcome]:
        """Decide what no accepted event can decide any more.

        Args:
            watermark_us: Watermark of the label stream; None before its first event.

        Returns:
            The predictions that `otherwise` decides, in the order of their horizons' ends.
        """
        if watermark_us is None:
            return []
        outcomes = []
        while self._ends and self._ends[0][0] < watermark_us:
            end_us, name, key = heapq.heappop(self._ends)
            if not self._forget(key, name, end_us):
                continue
            self._ended[key] = max(end_us, self._ended.get(key, end_us))
            self._ended_order.append((end_us, key))
            if self.otherwise is None:
                self.counts.expired += 1
            else:
                self.counts.timed_out += 1
                outcomes.append(Outcome(name, self.otherwise, end_us))
        while self._ended_order and self._ended_order[0][0] + self.within_us < watermark_us:
            end_us, key = self._ended_order.popleft()
            if self._ended.get(key) == end_us:
                del self._ended[key]
        return outcomes

    def save(self) -> pa.RecordBatch:
        """Everything that is needed to go on, in an order that depends on nothing but what it is."""
        waiting = [
            (key, made_us, name) for key, entries in self._waiting.items() for made_us, name in entries
        ]
        rows = [*sorted(waiting), *((key, end_us, None) for key, end_us in sorted(self._ended.items()))]
        counts = {f"counts.{name}": str(getattr(self.counts, name)) for name in LabelCounts.__slots__}
        keys, times, names = zip(*rows, strict=True) if rows else ((), (), ())
        return pa.record_batch(
            [pa.array(keys, pa.string()), pa.array(times, pa.int64()), pa.array(names, pa.string())],
            schema=_SAVED.with_metadata(counts),
        )

    def load(self, saved: pa.RecordBatch) -> None:
        """Go on from what `save` gave; the join must be new.

        Args:
            saved: The batch.
        """
        metadata = saved.schema.metadata or {}
        for name in LabelCounts.__slots__:
            setattr(self.counts, name, int(metadata[f"counts.{name}".encode()]))
        ended, waiting = [], []
        for key, time_us, name in zip(*(column.to_pylist() for column in saved.columns), strict=True):
            if name is None:
                self._ended[key] = time_us
                ended.append((time_us, key))
            else:
                waiting.append((key, name, time_us))
        self.predicted_all(waiting)
        self._ended_order.extend(sorted(ended))

    def _forget(self, key: str, name: str, end_us: int) -> bool:
        """Take one prediction off the waiting ones; False when an event has decided it before."""
        waiting = self._waiting.get(key)
        entry = (end_us - self.within_us, name)
        if waiting is None or entry not in waiting:
            return False
        if len(waiting) == 1:
            del self._waiting[key]
        else:
            del waiting[entry]
        self._pending -= 1
        return True


_FIELDS: dict[str, pa.DataType] = {"key": pa.string(), "time_us": pa.int64(), "prediction_id": pa.string()}
_SAVED = pa.schema(_FIELDS)
