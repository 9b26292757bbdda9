"""Prometheus metrics: what an engine's `Status` and the HTTP doors' counts say, at the instant of a scrape.

Nothing is counted twice: the engine keeps its counts for itself, and a scrape reads them. An event and a
prediction therefore cost the metrics nothing.
"""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from forerun.monitoring.status import Status, StreamStatus
from forerun.monitoring.timing import Stopwatch, Timing

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
OUTCOMES = ("applied", "invalid", "early", "late", "duplicate", "quarantined")


class DoorCounts:
    """What the HTTP doors count. Their event loop writes; a scrape reads.

    >>> counts = DoorCounts()
    >>> counts.answered("/v1/status", 200, 0.004)
    >>> counts.denied("no key")
    >>> counts.requests["/v1/status", 200].read().count, counts.denials
    (1, {'no key': 1})
    """

    def __init__(self) -> None:
        self.requests: dict[tuple[str, int], Stopwatch] = {}
        self.denials: dict[str, int] = {}
        self.in_flight = 0

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count one answer. `route` is one of the declared ones, so that callers cannot make new series."""
        watch = self.requests.get((route, status))
        if watch is None:
            watch = self.requests[route, status] = Stopwatch()
        watch.observe(seconds)

    def denied(self, reason: str) -> None:
        """Count one request that was refused for who asked."""
        self.denials[reason] = self.denials.get(reason, 0) + 1


class Metrics:
    """The metrics of one engine and its doors, in a registry of their own.

    Args:
        status: Asked once for each scrape.
        doors: The doors' counts.
        version: forerun's version, for `forerun_build_info`.

    >>> metrics = Metrics(lambda: Status(app="flights", app_version="9c1d"), DoorCounts(), "0.1.0")
    >>> b'forerun_build_info{app="flights",app_version="9c1d",version="0.1.0"} 1.0' in metrics.text()
    True
    """

    def __init__(self, status: Callable[[], Status], doors: DoorCounts, version: str) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Scrape(status, doors, version))
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """Write all of them in Prometheus's text format."""
        return generate_latest(self._registry)


class _Scrape(Collector):
    def __init__(self, status: Callable[[], Status], doors: DoorCounts, version: str) -> None:
        self._status = status
        self._doors = doors
        self._version = version

    def describe(self) -> Iterable[Metric]:
        """Name nothing in advance, so that registering does not ask the engine."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Read everything once."""
        status = self._status()
        build = GaugeMetricFamily(
            "forerun_build_info", "What runs.", labels=["version", "app", "app_version"]
        )
        build.add_metric([self._version, status.app, status.app_version], 1)
        yield build
        yield from _streams(status.streams)
        yield from _models(status)
        yield from _engine(status)
        yield from _doors(self._doors)


def _streams(streams: Iterable[StreamStatus]) -> Iterator[Metric]:
    events = CounterMetricFamily(
        "forerun_events", "Events by what became of them.", labels=["stream", "outcome"]
    )
    lag = GaugeMetricFamily(
        "forerun_watermark_lag_seconds", "Newest arrival minus the watermark.", labels=["stream"]
    )
    watermark = GaugeMetricFamily(
        "forerun_watermark_timestamp_seconds", "The watermark, as an event time.", labels=["stream"]
    )
    newest = GaugeMetricFamily(
        "forerun_event_timestamp_seconds", "Event time of the newest event applied.", labels=["stream"]
    )
    for stream in streams:
        for outcome in OUTCOMES:
            events.add_metric([stream.name, outcome], getattr(stream, outcome))
        if stream.watermark_us is not None:
            watermark.add_metric([stream.name], stream.watermark_us / 1e6)
            if stream.arrival_high_us is not None:
                lag.add_metric([stream.name], (stream.arrival_high_us - stream.watermark_us) / 1e6)
        if stream.event_time_high_us is not None:
            newest.add_metric([stream.name], stream.event_time_high_us / 1e6)
    yield from (events, lag, watermark, newest)


