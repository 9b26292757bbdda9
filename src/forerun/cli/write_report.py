"""Writes the report of an app."""

from pathlib import Path
from typing import TYPE_CHECKING

from forerun.cli.place import Place
from forerun.console.report.gather import gather
from forerun.console.report.page import page
from forerun.monitoring.status import Status
from forerun.runtime.clock import SystemClock
from forerun.state.files import RealFiles, write_durably

if TYPE_CHECKING:
    from forerun.runtime.app import App


def write_report(place: Place, app: "App", status: Status, path: Path | None = None) -> Path:
    """Gather and write; a report that was there is replaced at once or not at all.

    Args:
        place: The app's place.
        app: The app.
        status: The engine's counts.
        path: Where; None: in the data directory.

    Returns:
        The path.
    """
    commands = [f"forerun run {place.argument} --fresh --yes", f"forerun replay {place.argument}"]
    facts = gather(app, place.data, status, now_us=SystemClock().now_us(), commands=commands)
    path = place.report if path is None else path
    write_durably(RealFiles(), path, page(facts).encode())
    return path
