"""The report: self-contained, complete, honest about what is missing, safe with hostile names."""

import dataclasses
import re
from html.parser import HTMLParser

import pytest
from tests.console.figures import model, report

from forerun.console.report.facts import ModelFacts, ReportFacts
from forerun.console.report.page import page
from forerun.console.report.svg import Plot, ticks
from forerun.console.report.verdict import verdict
from forerun.monitoring.status import StreamStatus

EMPTY = ModelFacts(
    name="LateArrival",
    question="Will it be late?",
    version=None,
    predictions=0,
    scored=0,
    joined=0,
    timed_out=0,
    expired=0,
    pending=0,
)


class Balance(HTMLParser):
    """Fails on a tag that is closed wrongly or left open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - html.parser calls it so
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """A tag that closes itself opens nothing."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("facts", [report(), dataclasses.replace(report(), models=(EMPTY,), streams=())])
def test_page_is_well_formed(facts: ReportFacts) -> None:
    """Every tag is closed, with data and without."""
    parser = Balance()
    parser.feed(page(facts))
    assert parser.open == []


def test_nothing_is_loaded_from_anywhere() -> None:
    """No script, no link, no image, no font, no address: the file is all there is."""
    html = page(report())
    assert not re.search(r"<(script|link|img|iframe|object)|url\(|@import|https?:", html)


def test_light_and_dark_and_phone() -> None:
    """The page follows the reader's colour scheme and has drawings for a narrow screen."""
    html = page(report())
    assert "prefers-color-scheme: dark" in html
    assert 'name="viewport"' in html
    assert html.count('class="desk"') == html.count('class="phone"') == 3


def test_answers_what_the_report_is_for() -> None:
    """AUC by month, calibration, base rate, latency, scores, losses, decisions, labels, card, versions."""
    html = page(report())
    for expected in (
        "by month",
        "Do the scores mean what they say?",
        "Did the world change?",
        "How long did a prediction take?",
        "Share of predictions, by score",
        "9,001 (83.3 %)",
        "decided by time",
        "LGBMClassifier",
        "forerun replay examples/flights",
        "0.1.0",
        "adds up",
    ):
        assert expected in html


def test_conservation_that_fails_is_shown() -> None:
    """A stream whose counts do not add up says by how many."""
    broken = StreamStatus(name="Departed", consumed=10, applied=8, late=1)
    html = page(dataclasses.replace(report(), streams=(broken,)))
    assert "+1" in html
    assert "adds up" not in html


def test_prediction_without_a_fate_is_shown() -> None:
    """Predictions that are neither labelled nor pending nor given up are counted in the open."""
    html = page(dataclasses.replace(report(), models=(dataclasses.replace(model(), pending=390),)))
    assert '<span class="off">+9</span>' in html


def test_names_cannot_inject() -> None:
    """Names come from users and events; markup in them stays text."""
    evil = "<img src=x onerror=alert(1)>"
    html = page(
        ReportFacts(
            app=evil,
            made_at_us=0,
            first_us=None,
            last_us=None,
            models=(dataclasses.replace(model(), name=evil, question=evil, card=((evil, evil),)),),
            streams=(StreamStatus(name=evil),),
            versions=((evil, evil),),
            reproduce=(evil,),
        )
    )
    assert "<img" not in html


def test_verdict_without_labels() -> None:
    """Before the first label the report says so and shows no figure in its place."""
    assert verdict(EMPTY) == "0 predictions were made; none has both a score and a label yet."


def test_verdict_with_figures() -> None:
    """The first sentence has the number of rows, the model's AUC with interval, and every baseline."""
    assert verdict(model()).startswith(
        "On 250,200 labelled predictions the AUC is 0.781 (0.779 to 0.783); "
        "static has 0.662 (0.659 to 0.665), base rate has 0.500."
    )


def test_period_of_one_kind_leaves_a_gap() -> None:
    """A month whose labels are all alike has no AUC and no dot."""
    periods = (dataclasses.replace(model().periods[0], auc=(None, None, None)), *model().periods[1:])
    whole, gap = (
        page(report()),
        page(dataclasses.replace(report(), models=(dataclasses.replace(model(), periods=periods),))),
    )
    assert whole.count("<circle") - gap.count("<circle") == 2 * 3


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0.5, 0.85, [0.5, 0.6, 0.7, 0.8]),
        (3, 3, [3]),
        (0, 0.08, [0, 0.02, 0.04, 0.06, 0.08]),
    ],
)
def test_ticks_are_round_and_inside(low: float, high: float, expected: list[float]) -> None:
    """Axis labels are values a person would choose."""
    assert ticks(low, high) == expected


def test_plot_puts_larger_values_higher() -> None:
    """The y axis points up, the x axis to the right."""
    plot = Plot(200, 100, x=(0, 1), y=(0, 1))
    assert plot.at(0, 1)[1] < plot.at(0, 0)[1]
    assert plot.at(1, 0)[0] > plot.at(0, 0)[0]
