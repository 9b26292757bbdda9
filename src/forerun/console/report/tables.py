"""The tables of the report."""

from collections.abc import Iterable, Sequence
from html import escape

from forerun.console.format import count, percent
from forerun.console.report.facts import ModelFacts, RuleFacts
from forerun.monitoring.status import StreamStatus


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of finished cells; the caller has escaped them.

    >>> table(["a"], [["1"]])
    '<div class="scroll"><table><tr><th>a</th></tr><tr><td>1</td></tr></table></div>'
    """
    head = "".join(f"<th>{name}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def named(pairs: Sequence[tuple[str, str]]) -> str:
    """Names and values, one pair a row; empty without any."""
    if not pairs:
        return ""
    body = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in pairs)
    return f'<table class="facts">{body}</table>'


def conservation(streams: Sequence[StreamStatus]) -> str:
    """What became of every event, with a check that nothing is missing."""
    if not streams:
        return ""

    def row(stream: StreamStatus) -> list[str]:
        parts = (stream.applied, stream.late, stream.early, stream.invalid, stream.duplicate)
        missing = stream.consumed - sum(parts)
        check = '<span class="ok">adds up</span>' if not missing else f'<span class="off">{missing:+,}</span>'
        return [escape(stream.name), *map(count, (stream.consumed, *parts)), check, count(stream.quarantined)]

    heads = ["stream", "consumed", "applied", "late", "early", "invalid", "duplicate", "", "refused"]
    return table(heads, map(row, streams))


def labels(model: ModelFacts) -> str:
    """What became of every prediction."""
    fates = [
        ("joined with an event", model.joined),
        ("decided by time (nothing came)", model.timed_out),
        ("given up without a label", model.expired),
        ("still waiting", model.pending),
    ]
    known = sum(found for _, found in fates)
    rows = [
        [name, count(found), percent(found / known, 1) if known else ""] for name, found in fates if found
    ]
    missing = model.predictions - known
    rows.append(
        [
            "predictions",
            count(model.predictions),
            "" if not missing else f'<span class="off">{missing:+,}</span>',
        ]
    )
    return table(["label", "predictions", "share"], rows)


def rules(found: Sequence[RuleFacts]) -> str:
    """What each rule decided and how often the label proved it right."""
    if not found:
        return '<p class="none">No rule has decided anything yet.</p>'
    rows = [
        [
            escape(rule.name),
            count(rule.made),
            count(rule.labelled),
            f"{count(rule.true)} ({percent(rule.true / rule.labelled, 1)})" if rule.labelled else "-",
        ]
        for rule in found
    ]
    return table(["rule", "decisions", "label known", "came true"], rows)
