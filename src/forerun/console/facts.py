"""What the live view shows, as plain values: any engine, or a test, can fill it in."""

from dataclasses import dataclass, field
from typing import Literal

Phase = Literal["collect", "train", "serve", "done"]


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """One stream, as far as it has been read.

    Args:
        name: The stream's declared name.
        applied: Events that entered the features.
        lag_us: How far the watermark is behind the clock of the events; `None` before the first event.
        age_us: Age of the newest event on the clock of the events.
        freshness_us: The age the app promised not to exceed; `None` when it promised nothing.
        late: Events older than the watermark when they came.
        quarantined: Invalid and early events.
        duplicates: Events whose id had been seen.
    """

    name: str
    applied: int
    lag_us: int | None = None
    age_us: int | None = None
    freshness_us: int | None = None
    late: int = 0
    quarantined: int = 0
    duplicates: int = 0


@dataclass(frozen=True, slots=True)
class QualityFacts:
    """How well one scorer did on the labels of the rolling window; `None` while there are too few."""

    name: str
    auc: float | None = None
    log_loss: float | None = None


@dataclass(frozen=True, slots=True)
class DecisionFacts:
    """One decision that went out."""

    at_us: int
    key: str
    rule: str
    score: float | None


@dataclass(frozen=True, slots=True)
class LiveFacts:
    """Everything on the live view at one moment.

    Args:
        app: Name of the app.
        phase: What is going on.
        model: Name of the model on view.
        model_version: Version that scores; `None` before the first is trained.
        address: Where HTTP listens; `None` with `--no-http`.
        done: Share of the source that has been read, 0 to 1; `None` when its length is unknown.
        eta_us: Wall time left at the present rate.
        elapsed_us: Wall time since the command began.
        now_us: Clock of the events: the newest arrival.
        rate_per_s: Events per second of wall time, over the last moments.
        speed: Event time passed per wall time, over the last moments.
        streams: One entry a stream, in declared order.
        predictions: Predictions made, scored or not.
        pending: Predictions that wait for their label.
        joined: Predictions whose label is known, by an event or by the declared `otherwise`.
        expired: Predictions given up: nothing came in time and the app declared no `otherwise`.
        decisions: Decisions made.
        latency_p50_us: Median time from reading the vector to the score.
        latency_p99_us: The 99th percentile of the same.
        quality: The model first, then the baselines.
        quality_window: Number of labels the rolling figures rest on.
        history: Rolling AUC so far per scorer, oldest first, same order as `quality`.
        last_decisions: Newest first.
        details: More names and values, shown where there is room.
        stopping: Whether somebody asked the run to stop after this step.
        note: What happened last that deserves a line ("trained on 66,000 rows in 9 s").
    """

    app: str
    phase: Phase
    model: str | None = None
    model_version: str | None = None
    address: str | None = None
    done: float | None = None
    eta_us: int | None = None
    elapsed_us: int = 0
    now_us: int | None = None
    rate_per_s: float | None = None
    speed: float | None = None
    streams: tuple[StreamFacts, ...] = ()
    predictions: int = 0
    pending: int = 0
    joined: int = 0
    expired: int = 0
    decisions: int = 0
    latency_p50_us: int | None = None
    latency_p99_us: int | None = None
    quality: tuple[QualityFacts, ...] = ()
    quality_window: int = 0
    history: tuple[tuple[float | None, ...], ...] = field(default=())
    last_decisions: tuple[DecisionFacts, ...] = ()
    details: tuple[tuple[str, str], ...] = ()
    note: str | None = None
    stopping: bool = False
