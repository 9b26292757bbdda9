"""The report's facts: every figure can be found again by counting the log."""

from pathlib import Path

import numpy as np
import pytest
from tests.cli.command import forerun
from tests.console.logged import LABELLED, ROWS, UNSCORED, expected_auc, label, score, write

from forerun.console.report.auc import auc_interval
from forerun.console.report.facts import ReportFacts
from forerun.console.report.gather import gather
from forerun.console.report.measures import Scored, latency_bins, score_bins
from forerun.console.report.page import page
from forerun.monitoring.status import ModelStatus, Status, StreamStatus
from forerun.runtime.load import load

HORIZON_H = 72
WATERMARK_US = 1_740_787_200_000_000 + (LABELLED + HORIZON_H - 100) * 3_600_000_000
"""The horizon of prediction 800 has just passed; labels up to 900 are known all the same."""
DECIDED = LABELLED - 100 + 1


@pytest.fixture
def facts(tmp_path: Path) -> ReportFacts:
    """Facts of a project whose log was made up."""
    forerun("new", tmp_path / "shop")
    app = load(tmp_path / "shop")
    write(tmp_path / "shop" / ".forerun", app)
    status = Status(
        app="shop",
        app_version="a1" * 32,
        streams=(
            StreamStatus(name="Ordered", consumed=ROWS, applied=ROWS),
            StreamStatus(name="Returned", watermark_us=WATERMARK_US),
        ),
        models=(ModelStatus(name="WillReturn", labels_pending=ROWS - LABELLED, labels_joined=LABELLED),),
        feature_versions={"ProductReturns": "f1" * 32},
    )
    return gather(
        load(tmp_path / "shop"),
        tmp_path / "shop" / ".forerun",
        status,
        now_us=0,
        commands=["forerun run shop"],
    )


def test_counts(facts: ReportFacts) -> None:
    """Predictions, scores and fates of labels are counted, and the fates add up."""
    [model] = facts.models
    assert (model.predictions, model.scored) == (ROWS, ROWS - UNSCORED)
    assert (model.joined, model.timed_out) == (720, 180)
    assert model.joined + model.timed_out + model.expired + model.pending == model.predictions


def test_auc_is_that_of_the_scored_and_labelled(facts: ReportFacts) -> None:
    """The AUC is over rows with score and label, and both scorers are on the same rows."""
    streaming, static = facts.models[0].scorers
    assert streaming.auc is not None
    assert streaming.auc.value == pytest.approx(expected_auc(DECIDED), abs=1e-12)
    assert streaming.auc.low < streaming.auc.value < streaming.auc.high
    assert static.name == "static"
    assert static.auc is not None


def test_labels_that_came_early_do_not_count_alone(facts: ReportFacts) -> None:
    """Where the horizon has not passed, only events could have told: such rows are in no measure."""
    assert (
        sum(period.labelled for period in facts.models[0].periods) == DECIDED - UNSCORED < LABELLED - UNSCORED
    )


def test_log_loss(facts: ReportFacts) -> None:
    """Log loss is the mean surprise in nats."""
    rows = range(UNSCORED, DECIDED)
    given = np.clip([score(index) or 0.0 for index in rows], np.finfo(float).eps, 1)
    truth = np.array([label(index) for index in rows])
    expected = -np.mean(truth * np.log(given) + (1 - truth) * np.log1p(-given))
    assert facts.models[0].scorers[0].log_loss == pytest.approx(expected)


def test_periods_cover_every_labelled_row(facts: ReportFacts) -> None:
    """33 days are cut into weeks, and no row falls between them."""
    [model] = facts.models
    assert model.period == "week"
    assert sum(period.labelled for period in model.periods) == DECIDED - UNSCORED
    assert model.periods[0].name == "2025-02-27"


def test_decisions_and_how_they_turned_out(facts: ReportFacts) -> None:
    """A rule's decisions are those with a score above its bound; those that came true are counted."""
    [rule] = facts.models[0].rules
    decided = [index for index in range(ROWS) if (score(index) or 0) > 0.9]
    known = [index for index in decided if index < LABELLED]
    assert (rule.name, rule.made, rule.labelled) == ("help", len(decided), len(known))
    assert rule.true == sum(label(index) for index in known)


def test_histograms_lose_nothing(facts: ReportFacts) -> None:
    """Every scored prediction is in one bar of both histograms."""
    [model] = facts.models
    assert sum(found for _, _, found in model.scores) == model.scored
    assert sum(found for _, _, found in model.latency_us) == model.scored
    assert model.latency_p50_us in (44, 45)


def test_page_of_real_facts(facts: ReportFacts) -> None:
    """The facts make a page that names the question and the rule."""
    html = page(facts)
    assert "Will this order be sent back within three days?" in html
    assert "<td>help</td>" in html


def test_histograms_of_extremes() -> None:
    """Scores of exactly 0 and 1, and latencies beyond every bar, are counted at the ends."""
    assert [found for _, _, found in score_bins(np.array([0.0, 1.0]))][::19] == [1, 1]
    assert sum(found for _, _, found in latency_bins(np.array([0, 10**12]))) == 2


@pytest.mark.parametrize(("days", "unit"), [(365, "month"), (60, "week"), (5, "day")])
def test_period_fits_the_time_covered(days: int, unit: str) -> None:
    """A year is shown by month, two months by week, five days by day."""
    time_us = np.arange(days) * 86_400_000_000
    scored = Scored(time_us, np.zeros(days), ["streaming"], [np.zeros(days)])
    assert scored.periods()[0] == unit


def test_no_rows_no_periods() -> None:
    """Without a labelled row there is nothing to show, and nothing fails."""
    empty = np.zeros(0)
    scored = Scored(empty.astype(np.int64), empty, ["streaming"], [empty])
    assert scored.periods() == ("month", ())
    assert scored.scorers()[0].auc is None


def test_auc_interval_narrows_with_rows() -> None:
    """A hundred times the rows give a tenth of the interval, and it stays within 0 and 1."""
    few, many = auc_interval(0.75, 20, 40), auc_interval(0.75, 2_000, 4_000)
    assert (few.high - few.low) / (many.high - many.low) == pytest.approx(10, rel=0.05)
    assert auc_interval(1.0, 1, 1).high == 1.0
