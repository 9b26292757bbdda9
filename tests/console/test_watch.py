"""From what a run tells to what is shown."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from forerun.cli.new import make
from forerun.console.facts import LiveFacts
from forerun.console.watch import HISTORY_POINTS, STATUS_EVERY_US, Watch
from forerun.monitoring.status import ModelStatus, Status, StreamStatus
from forerun.runtime.app import App
from forerun.runtime.load import load
from forerun.runtime.progress import Judged, Progress

DAY_US = 86_400_000_000
MADE = {"": {"default": 7}, "v1": {"fresh": 5}}


@pytest.fixture
def app(tmp_path: Path) -> App:
    """The starter app."""
    make(tmp_path / "shop")
    return load(tmp_path / "shop")


def watched(app: App, **options: float) -> Watch:
    """A watch of a run."""
    return Watch(app, address=None, base_rate=lambda _model, _version: 0.25, **options)


def status(consumed: int, version: str | None = "v1-3f2a9c01", arrival_us: int | None = None) -> Status:
    """An engine's counts."""
    return Status(
        app="shop",
        app_version="a1",
        streams=(
            StreamStatus(
                name="Ordered",
                consumed=consumed,
                applied=consumed,
                watermark_us=0,
                event_time_high_us=DAY_US,
                arrival_high_us=arrival_us,
            ),
        ),
        models=(ModelStatus(name="WillReturn", version=version, predictions=MADE),),
    )


def shown(watch: Watch, counts: Status, progress: Progress | None = None) -> LiveFacts:
    """What is shown after one moment."""
    if progress is not None:
        watch.heard(progress, lambda: counts)
    watch.saw(counts)
    return watch.facts()


def judged(rows: int, *, score: float = 0.9) -> Judged:
    """Labels, every other one true, all scored rightly; the static score is the same for all."""
    label = np.arange(rows, dtype=np.float64) % 2
    scores = np.array([score if one > 0.5 else 1 - score for one in label])
    return Judged(np.arange(rows), label, scores, np.full(rows, 0.5))


def test_quality_beside_its_baselines(app: App) -> None:
    """The rolling figures of model, static baseline and base rate stand beside each other."""
    watch = watched(app)
    shown(watch, status(10))
    facts = shown(watch, status(10), Progress(phase="serve", judged={"WillReturn": judged(100)}))
    assert [one.name for one in facts.quality] == ["streaming", "static", "base rate"]
    assert [one.auc for one in facts.quality] == [1.0, 0.5, 0.5]
    assert facts.quality[2].log_loss == pytest.approx(-(np.log(0.25) + np.log(0.75)) / 2)
    assert facts.quality_window == 100


def test_nothing_to_judge_is_no_figure(app: App) -> None:
    """Before the first label there is no quality, not a zero."""
    assert shown(watched(app), status(10, None)).quality == ()


def test_chart_grows_with_the_source(app: App) -> None:
    """A point of the chart stands for a share of the source, whatever the speed of the run."""
    watch = watched(app)
    told = Progress(phase="serve", total=100, judged={"WillReturn": judged(20)})
    lengths = [len(shown(watch, status(done), told).history) for done in (0, 50, 100)]
    assert lengths == [1, HISTORY_POINTS // 2 + 1, HISTORY_POINTS + 1]
    facts = watch.facts()
    assert facts.history[0] == (1.0, 0.5)
    assert facts.history[HISTORY_POINTS // 4] == (1.0, 0.5), "a step longer than a point leaves no hole"


def test_chart_of_a_resumed_run_begins_where_it_goes_on(app: App) -> None:
    """What was before this run is not drawn as if it had been the same."""
    told = Progress(phase="serve", total=100, judged={"WillReturn": judged(20)})
    history = shown(watched(app), status(50), told).history
    assert history[0] == (None, None)
    assert history[-1] == (1.0, 0.5)


def test_clock_never_lags_behind_the_counts(app: App) -> None:
    """The counts may be a step ahead of the last progress: ages are taken against the newer of the two."""
    facts = shown(watched(app), status(10, arrival_us=3 * DAY_US), Progress(phase="serve", now_us=DAY_US))
    assert facts.now_us == 3 * DAY_US
    assert facts.streams[0].age_us == 2 * DAY_US
    assert facts.streams[0].lag_us == 3 * DAY_US
    assert facts.streams[0].freshness_us == 600_000_000


def test_time_left_by_events_or_by_the_clock(app: App) -> None:
    """At full speed what is left is events over their rate; paced it is event time over the pace."""
    told = Progress(
        phase="serve", total=1_000, events_per_s=100.0, span_us=(0, 10 * DAY_US), now_us=4 * DAY_US
    )
    free, paced = watched(app), watched(app, speed=86_400.0)
    assert shown(free, status(500), told).eta_us == 5_000_000
    assert shown(paced, status(500), told).eta_us == 6_000_000


def test_no_time_left_is_made_up_while_training(app: App) -> None:
    """How long fitting takes is not known, so nothing is said."""
    told = Progress(phase="train", total=1_000, events_per_s=100.0)
    assert shown(watched(app), status(500), told).eta_us is None


def test_counts_are_asked_for_between_steps_and_not_at_every_one(app: App) -> None:
    """Asking for counts costs: it is done five times a second, and when the phase changes."""
    watch, asked = watched(app), []

    def counts() -> Status:
        asked.append(1)
        return status(1)

    for elapsed_us in (0, 1, STATUS_EVERY_US, STATUS_EVERY_US + 1):
        watch.heard(Progress(phase="collect", elapsed_us=elapsed_us), counts)
    assert len(asked) == 2
    watch.heard(Progress(phase="train", elapsed_us=STATUS_EVERY_US + 2), counts)
    assert len(asked) == 3


def test_predictions_of_all_versions_count(app: App) -> None:
    """Predictions with and without a model are all predictions."""
    assert shown(watched(app), status(1)).predictions == 12


def test_decisions_are_shown_newest_first(app: App) -> None:
    """A decision has its event time, key, topic and score."""
    watch = watched(app)
    row = {"event_time": datetime(2025, 3, 1, tzinfo=UTC), "key": "o1", "topic": "offer-help", "score": 0.75}
    told = Progress(phase="serve", decided=[row, {**row, "key": "o0"}])
    [newest, _] = shown(watch, status(1), told).last_decisions
    assert (newest.at_us, newest.key, newest.rule, newest.score) == (
        1_740_787_200_000_000,
        "o1",
        "offer-help",
        0.75,
    )


def test_run_that_goes_on_begins_where_it_was(app: App) -> None:
    """A resumed run shows at once how far it is, before the first step."""
    watch = watched(app)
    watch.begin(status(9_199, arrival_us=DAY_US), app.source)
    facts = watch.facts()
    assert facts.phase == "serve"
    assert facts.done == pytest.approx(0.25, abs=0.001)
