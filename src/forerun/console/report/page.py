"""The page: facts in, one self-contained HTML text out."""

from html import escape
from pathlib import Path

from forerun.console.format import instant, short, span
from forerun.console.report import charts
from forerun.console.report.facts import ModelFacts, ReportFacts
from forerun.console.report.tables import conservation, labels, named, rules
from forerun.console.report.verdict import tiles, verdict

_STYLE = Path(__file__).with_name("page.css")


def page(facts: ReportFacts) -> str:
    """The whole report as HTML.

    It holds its styles and drawings; a browser that opens it asks no network for anything.

    Args:
        facts: What to show.

    >>> html = page(ReportFacts(app="flights", made_at_us=0, first_us=None, last_us=None, models=(),
    ...                         streams=(), versions=(), reproduce=()))
    >>> html.startswith("<!doctype html>"), "http" in html
    (True, False)
    """
    commands = escape("\n".join(facts.reproduce))
    body = "".join(
        [
            _header(facts),
            *(_model(model) for model in facts.models),
            _section(
                "Did every event arrive?",
                "Each event that was read is counted once: consumed = applied + late + early + invalid "
                "+ duplicate. Refused rows were turned away before they had a position.",
                conservation(facts.streams),
            ),
            _section(
                "What took part",
                "Versions are hashes of what they name: same hash, same bits.",
                named(facts.versions),
            ),
            _section(
                "How to make this again",
                "Replay computes every logged prediction again from the log and compares it bit for bit.",
                f"<pre>{commands}</pre>" if commands else "",
                card=False,
            ),
            f"<footer>Made by forerun, {instant(facts.made_at_us)} UTC.</footer>",
        ]
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(facts.app)}: report</title>"
        f"<style>{_STYLE.read_text(encoding='utf-8')}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def _header(facts: ReportFacts) -> str:
    """Name of the app and the time it covers."""
    covered = (
        "no predictions yet"
        if facts.first_us is None
        else f"predictions from {instant(facts.first_us)} to {instant(facts.last_us)} UTC"
    )
    return f"<header><p>forerun report, {covered}</p><h1>{escape(facts.app)}</h1></header>"


def _model(model: ModelFacts) -> str:
    """Everything about one model, the answer first."""
    names = [scorer.name for scorer in model.scorers]
    scored = charts.calibration(model.calibration) + charts.scores(model.scores)
    return "".join(
        [
            f'<p class="lead"><b>{escape(model.name)}</b> {escape(model.question)}</p>',
            f'<p class="verdict">{escape(verdict(model))}</p>',
            tiles(model),
            _section(
                f"How good were the predictions, by {model.period}?",
                "AUC: how often a prediction that came true had a higher score than one that did not. "
                "0.5 is a coin. Bars are 95 % intervals. Only predictions whose time for a label has passed.",
                charts.auc_over_time(model.periods, names),
            ),
            _section(
                "Do the scores mean what they say?",
                "Predictions are grouped by score. On the dashed line, what was given 30 % came true "
                "30 % of the time.",
                f'<div class="pair">{scored}</div>',
            ),
            _section(
                "Did the world change?",
                f"Share of predictions that came true, by {model.period}, with its 95 % interval.",
                charts.base_rate(model.periods),
            ),
            _section(
                "What was decided, and was it right?",
                "Decisions that followed a score, and how many of them the label proved right.",
                rules(model.rules),
            ),
            _section("What became of the labels?", "Every prediction is in one row.", labels(model)),
            _section(
                "How long did a prediction take?",
                f"Median {span(model.latency_p50_us)}, 99th percentile {span(model.latency_p99_us)}: from "
                "the beginning of the step that took its event until it was scored. At full speed a step "
                "takes thousands of events at once.",
                charts.latency(model.latency_us),
            ),
            _section(
                "The model", f"Version {short(model.version, 12)}, from the registry.", named(model.card)
            ),
        ]
    )


def _section(title: str, lead: str, body: str, *, card: bool = True) -> str:
    """A heading that asks, a sentence that explains, and the answer; nothing without an answer."""
    if not body:
        return ""
    inner = f'<div class="card">{body}</div>' if card else body
    return f"<section><h2>{escape(title)}</h2><p>{escape(lead)}</p>{inner}</section>"
