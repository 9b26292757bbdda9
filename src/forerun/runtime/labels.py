"""The label join: predictions wait, by key, for the event that says how it turned out.

A label event at time u decides every waiting prediction of its key made at t with t <= u <= t + within.
What nobody decided is decided by `otherwise` once the label stream's watermark has passed t + within: from
then on an event inside the horizon would be too late to be accepted. So the outcome does not depend on how
the records were cut into steps, as long as they come in the order of the log.
"""

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress, pairwise
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

NONE = -1
"""Stands for the number of no prediction."""

FORGOTTEN = 1024
"""So many predictions that wait no longer are not worth going through the others."""


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
    # Every prediction that waits, and some that do no longer (their id is None), by number. These are columns
    # and not an object for each, which the garbage collector would have to visit again and again.
    _keys: list[str] = field(default_factory=list)
    _ids: list[str | None] = field(default_factory=list)
    _times_us: list[int] = field(default_factory=list)
    # By number, the prediction before it of the same key, or NONE; by key, its newest.
    _before: list[int] = field(default_factory=list)
    _newest: dict[str, int] = field(default_factory=dict)
    _pending: int = 0
    # Numbers in runs, each by falling event time, so that what ends next is at its end; a heap, by the event
    # time of that. Those decided meanwhile are skipped when they come up.
    _runs: list[tuple[int, int, list[int]]] = field(default_factory=list)
    _run: int = 0
    # Keys whose horizon ended, remembered for one more `within` so that a label after it is recognised.
    _ended: dict[str, int] = field(default_factory=dict)
    _ended_order: deque[tuple[int, str]] = field(default_factory=deque)

    @property
    def pending(self) -> int:
        """Predictions that wait."""
        return self._pending

    def waiting(self) -> set[str]:
        """Ids of the predictions that wait."""
        return {name for name in self._ids if name is not None}

    def predicted(self, key: str, prediction_id: str, time_us: int) -> None:
        """Let a prediction wait for its label.

        Args:
            key: The entity.
            prediction_id: The prediction.
            time_us: Its event time.
        """
        self.predicted_all([key], [prediction_id], [time_us])

    def predicted_all(
        self, keys: Sequence[str | None], prediction_ids: Sequence[str], times_us: Sequence[int]
    ) -> None:
        """Let many predictions wait, in order.

        Args:
            keys: The entity of each; those about no entity do not wait.
            prediction_ids: The id of each.
            times_us: The event time of each.
        """
        if None in keys:
            known = [key is not None for key in keys]
            prediction_ids, times_us = list(compress(prediction_ids, known)), list(compress(times_us, known))
        start, before, newest = len(self._keys), self._before, self._newest
        self._keys.extend(key for key in keys if key is not None)
        self._ids.extend(prediction_ids)
        self._times_us.extend(times_us)
        # By number: a slice would be a copy, and an iterator would go through all that wait before.
        for number in range(start, len(self._keys)):
            key = self._keys[number]
            before.append(newest.get(key, NONE))
            newest[key] = number
        run = sorted(range(start, len(self._keys)), key=self._times_us.__getitem__, reverse=True)
        self._pending += len(run)
        self._wait(run)

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
        ids, times_us = self._ids, self._times_us
        waiting = self._of(key)
        decided = [at for at in reversed(waiting) if times_us[at] <= time_us <= times_us[at] + self.within_us]
        if not decided:
            # Counted by event time alone: the same whether `passed` has been called in between or not.
            ends = [times_us[at] + self.within_us for at in waiting] + [self._ended.get(key, time_us)]
            after = any(end_us < time_us <= end_us + self.within_us for end_us in ends)
            self.counts.after_horizon += after
            self.counts.unmatched += not after
            return []
        decided.sort(key=lambda at: (times_us[at], ids[at]))
        outcomes = [Outcome(self._take(at), label, time_us, partition, offset) for at in decided]
        self._link(key, [at for at in waiting if ids[at] is not None])
        self.counts.joined += len(decided)
        self._tidy()
        return outcomes

    def passed(self, watermark_us: int | None) -> list[Outcome]:
        """Decide what no accepted event can decide any more.

        Args:
            watermark_us: Watermark of the label stream; None before its first event.

        Returns:
            The predictions that `otherwise` decides, in the order of their horizons' ends.
        """
        if watermark_us is None:
            return []
        ids, times_us, outcomes = self._ids, self._times_us, []
        passed: list[int] = []
        while self._runs and self._runs[0][0] + self.within_us < watermark_us:
            _, _, run = heapq.heappop(self._runs)
            while run and times_us[run[-1]] + self.within_us < watermark_us:
                passed.append(run.pop())
            self._wait(run)
        ended = [at for at in passed if ids[at] is not None]
        ended.sort(key=lambda at: (times_us[at], ids[at]))
        for at in ended:
            name, end_us, key = self._take(at), times_us[at] + self.within_us, self._keys[at]
            self._ended[key] = max(end_us, self._ended.get(key, end_us))
            self._ended_order.append((end_us, key))
            if self.otherwise is None:
                self.counts.expired += 1
            else:
                self.counts.timed_out += 1
                outcomes.append(Outcome(name, self.otherwise, end_us))
        self._tidy()
        while self._ended_order and self._ended_order[0][0] + self.within_us < watermark_us:
            end_us, key = self._ended_order.popleft()
            if self._ended.get(key) == end_us:
                del self._ended[key]
        return outcomes

    def save(self) -> pa.RecordBatch:
        """Everything that is needed to go on, in an order that depends on nothing but what it is."""
        alive = [name is not None for name in self._ids]
        kept = (list(compress(column, alive)) for column in (self._keys, self._times_us, self._ids))
        waiting = _rows(*kept).sort_by([(name, "ascending") for name in _SAVED.names])
        ended = sorted(self._ended.items())
        over = _rows([key for key, _ in ended], [end_us for _, end_us in ended], [None] * len(ended))
        counts = {f"counts.{name}": str(getattr(self.counts, name)) for name in LabelCounts.__slots__}
        columns = [pa.concat_arrays(parts) for parts in zip(waiting.columns, over.columns, strict=True)]
        return pa.record_batch(columns, schema=_SAVED.with_metadata(counts))

    def load(self, saved: pa.RecordBatch) -> None:
        """Go on from what `save` gave; the join must be new.

        Args:
            saved: The batch.
        """
        metadata = saved.schema.metadata or {}
        for name in LabelCounts.__slots__:
            setattr(self.counts, name, int(metadata[f"counts.{name}".encode()]))
        ended = saved.filter(pc.is_null(saved["prediction_id"]))
        waiting = saved.filter(pc.is_valid(saved["prediction_id"]))
        keys, times_us, ids = (_values(waiting[name]) for name in _SAVED.names)
        self.predicted_all(keys, ids, times_us)
        for key, end_us in zip(_values(ended["key"]), _values(ended["time_us"]), strict=True):
            self._ended[key] = end_us
        self._ended_order.extend(sorted((end_us, key) for key, end_us in self._ended.items()))

    def _wait(self, run: list[int]) -> None:
        """Remember when the first of a run ends."""
        if run:
            self._run += 1
            heapq.heappush(self._runs, (self._times_us[run[-1]], self._run, run))

    def _take(self, number: int) -> str:
        """The id of a prediction that waits, and from now on does not."""
        name = self._ids[number]
        assert name is not None, "a prediction decided twice"
        self._ids[number] = None
        self._pending -= 1
        return name

    def _of(self, key: str) -> list[int]:
        """The predictions of a key that wait, the newest first."""
        waiting, seen, number = [], 0, self._newest.get(key, NONE)
        while number != NONE:
            if self._ids[number] is not None:
                waiting.append(number)
            seen, number = seen + 1, self._before[number]
        if len(waiting) < seen:
            self._link(key, waiting)
        return waiting

    def _link(self, key: str, waiting: list[int]) -> None:
        """Forget those of a key that wait no longer."""
        if not waiting:
            del self._newest[key]
            return
        self._newest[key] = waiting[0]
        for number, before in pairwise((*waiting, NONE)):
            self._before[number] = before

    def _tidy(self) -> None:
        """Forget all that wait no longer, once they are the most."""
        if len(self._ids) <= 2 * self._pending + FORGOTTEN:
            return
        alive = [name is not None for name in self._ids]
        keys, times_us = list(compress(self._keys, alive)), list(compress(self._times_us, alive))
        ids = [name for name in self._ids if name is not None]
        for column in (self._keys, self._ids, self._times_us, self._before, self._newest, self._runs):
            column.clear()
        self._pending = 0
        self.predicted_all(keys, ids, times_us)


_FIELDS: dict[str, pa.DataType] = {"key": pa.string(), "time_us": pa.int64(), "prediction_id": pa.string()}
_SAVED = pa.schema(_FIELDS)


def _rows(*columns: Sequence[object]) -> pa.RecordBatch:
    return pa.record_batch(
        [pa.array(column, kind) for column, kind in zip(columns, _SAVED.types, strict=True)], schema=_SAVED
    )


def _values(column: "pa.Array[Any]") -> list[Any]:
    """To a list through numpy: Arrow would make a scalar for each value first."""
    values: list[Any] = column.to_numpy(zero_copy_only=False).tolist()
    return values
