"""The blocks of the live view: streams, quality, predictions, the chart, decisions."""

from collections.abc import Sequence

from rich.text import Text

from forerun.console.block import cells, fit, line
from forerun.console.facts import LiveFacts, StreamFacts
from forerun.console.format import ABSENT, brief, count, decimal, instant, percent, span, tally
from forerun.console.plot import lines

DIM = "bright_black"
SERIES_STYLES = ("bold cyan", "magenta", DIM)
"""The model, the static baseline, the base rate; the chart leaves out the last, whose AUC is always 0.5."""

_AXIS = 6
_CHARTED = 2
_LOWEST_AUC_SPAN = 0.1
_LOST = (("late", -5), ("bad", -5), ("dup", -4))
_LOST_WIDE = (("late", -7), ("invalid", -8), ("repeated", -9))


def streams(found: Sequence[StreamFacts], *, wide: bool) -> list[Text]:
    """A row a stream: how much, how far behind, how fresh, and what was not applied."""
    name, applied, clock = (18, -10, -7) if wide else (10, -9, -6)
    lost = _LOST_WIDE if wide else _LOST
    heads = (("", name), ("applied", applied), ("lag", clock), ("age", clock), *lost)
    return [cells((head, room, DIM) for head, room in heads)] + [
        cells(
            [
                (stream.name, name, ""),
                (count(stream.applied), applied, "bold"),
                (brief(stream.lag_us), clock, ""),
                (brief(stream.age_us), clock, _freshness_style(stream)),
            ]
            + [
                (tally(value), room, "yellow" if value else DIM)
                for value, (_, room) in zip(_not_applied(stream), lost, strict=True)
            ]
        )
        for stream in found
    ]


def _not_applied(stream: StreamFacts) -> tuple[int, int, int]:
    """The three ways an event stays out, in the order of the table."""
    return stream.late, stream.quarantined, stream.duplicates


def _freshness_style(stream: StreamFacts) -> str:
    """Green within the promised age, yellow beyond it, plain when nothing was promised."""
    if stream.age_us is None or stream.freshness_us is None:
        return ""
    return "green" if stream.age_us <= stream.freshness_us else "yellow"


def quality(facts: LiveFacts, width: int) -> list[Text]:
    """A row a scorer: the model, then the baselines it has to beat."""
    name = max(width - 17, 8)
    rows = [cells([("", name, DIM), ("AUC", -6, DIM), ("log loss", -9, DIM)])]
    rows += [
        cells([(scorer.name, name, style), (decimal(scorer.auc), -6, ""), (decimal(scorer.log_loss), -9, "")])
        for scorer, style in zip(facts.quality, SERIES_STYLES, strict=False)
    ]
    if not facts.quality:
        rows.append(line(("after the first labels", DIM)))
    return rows


def predictions(facts: LiveFacts, width: int) -> list[Text]:
    """What was predicted, what became of it, and how long a score takes."""
    known = facts.joined + facts.expired + facts.pending
    rows: list[tuple[str, str, str]] = [("made", count(facts.predictions), "")]
    if known:
        labels = (("joined", facts.joined), ("pending", facts.pending), ("expired", facts.expired))
        rows += [(f"labels {state}", count(value), percent(value / known)) for state, value in labels]
    if facts.latency_p50_us is not None:
        rows.append(("step to score", span(facts.latency_p50_us), f"p99 {span(facts.latency_p99_us)}"))
    rows += [(name, value, "") for name, value in facts.details]
    return [
        cells([(name, 18, DIM), (value, -11, "bold"), (note, -max(min(width - 31, 14), 6), DIM)])
        for name, value, note in rows
    ]


def chart(facts: LiveFacts, width: int, height: int) -> list[Text]:
    """Rolling AUC of each scorer over the whole source, so the line grows from left to right."""
    known = [value for point in facts.history for value in point[:_CHARTED] if value is not None]
    if len(facts.history) < 2 or not known:
        return [line(("after the first labels", DIM))]
    low, high = _range(known)
    share = min(max(facts.done or 1.0, 0.05), 1.0)
    ahead: list[float | None] = [None] * round(len(facts.history) * (1.0 - share) / share)
    series = [
        ([point[index] for point in facts.history] + ahead, style.removeprefix("bold "))
        for index, style in enumerate(SERIES_STYLES[: min(_CHARTED, len(facts.history[-1]))])
    ]
    drawing = lines(series, width=width - _AXIS, height=height, low=low, high=high)
    middle = (height - 1) // 2
    marks = {0: high, middle: high - (high - low) * middle / max(height - 1, 1), height - 1: low}
    return [
        Text.assemble((f"{marks[row]:.2f} " if row in marks else "     ", DIM), ("│", DIM), drawn)
        for row, drawn in enumerate(drawing)
    ]


def _range(known: Sequence[float]) -> tuple[float, float]:
    """Axis limits on round twentieths, never so tight that noise looks like news."""
    low, high = min(known), max(known)
    if high - low < _LOWEST_AUC_SPAN:
        middle = (high + low) / 2
        low, high = middle - _LOWEST_AUC_SPAN / 2, middle + _LOWEST_AUC_SPAN / 2
    return max(0.0, int(low * 20) / 20), min(1.0, -int(-high * 20 // 1) / 20)


def decisions(facts: LiveFacts, width: int, height: int) -> list[Text]:
    """The newest decisions, one a line."""
    if not facts.last_decisions:
        return [line((ABSENT, DIM))]
    room = min(max(width - 16 - 6 - 3 * 2, 20), 72)
    return [
        fit(
            cells(
                [
                    (instant(made.at_us), 16, DIM),
                    (made.key, room // 2, ""),
                    (decimal(made.score), -6, "bold"),
                    (f"→ {made.rule}", room - room // 2, "cyan"),
                ],
                gap=2,
            ),
            width,
        )
        for made in facts.last_decisions[:height]
    ]
