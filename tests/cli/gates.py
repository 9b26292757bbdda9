"""A project whose gates were passed, for commands to look at."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from forerun.events.decode import decode_rows
from forerun.runtime.engine import Engine
from forerun.runtime.load import load
from forerun.testing.clock import ManualClock

_APP = """
import forerun as fr

app = fr.App("gates")

@app.stream(key="gate", lateness="0s")
class Passed(fr.Event):
    gate: int
    at: fr.EventTime
"""


def gates(folder: Path, declared: str, rows: Sequence[Mapping[str, object]], *, now_us: int) -> Path:
    """Write the app and let it take events; the folder.

    Args:
        folder: An empty one.
        declared: The event's other fields, indented, and what is made of it.
        rows: The events.
        now_us: The time on the engine's clock.
    """
    (folder / "app.py").write_text(_APP + declared)
    app = load(folder / "app.py")
    with Engine.open(app, folder / ".forerun", clock=ManualClock(now_us)) as engine:
        engine.append("Passed", decode_rows(app.streams["Passed"], rows)[0])
    return folder
