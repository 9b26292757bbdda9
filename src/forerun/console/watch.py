"""Turns what a run tells into what the live view shows."""

import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from forerun.console.facts import DecisionFacts, LiveFacts, QualityFacts, StreamFacts
from forerun.console.format import brief, count, since_1970_us
from forerun.monitoring.quality import Quality
from forerun.monitoring.rolling import RollingNumbers, RollingQuality
from forerun.monitoring.status import Status
from forerun.runtime.history import History
from forerun.runtime.progress import Judged, Progress

if TYPE_CHECKING:
    from forerun.runtime.app import App
    from forerun.streams.source import Source

HISTORY_POINTS = 160
"""Points of the chart over the whole source."""

LATENCIES = 20_000
"""Latest predictions whose latencies are summed up."""

ROWS = 10_000
"""Labels that the rolling figures rest on: an AUC to about a hundredth."""

STATUS_EVERY_US = 200_000
"""Wall time between two looks at the engine's counts; a step takes as long or is shorter."""

SCORERS = ("streaming", "static", "base rate")


class Watch:
    """Keeps the rolling figures of one run.

    Args:
        app: The app; its first model is the one whose quality is shown.
        address: Where HTTP listens; None: nowhere.
        base_rate: Base rate of the table that a model's version was trained on, by model and version.
        speed: Event time per real time that was asked for; None: as fast as it goes.

    Attributes:
        stopping: Set when somebody asked the run to stop.

    >>> from forerun.runtime.app import App
    >>> watch = Watch(App("shop"), address=None, base_rate=lambda model, version: None)
    >>> watch.heard(Progress(phase="done", total=40), lambda: Status(app="shop", app_version="9c"))
    >>> watch.facts().done
    1.0
    """

    def __init__(
        self,
        app: "App",
        *,
        address: str | None,
        base_rate: Callable[[str, str], float | None],
        speed: float | None = None,
    ) -> None:
        self._app = app.name
        self._model = next(iter(app.models), None)
        self._freshness = {spec.name: spec.freshness_us for spec in app.streams.values()}
        self._address = address
        self._base_rate = base_rate
        self._speed = speed
        self._rolling = RollingQuality(rows=ROWS)
        self._numbers: RollingNumbers | None = None
        self._history: list[tuple[float | None, ...]] = []
        self._latency_us: deque[int] = deque(maxlen=LATENCIES)
        self._progress = Progress(phase="collect")
        self._rate: tuple[str, float | None] = ("", None)
        self.stopping = False
        self._status: Status | None = None
        self._seen_us = 0
        self._clock_us: int | None = None
        # The run tells from its own thread, the screen asks from another.
        self._lock = threading.Lock()

    def begin(self, status: Status, source: "Source | None") -> None:
        """Take in where the run begins, which is where the last one stopped.

        Args:
            status: The engine's counts now.
            source: What will be taken; None: what HTTP brings.
        """
        versions = [one.version for one in status.models]
        highs = [one.arrival_high_us for one in status.streams if one.arrival_high_us is not None]
        self._progress = Progress(
            phase="collect" if None in versions else "serve",
            note="events and requests come over HTTP" if source is None else None,
            done=sum(one.consumed for one in status.streams),
            total=getattr(source, "total_events", None),
            span_us=getattr(source, "span_us", None),
            now_us=max(highs, default=None),
        )
        self.saw(status)

    def heard(self, progress: Progress, status: Callable[[], Status]) -> None:
        """Take in one moment of the run, between two steps; cheap, for it is called after every one.

        Args:
            progress: The moment.
            status: Asks for the engine's counts, which are whole between steps only.
        """
        due = progress.phase != self._progress.phase or progress.elapsed_us - self._seen_us >= STATUS_EVERY_US
        if due or self._status is None:
            self.saw(status())
            self._seen_us = progress.elapsed_us
        judged = None if self._model is None else progress.judged.get(self._model)
        with self._lock:
            self._progress = progress
            self._latency_us.extend(progress.latency_us[-LATENCIES:])
            if judged is not None:
                self._judge(judged)

    def saw(self, status: Status, now_us: int | None = None) -> None:
        """Take in the engine's counts.

        Args:
            status: The counts.
            now_us: The engine's clock; None: that of the events.
        """
        with self._lock:
            self._status = status
            self._clock_us = now_us

    def remember(self, history: History, status: Status) -> None:
        """Take in the labels of earlier runs, so that a run that goes on does not begin at nothing.

        Args:
            history: The log so far.
            status: The engine's counts now.
        """
        if self._model is None:
            return
        self._measure(self._version(status))
        table = history.labelled(self._model, columns=["event_time", "score", "baseline"])
        table = table.filter(table["label"].is_valid()).sort_by("label_time")
        table = table.slice(max(len(table) - self._rolling.rows, 0))
        columns = [table[name].cast(pa.float64()).to_numpy() for name in ("label", "score", "baseline")]
        self._judge(Judged(table["event_time"].cast(pa.int64()).to_numpy(), *columns))

    @property
    def ended(self) -> bool:
        """Whether the source has been taken to its end."""
        return self._progress.phase == "done"

    def facts(self) -> LiveFacts:
        """Everything to show now."""
        with self._lock:
            return self._facts(self._status or Status(app=self._app, app_version=""))

    def _facts(self, status: Status) -> LiveFacts:
        progress = self._progress
        version = self._version(status)
        self._measure(version)
        consumed = sum(one.consumed for one in status.streams)
        done = None if not progress.total else min(consumed / progress.total, 1.0)
        if progress.phase == "done":
            done = 1.0
        self._extend(done)
        made = [
            found for one in status.models for grades in one.predictions.values() for found in grades.values()
        ]
        return LiveFacts(
            app=self._app,
            phase=progress.phase,
            model=self._model,
            model_version=version,
            address=self._address,
            done=done,
            eta_us=self._eta_us(consumed),
            elapsed_us=progress.elapsed_us,
            now_us=self._now_us(status),
            rate_per_s=progress.events_per_s or None,
            speed=progress.speed,
            streams=tuple(self._streams(status)),
            predictions=sum(made),
            pending=sum(one.labels_pending for one in status.models),
            joined=sum(one.labels_joined for one in status.models),
            expired=sum(one.labels_expired for one in status.models),
            decisions=sum(status.decisions.values()),
            latency_p50_us=self._latency(0.5),
            latency_p99_us=self._latency(0.99),
            quality=self._quality(),
            quality_window=0 if self._numbers is None else self._numbers.model.n,
            history=tuple(self._history),
            last_decisions=tuple(self._decisions()),
            details=(
                ("entities", count(sum(status.entities.values()))),
                ("commit", brief(_mean_us(status))),
                ("outbox waiting", count(status.outbox_pending)),
                ("journal step", count(status.journal_step)),
            ),
            note=progress.note,
            stopping=self.stopping,
        )

    def _version(self, status: Status) -> str | None:
        return next((one.version for one in status.models if one.name == self._model), None)

    def _judge(self, judged: Judged) -> None:
        """Add labelled predictions to the rolling window."""
        rate = self._rate[1]
        self._rolling.add(
            judged.time_us,
            judged.label,
            judged.score,
            static=judged.baseline,
            base=np.nan if rate is None else rate,
        )
        self._numbers = None

    def _measure(self, version: str | None) -> None:
        """Bring the rolling figures up to date, if labels came since the last time."""
        if self._model is not None and version is not None and self._rate[0] != version:
            self._rate = (version, self._base_rate(self._model, version))
        if self._numbers is None:
            self._numbers = self._rolling.numbers()

    def _quality(self) -> tuple[QualityFacts, ...]:
        numbers = self._numbers
        if numbers is None or not numbers.model.n:
            return ()
        found = zip(SCORERS, (numbers.model, numbers.static, numbers.base), strict=True)
        return tuple(QualityFacts(name, one.auc, one.log_loss) for name, one in found if one is not None)

    def _extend(self, done: float | None) -> None:
        """One point of the chart for each share of the source, whatever the speed."""
        quality: list[Quality | None] = []
        if self._numbers is not None and self._numbers.model.n:
            quality = [self._numbers.model, self._numbers.static]
        point = tuple(None if one is None else one.auc for one in quality) or (None, None)
        if done is not None:
            wanted = int(done * HISTORY_POINTS) + 1
            # A step may be longer than a point; what lies before this run is not known.
            skipped = point if self._history else (None, None)
            self._history += [skipped] * (wanted - 1 - len(self._history))
            self._history = [*self._history[: wanted - 1], point]

    def _now_us(self, status: Status) -> int | None:
        """The clock of the events: the counts may be a step ahead of what was told last."""
        known = [self._clock_us, self._progress.now_us, *(one.arrival_high_us for one in status.streams)]
        return max((at_us for at_us in known if at_us is not None), default=None)

    def _eta_us(self, consumed: int) -> int | None:
        """Wall time left: by the clock of the events when paced, by the number of events when not."""
        progress = self._progress
        if progress.phase in ("train", "done"):
            return None
        if self._speed is not None and progress.span_us is not None and progress.now_us is not None:
            return max(round((progress.span_us[1] - progress.now_us) / self._speed), 0)
        if progress.total is None or not progress.events_per_s:
            return None
        return round((progress.total - consumed) / progress.events_per_s * 1e6)

    def _streams(self, status: Status) -> list[StreamFacts]:
        now_us = self._now_us(status)
        return [
            StreamFacts(
                name=one.name,
                applied=one.applied,
                lag_us=_behind(now_us, one.watermark_us),
                age_us=_behind(now_us, one.event_time_high_us),
                freshness_us=self._freshness.get(one.name),
                late=one.late,
                quarantined=one.invalid + one.early + one.quarantined,
                duplicates=one.duplicate,
            )
            for one in status.streams
        ]

    def _decisions(self) -> list[DecisionFacts]:
        return [
            DecisionFacts(
                at_us=since_1970_us(row["event_time"]) if isinstance(row["event_time"], datetime) else 0,
                key=str(row["key"]),
                rule=str(row["topic"]),
                score=row["score"] if isinstance(row["score"], float) else None,
            )
            for row in self._progress.decided
        ]

    def _latency(self, share: float) -> int | None:
        return int(np.quantile(self._latency_us, share)) if self._latency_us else None


def _behind(now_us: int | None, at_us: int | None) -> int | None:
    """How far an instant lies in the past."""
    return None if now_us is None or at_us is None else max(now_us - at_us, 0)


def _mean_us(status: Status) -> int | None:
    """Mean time of a commit."""
    commits = status.commit.count
    return round(status.commit.sum_s / commits * 1e6) if commits else None
