"""Why a prediction was what it was: what moved the score, and the events behind it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import exp, isnan, log
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from forerun.console.behind import log_rows
from forerun.console.format import decimal, iso, iso_us, number, percent
from forerun.console.reading import (
    DIM,
    events_block,
    feature_values,
    key_values,
    keyed,
    moment,
    values_table,
)

if TYPE_CHECKING:
    from forerun.runtime.app import App

_BAR_WIDTH = 16
_SMALL = log(1.05)
"""Inputs that move the odds by less than a twentieth are only named."""

_EDGE = 1e-6
"""Scores are kept this far from 0 and 1, where odds have no end."""


def explained(app: "App", data: Path, found: Mapping[str, Any], events: int) -> dict[str, Any]:
    """An explanation as plain values, the entities of the strongest inputs first.

    Args:
        app: The app.
        data: The data directory.
        found: What `Engine.explain` gave.
        events: How many events to list per entity.
    """
    contributions = found["contributions"]
    rank = {part["name"]: place for place, part in enumerate(contributions or ())}
    entities = [_entity(app, data, one, events) for one in found["features"]]
    entities.sort(key=lambda one: min((rank.get(name, len(rank)) for name in one["inputs"]), default=0))
    record = {
        name: iso(value) if isinstance(value, datetime) else value
        for name, value in found["prediction"].items()
    }
    return {"prediction": record, "contributions": contributions, "features": entities}


def _entity(app: "App", data: Path, one: Mapping[str, Any], events: int) -> dict[str, Any]:
    """What was known of one entity, its events with all their fields."""
    spec = app.views[one["view"]].over(one["stream"])
    newest = one["events"][max(len(one["events"]) - events, 0) :]
    places = [(event["partition"], event["offset"]) for event in newest]
    return {
        "view": one["view"],
        "stream": one["stream"],
        "key": key_values(spec, one["key"]),
        "at": iso_us(one["at_us"]),
        "inputs": list(one["inputs"]),
        "values": feature_values(spec, one["values"]),
        "not_computed": list(one["not_computed"]),
        "events_kept": one["events_kept"],
        "events": log_rows(data, spec.stream, places),
    }


def explanation(app: "App", found: Mapping[str, Any]) -> RenderableType:
    """An explanation for people.

    Args:
        app: The app.
        found: What `explained` gave.
    """
    record = found["prediction"]
    parts: list[RenderableType] = [*_head(record), Text()]
    if found["contributions"] is None:
        parts.append(Text("No model had been trained yet, so nothing was scored.", "yellow"))
    else:
        parts += [
            Text("What moved the score: with each input alone at its median of the training rows", "bold"),
            _contributions(found["contributions"]),
            *_small(found["contributions"]),
        ]
    moving = {part["name"] for part in found["contributions"] or () if abs(_log_odds(part)) >= _SMALL}
    shown = [one for one in found["features"] if moving.intersection(one["inputs"]) or not moving]
    for one in shown:
        parts += [Text(), *_behind(app, one)]
    left = [f"{one['view']} {keyed(one['key'])}" for one in found["features"] if one not in shown]
    if left:
        parts += [Text(), Text(f"behind the others, with --json: {', '.join(left)}", DIM)]
    return Group(*parts)


def _head(record: Mapping[str, Any]) -> list[RenderableType]:
    """What was predicted, when and by whom, and what came."""
    came = {1.0: "It came true.", 0.0: "It did not come true.", None: "What came is not known yet."}
    return [
        Text.assemble(
            (f"{record['model']} gave {record['key']} ", "bold"),
            (decimal(record["score"]), "bold cyan"),
            (
                "."
                if record["baseline"] is None
                else f" (static inputs only: {decimal(record['baseline'])}).",
                "",
            ),
            f" {came.get(record['label'], '')}",
        ),
        Text(
            f"{moment(record['event_time'])} UTC, version {record['model_version'] or 'none'}, "
            f"grade {record['grade']}, decisions: {', '.join(record['decisions']) or 'none'}",
            DIM,
        ),
        Text(f"prediction {record['prediction_id']}", DIM),
    ]


def _contributions(contributions: Sequence[Mapping[str, Any]]) -> Table:
    """The inputs that moved the score, strongest first, in odds: near 0 and 1 scores hardly move at all."""
    made = Table(box=None, header_style=DIM, padding=(0, 2, 0, 0), pad_edge=False)
    made.add_column("input")
    for head in ("value", "median", "above", "score then", "odds"):
        made.add_column(head, justify="right")
    made.add_column("")
    largest = max((abs(_log_odds(part)) for part in contributions), default=0.0)
    for part in contributions:
        moved = _log_odds(part)
        if abs(moved) < _SMALL:
            continue
        style = "red" if moved > 0 else "green"
        bar = "█" * max(1, round(_BAR_WIDTH * abs(moved) / largest))
        made.add_row(
            Text(part["name"]),
            Text("missing" if part["value"] is None else number(part["value"]), "bold"),
            number(part["usual"]),
            percent(part["share_below"]),
            decimal(part["score_if_usual"]),
            Text(f"x {exp(moved):.2f}", style),
            Text(bar, style),
        )
    return made


def _small(contributions: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    """The inputs that moved nothing, by name."""
    names = [part["name"] for part in contributions if abs(_log_odds(part)) < _SMALL]
    return [Text(f"hardly or not at all: {', '.join(names)}", DIM)] if names else []


def _log_odds(part: Mapping[str, Any]) -> float:
    """How far an input moves the logarithm of the odds; 0 where there is no score without it."""
    score, without = part["score"], part["score_if_usual"]
    if isnan(score) or isnan(without):
        return 0.0
    return _logit(score) - _logit(without)


def _logit(score: float) -> float:
    inside = min(max(score, _EDGE), 1 - _EDGE)
    return log(inside / (1 - inside))


def _behind(app: "App", one: Mapping[str, Any]) -> list[RenderableType]:
    """What was known of one entity at the time."""
    spec = app.views[one["view"]].over(one["stream"])
    return [
        Text.assemble(
            (f"{one['view']} {keyed(one['key'])}", "bold"), (f"  for {', '.join(one['inputs'])}", DIM)
        ),
        values_table(spec, one["values"], one["not_computed"]),
        *events_block(one["events"], one["events_kept"], spec.stream.name),
    ]
