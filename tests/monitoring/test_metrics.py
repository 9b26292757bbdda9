"""The metrics say what the engine and the doors counted, under names Prometheus's conventions allow."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from forerun.monitoring.metrics import DoorCounts, Metrics
from forerun.monitoring.status import ModelStatus, Status, StreamStatus
from forerun.monitoring.timing import Stopwatch, Timing

FULL = Status(
    app="flights",
    app_version="9c1d",
    streams=(
        StreamStatus(
            name="Departed",
            consumed=10,
            applied=5,
            invalid=1,
            early=1,
            late=2,
            duplicate=1,
            quarantined=4,
            watermark_us=1_000_000,
            event_time_high_us=2_000_000,
            arrival_high_us=4_500_000,
        ),
        StreamStatus(name="Arrived"),
    ),
    models=(
        ModelStatus(
            name="LateArrival",
            version="3f2a",
            predictions={"": {"default": 3}, "3f2a": {"fresh": 7, "stale": 1}},
            labels_pending=2,
            labels_joined=8,
            labels_expired=1,
        ),
        ModelStatus(name="Taxi", version="77"),
        ModelStatus(name="Untrained"),
    ),
    entities={"OriginNow": 3},
    asleep={"OriginNow": 2},
    decisions={"rebook": 6},
    windows={"Hourly": 9},
    windows_asleep={"Hourly": 4},
    outbox_pending=2,
    journal_step=40,
    last_commit_us=5_000_000,
    step=Timing((0.001, 0.01), (3, 1, 2), 0.5),
    commit=Timing((0.001, 0.01), (0, 0, 0), 0.0),
)


def samples(text: bytes) -> dict[str, float]:
    """Read the text as Prometheus would: 'name{label=value,...}' to value."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            key = f"{sample.name}{{{labels}}}" if labels else sample.name
            assert key not in found
            found[key] = sample.value
    return found


def test_a_scrape_says_what_the_engine_counted() -> None:
    """Every count of the status is a sample, split as it was counted."""
    got = samples(Metrics(lambda: FULL, DoorCounts(), "0.1.0").text())
    expected = {
        "forerun_build_info{app=flights,app_version=9c1d,version=0.1.0}": 1,
        "forerun_events_total{outcome=applied,stream=Departed}": 5,
        "forerun_events_total{outcome=duplicate,stream=Departed}": 1,
        "forerun_events_total{outcome=early,stream=Departed}": 1,
        "forerun_events_total{outcome=invalid,stream=Departed}": 1,
        "forerun_events_total{outcome=late,stream=Departed}": 2,
        "forerun_events_total{outcome=quarantined,stream=Departed}": 4,
        "forerun_events_total{outcome=applied,stream=Arrived}": 0,
        "forerun_watermark_lag_seconds{stream=Departed}": 3.5,
        "forerun_watermark_timestamp_seconds{stream=Departed}": 1,
        "forerun_event_timestamp_seconds{stream=Departed}": 2,
        "forerun_predictions_total{grade=default,model=LateArrival,version=}": 3,
        "forerun_predictions_total{grade=fresh,model=LateArrival,version=3f2a}": 7,
        "forerun_predictions_total{grade=stale,model=LateArrival,version=3f2a}": 1,
        "forerun_labels{model=LateArrival,state=pending}": 2,
        "forerun_labels{model=LateArrival,state=joined}": 8,
        "forerun_labels{model=LateArrival,state=expired}": 1,
        "forerun_model_info{model=LateArrival,version=3f2a}": 1,
        "forerun_model_info{model=Taxi,version=77}": 1,
        "forerun_decisions_total{rule=rebook}": 6,
        "forerun_outbox_pending": 2,
        "forerun_entities{view=OriginNow}": 3,
        "forerun_entities_asleep{view=OriginNow}": 2,
        "forerun_windows_total{windows=Hourly}": 9,
        "forerun_window_parts_asleep{windows=Hourly}": 4,
        "forerun_journal_steps_total": 40,
        "forerun_last_commit_timestamp_seconds": 5,
        "forerun_step_seconds_bucket{le=0.001}": 3,
        "forerun_step_seconds_bucket{le=0.01}": 4,
        "forerun_step_seconds_bucket{le=+Inf}": 6,
        "forerun_step_seconds_count": 6,
        "forerun_step_seconds_sum": 0.5,
        "forerun_commit_seconds_count": 0,
    }
    assert {key: got[key] for key in expected} == expected


def test_what_is_not_known_yet_has_no_sample() -> None:
    """Before the first event there is no watermark, and none is invented."""
    got = samples(Metrics(lambda: Status(app="a", app_version="b"), DoorCounts(), "0").text())
    absent = ("forerun_watermark", "forerun_event_timestamp", "forerun_last_commit", "forerun_model_info")
    assert [key for key in got if key.startswith(absent)] == []


def test_a_scrape_says_what_the_doors_counted() -> None:
    """Answers by route and code with their times, refusals by reason, and what is under way."""
    doors = DoorCounts()
    doors.answered("/v1/status", 200, 0.0002)
    doors.answered("/v1/status", 200, 0.2)
    doors.answered("/v1/status", 401, 0.2)
    doors.denied("no key")
    doors.in_flight = 3
    got = samples(Metrics(lambda: FULL, doors, "0").text())
    assert got["forerun_request_seconds_count{code=200,route=/v1/status}"] == 2
    assert got["forerun_request_seconds_bucket{code=200,le=0.00025,route=/v1/status}"] == 1
    assert got["forerun_request_seconds_sum{code=200,route=/v1/status}"] == pytest.approx(0.2002)
    assert got["forerun_request_seconds_count{code=401,route=/v1/status}"] == 1
    assert got["forerun_denied_total{reason=no key}"] == 1
    assert got["forerun_requests_in_flight"] == 3


def test_names_follow_the_conventions() -> None:
    """One prefix; base units; counters end in _total; every family has a help text and appears once."""
    doors = DoorCounts()
    doors.answered("/x", 200, 0.1)
    text = Metrics(lambda: FULL, doors, "0").text().decode()
    families = [
        family for family in text_string_to_metric_families(text) if family.name.startswith("forerun")
    ]
    names = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE)
    assert len(names) == len({name for name, _ in names})
    assert all(family.documentation for family in families)
    ours = [(name, kind) for name, kind in names if not name.startswith("process_")]
    assert all(re.fullmatch(r"forerun_[a-z_]+", name) for name, _ in ours)
    assert all(name.endswith("_total") == (kind == "counter") for name, kind in ours)
    assert all(name.endswith("_seconds") for name, kind in ours if kind == "histogram")


def test_registering_does_not_ask_the_engine() -> None:
    """The metrics exist before the engine has recovered; only a scrape asks it."""
    asked = []

    def status() -> Status:
        asked.append(1)
        return FULL

    metrics = Metrics(status, DoorCounts(), "0")
    assert asked == []
    metrics.text()
    assert asked == [1]


@pytest.mark.parametrize(
    ("seconds", "bucket"), [(0.0, 0), (0.001, 0), (0.0011, 1), (0.01, 1), (0.011, 2), (1e9, 2)]
)
def test_a_stopwatch_puts_a_bound_into_its_own_bucket(seconds: float, bucket: int) -> None:
    """A bound is inclusive, as Prometheus's `le` is."""
    watch = Stopwatch((0.001, 0.01))
    watch.observe(seconds)
    assert watch.read().counts.index(1) == bucket
