"""The loop that takes a source through the processor: pacing, warm-up and training, progress."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from forerun.errors import TrainingTableError
from forerun.runtime.feed import Feed
from forerun.runtime.processor import Processor, Taken
from forerun.runtime.progress import DECISIONS_KEPT, Judge, Judged, Phase, Progress
from forerun.streams.source import Source, arrivals

PACE_US = 50_000
"""While paced, records that fall due within this time are taken together."""

RATE_US = 2_000_000
"""Rates are over the last so much time."""

RETRY_SHARE = 4
"""A training that had too few labels is tried again after a quarter of the warm-up."""


@dataclass(slots=True)
class Run:
    """One run of a source, from where the last one stopped.

    Args:
        processor: The state.
        feed: The source.
        source: For its length and span.
        train: Trains a model and lets it answer; told the model and whom to tell the progress.
        judge: Matches labels with scores for the live view; None when nobody looks.
        stop: When set, the step in hand is finished and the run ends; the next one goes on from there.
        speed: Event time per real time; None: as fast as it goes.
        until_us: Take only what arrived up to this instant; None: everything.
        on_progress: Told after every step, and while a model is fitted.
        after_step: Called after every step, when it is durable.
    """

    processor: Processor
    feed: Feed
    source: Source
    train: Callable[[str, Callable[[str], None]], str]
    judge: Judge | None
    stop: threading.Event
    speed: float | None = None
    until_us: int | None = None
    on_progress: Callable[[Progress], None] | None = None
    after_step: Callable[[], None] = lambda: None
    _start_us: int = 0
    _note: str | None = None
    # Where pacing counts from: (arrival, tick).
    _origin: tuple[int, int] | None = None
    # By model, the arrival after which its training is tried, once an attempt has failed.
    _postponed: dict[str, int] = field(default_factory=dict)
    # (tick, records taken, arrival) of the last moments.
    _marks: list[tuple[int, int, int]] = field(default_factory=list)
    _decided: list[dict[str, object]] = field(default_factory=list)

    def go(self) -> None:
        """Take everything there is; returns at the end of the source, at `until_us`, or when stopped."""
        self._start_us = self.processor.clock.tick_us()
        while not self.stop.is_set():
            due = self._due_trainings()
            barrier_us = min(due.values(), default=None)
            portion = self.feed.take(_earliest(barrier_us, self._paced_us(), self.until_us))
            if portion is not None:
                taken = self.processor.take(
                    portion.tables, place=portion.after, quarantined=portion.quarantined
                )
                self.after_step()
                if taken is not None:
                    self._tell(self._phase(), taken)
                continue
            if self.feed.ended:
                break
            next_us = self._next_arrival_us()
            if barrier_us is not None and self._has_passed(barrier_us, next_us):
                self._train([model for model, due_us in due.items() if due_us == barrier_us])
            elif self.until_us is not None and next_us > self.until_us:
                break
            else:
                self._wait(next_us)
        self._tell("done" if self.feed.ended else self._phase())

    def _due_trainings(self) -> dict[str, int]:
        """By model without a version, the arrival up to which it collects.

        The warm-up begins with the arrival of the trigger stream's first record. Steps end exactly where it
        ends, so a model learns from the same predictions whatever the size of steps, and after any crash.
        """
        due = {}
        for name, active in self.processor.models.items():
            model = self.processor.layout.models[name]
            first_us = self.processor.state.first_us[model.trigger]
            if active is not None:
                continue
            if first_us is None:
                table = self.feed.peek(self._paced_us()).get(model.spec.on.name)
                if table is None:
                    continue
                first_us = int(arrivals(table)[0])
            due_us = first_us + model.spec.warmup_us
            retry_us = max(model.spec.warmup_us // RETRY_SHARE, 1)
            # An attempt that lies in the past has failed, in this run or an earlier one: the next is due.
            now_us, failed_us = self.processor.state.arrival_us, self._postponed.get(name)
            earliest_us = max(due_us, now_us or due_us, due_us if failed_us is None else failed_us + 1)
            due[name] = due_us + -(-(earliest_us - due_us) // retry_us) * retry_us
        return due

    def _has_passed(self, barrier_us: int, next_us: int) -> bool:
        """Whether the warm-up is over, so that nothing of it can come any more.

        While this run is to end inside of it, it is not, whatever comes next: events may be appended.
        """
        return barrier_us < next_us and (self.until_us is None or barrier_us <= self.until_us)

    def _train(self, models: list[str]) -> None:
        for name in models:
            try:
                version = self.train(name, lambda text: self._say("train", text))
            except TrainingTableError as exc:
                self._postponed[name] = self._due_trainings()[name]
                self._note = f"{name} is not trained yet: {exc.message}"
            else:
                self._note = f"{name} {version} answers"
        self._origin = None
        self._marks.clear()
        self._tell(self._phase())

    def _paced_us(self) -> int | None:
        """Up to which arrival records are due; None: all are."""
        if self.speed is None:
            return None
        tick_us = self.processor.clock.tick_us()
        if self._origin is None:
            tables = self.feed.peek()
            if not tables:
                return None
            self._origin = (self._next_arrival_us(), tick_us)
        arrival_us, start_us = self._origin
        return arrival_us + round((tick_us - start_us) * self.speed)

    def _next_arrival_us(self) -> int:
        """Arrival of the next record of the feed, which has one."""
        return min(int(arrivals(table)[0]) for table in self.feed.peek(self.processor.arrival_us).values())

    def _wait(self, next_us: int) -> None:
        """Let time pass until the next record is due."""
        paced_us = self._paced_us()
        if self.speed is not None and paced_us is not None:
            self.processor.clock.wait(max(round((next_us - paced_us) / self.speed), PACE_US), self.stop)

    def _phase(self) -> Phase:
        return "collect" if None in self.processor.models.values() else "serve"

    def _say(self, phase: Phase, note: str) -> None:
        self._note = note
        self._tell(phase)

    def _tell(self, phase: Phase, taken: Taken | None = None) -> None:
        if self.on_progress is None:
            return
        judged: dict[str, Judged] = {}
        latency_us: list[int] = []
        if taken is not None:
            judged = {} if self.judge is None else self.judge.judge(taken)
            latency_us = [taken.latency_us] * sum(
                made.batch.num_rows for made in taken.effects.predictions.values()
            )
            newest = [
                row
                for decisions in taken.effects.decisions.values()
                for row in decisions.slice(max(decisions.num_rows - DECISIONS_KEPT, 0)).to_pylist()
            ]
            self._decided = [*reversed(newest), *self._decided][:DECISIONS_KEPT]
        state, tick_us = self.processor.state, self.processor.clock.tick_us()
        self._marks = [mark for mark in self._marks if tick_us - mark[0] <= RATE_US]
        self._marks.append((tick_us, state.consumed, state.arrival_us or 0))
        begun_us, consumed, arrival_us = self._marks[0]
        passed_us = tick_us - begun_us
        self.on_progress(
            Progress(
                phase=phase,
                note=self._note,
                done=state.consumed,
                total=getattr(self.source, "total_events", None),
                span_us=getattr(self.source, "span_us", None),
                now_us=state.arrival_us,
                elapsed_us=tick_us - self._start_us,
                events_per_s=(state.consumed - consumed) * 1e6 / passed_us if passed_us else 0.0,
                speed=((state.arrival_us or 0) - arrival_us) / passed_us if passed_us else None,
                latency_us=latency_us,
                judged=judged,
                decided=self._decided,
            )
        )


def _earliest(*instants_us: int | None) -> int | None:
    """The earliest of some limits; None is no limit."""
    return min((instant for instant in instants_us if instant is not None), default=None)
