"""What the report shows, as plain values: gathered from a data directory, or made up by a test."""

from dataclasses import dataclass

from forerun.monitoring.calibration import Bin
from forerun.monitoring.status import StreamStatus


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the ends of its 95 % confidence interval.

    >>> Interval(0.7, 0.68, 0.72).low
    0.68
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Scorer:
    """One scorer on all labelled predictions: the model or a baseline."""

    name: str
    auc: Interval | None
    log_loss: float | None


@dataclass(frozen=True, slots=True)
class Period:
    """One month, week or day of labelled predictions.

    Args:
        name: Its first day, or year and month: `2013-08`.
        labelled: Scored predictions made in it whose label is known.
        base_rate: Share of them with a true label.
        auc: Per scorer, in the order of `ModelFacts.scorers`; `None` when all labels are the same.
    """

    name: str
    labelled: int
    base_rate: Interval
    auc: tuple[Interval | None, ...]


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """One rule's decisions and what became of the ones whose label is known."""

    name: str
    made: int
    labelled: int
    true: int


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Everything the report says of one model.

    Args:
        name: Name of the model.
        question: First line of its docstring.
        version: The version active at the end; `None` when none was trained.
        predictions: Predictions logged.
        scored: Those with a score.
        joined: Those whose label came as an event.
        timed_out: Those labelled by the declared `otherwise`.
        expired: Those given up without a label.
        pending: Those still waiting.
        scorers: The model first, then the baselines.
        period: What a period is: `month`, `week` or `day`.
        periods: In order.
        calibration: In order of score.
        scores: Histogram of all scores.
        latency_us: Histogram of the time from vector to score, as (low, high, count) in microseconds.
        latency_p50_us: Median of the same.
        latency_p99_us: 99th percentile of the same.
        rules: What was decided on this model's scores.
        card: Facts of the version, as name and value.
    """

    name: str
    question: str
    version: str | None
    predictions: int
    scored: int
    joined: int
    timed_out: int
    expired: int
    pending: int
    scorers: tuple[Scorer, ...] = ()
    period: str = "month"
    periods: tuple[Period, ...] = ()
    calibration: tuple[Bin, ...] = ()
    scores: tuple[tuple[float, float, int], ...] = ()
    latency_us: tuple[tuple[float, float, int], ...] = ()
    latency_p50_us: int | None = None
    latency_p99_us: int | None = None
    rules: tuple[RuleFacts, ...] = ()
    card: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """Everything in the report.

    Args:
        app: Name of the app.
        made_at_us: When the report was made.
        first_us: Event time of the first prediction; `None` without any.
        last_us: Event time of the last one.
        models: One entry a model.
        streams: One entry a stream, with the counts that must add up.
        versions: Names and versions of what took part: app, views, forerun.
        reproduce: Commands that make the same figures again.
    """

    app: str
    made_at_us: int
    first_us: int | None
    last_us: int | None
    models: tuple[ModelFacts, ...]
    streams: tuple[StreamStatus, ...]
    versions: tuple[tuple[str, str], ...]
    reproduce: tuple[str, ...]
