"""What to try after a run: commands made from what really happened in it."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from forerun.console.behind import log_rows
from forerun.console.format import decimal
from forerun.console.listing import Wanted, listing
from forerun.runtime.history import History

if TYPE_CHECKING:
    from forerun.events.schema import StreamSpec
    from forerun.runtime.app import App


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A command worth typing.

    Args:
        why: What it shows.
        command: The command, ready to be pasted.
    """

    why: str
    command: str


class Where(Protocol):
    """How commands are told where an app and its data are."""

    @property
    def data(self) -> Path:
        """The data directory."""

    @property
    def argument(self) -> str:
        """For commands that take the app as their argument."""

    @property
    def option(self) -> str:
        """For commands that take it as an option."""


def suggestions(
    app: "App", where: Where, history: History, *, address: str, serving: bool
) -> list[Suggestion]:
    """Three commands: why a prediction was high, a prediction over HTTP, everything computed again.

    Args:
        app: The app.
        where: As the user wrote it.
        history: The log.
        address: Where HTTP listens, or will.
        serving: Whether it does now.
    """
    found = []
    record = _high(app, history)
    if record is not None:
        spec = app.models[record["model"]]
        found.append(
            Suggestion(
                f"why {record['key']} was given {decimal(record['score'], 2)}"
                + (", rightly" if record["label"] == 1.0 else ""),
                f"forerun features --prediction {record['prediction_id'][:12]} {where.option}",
            )
        )
        body = shlex.quote(json.dumps({"inputs": _event(spec.on, where.data, record)}, ensure_ascii=False))
        found.append(
            Suggestion(
                "ask for a prediction"
                + ("" if serving else f" while it serves: forerun run {where.argument} --serve"),
                f"curl -s {address}/v1/models/{spec.name}/predict "
                "-H 'Content-Type: application/json' "
                f'-H "Authorization: Bearer $FORERUN_KEY" -d {body}',
            )
        )
    else:
        found.append(Suggestion("what came in and what became of it", f"forerun status {where.argument}"))
    found.append(
        Suggestion(
            "compute every prediction again and compare bit for bit", f"forerun replay {where.argument}"
        )
    )
    return found


def _high(app: "App", history: History) -> dict[str, Any] | None:
    """The highest score that came true; without one the highest score."""
    for model in app.models:
        for label in ("true", None):
            rows = listing(history, model, Wanted(label=label, above=0.0, sort="score", limit=1))
            if rows and rows[0]["stream"] is not None and rows[0]["partition"] >= 0:
                return rows[0]
    return None


def _event(spec: "StreamSpec", data: Path, record: Mapping[str, Any]) -> dict[str, object]:
    """The event that triggered a prediction, without its time: a request means now."""
    [row] = log_rows(data, spec, [(record["partition"], record["offset"])])
    return {name: value for name, value in row.items() if name not in (spec.time, "offset")}