def _models(status: Status) -> Iterator[Metric]:
    predictions = CounterMetricFamily(
        "forerun_predictions", "Predictions made durable.", labels=["model", "version", "grade"]
    )
    labels = GaugeMetricFamily(
        "forerun_labels", "Predictions by the state of their label.", labels=["model", "state"]
    )
    versions = GaugeMetricFamily("forerun_model_info", "The active version.", labels=["model", "version"])
    for model in status.models:
        for version, grades in model.predictions.items():
            for grade, count in grades.items():
                predictions.add_metric([model.name, version, grade], count)
        for state in ("pending", "joined", "expired"):
            labels.add_metric([model.name, state], getattr(model, f"labels_{state}"))
        if model.version is not None:
            versions.add_metric([model.name, model.version], 1)
    decisions = CounterMetricFamily("forerun_decisions", "Decisions made.", labels=["rule"])
    for rule, count in status.decisions.items():
        decisions.add_metric([rule], count)
    yield from (predictions, labels, versions, decisions)


def _engine(status: Status) -> Iterator[Metric]:
    yield _histogram("forerun_step_seconds", "From reading a step's events to its effects.", status.step)
    yield _histogram("forerun_commit_seconds", "Making a step durable.", status.commit)
    yield CounterMetricFamily("forerun_journal_steps", "Steps in the journal.", value=status.journal_step)
    yield GaugeMetricFamily(
        "forerun_outbox_pending", "Decisions not delivered yet.", value=status.outbox_pending
    )
    entities = GaugeMetricFamily("forerun_entities", "Entities held.", labels=["view"])
    for view, count in status.entities.items():
        entities.add_metric([view], count)
    asleep = GaugeMetricFamily("forerun_entities_asleep", "Entities not in memory.", labels=["view"])
    for view, count in status.asleep.items():
        asleep.add_metric([view], count)
    windows = CounterMetricFamily("forerun_windows", "Windows closed.", labels=["windows"])
    for name, count in status.windows.items():
        windows.add_metric([name], count)
    parts = GaugeMetricFamily(
        "forerun_window_parts_asleep", "Parts of open windows not in memory.", labels=["windows"]
    )
    for name, count in status.windows_asleep.items():
        parts.add_metric([name], count)
    overflows = CounterMetricFamily(
        "forerun_overflows", "Values out of range, served null.", labels=["feature"]
    )
    for feature, count in status.overflows.items():
        overflows.add_metric([feature], count)
    yield from (entities, asleep, windows, parts, overflows)
    if status.last_commit_us is not None:
        yield GaugeMetricFamily(
            "forerun_last_commit_timestamp_seconds", "When the last commit was durable.",
            value=status.last_commit_us / 1e6,
        )  # fmt: skip


def _doors(doors: DoorCounts) -> Iterator[Metric]:
    requests = HistogramMetricFamily("forerun_request_seconds", "Time to answer.", labels=["route", "code"])
    # A copy: the doors may add a route while this runs on another thread.
    for (route, code), watch in tuple(doors.requests.items()):
        timing = watch.read()
        requests.add_metric([route, str(code)], _buckets(timing), timing.sum_s)
    yield requests
    denied = CounterMetricFamily("forerun_denied", "Requests refused for who asked.", labels=["reason"])
    for reason, count in tuple(doors.denials.items()):
        denied.add_metric([reason], count)
    yield denied
    yield GaugeMetricFamily("forerun_requests_in_flight", "Requests being answered.", value=doors.in_flight)


def _histogram(name: str, documentation: str, timing: Timing) -> Metric:
    return HistogramMetricFamily(name, documentation, _buckets(timing), timing.sum_s)


def _buckets(timing: Timing) -> list[tuple[str, float]]:
    """Make counts cumulative, as the format wants them."""
    total = 0
    buckets: list[tuple[str, float]] = []
    for bound, count in zip((*timing.bounds_s, None), timing.counts, strict=True):
        total += count
        buckets.append(("+Inf" if bound is None else repr(bound), total))
    return buckets
