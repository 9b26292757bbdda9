"""The screen: a live view on a terminal, paced lines elsewhere, JSON for programs."""

import io
import json

import pytest
from rich.console import Console
from tests.console.moments import serving

from forerun.console.screen import Screen


def test_terminal_gets_the_live_view() -> None:
    """On a terminal the whole view is drawn again at each refresh, and the cursor comes back at the end."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80, height=24)
    with Screen(console, serving) as screen:
        screen.refresh()
        screen.refresh()
    text = out.getvalue()
    assert text.count("Last decisions") >= 2
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_pipe_gets_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal there is one plain line, and no second one for the same moment."""
    with Screen(Console(file=io.StringIO()), serving) as screen:
        screen.refresh()
        screen.refresh()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("serve     62 %")


def test_program_gets_json(capsys: pytest.CaptureFixture[str]) -> None:
    """With JSON asked for, a terminal makes no difference."""
    console = Console(file=io.StringIO(), force_terminal=True)
    with Screen(console, serving, as_json=True) as screen:
        screen.refresh()
    said = json.loads(capsys.readouterr().out)
    assert (said["event"], said["phase"], said["predictions"]) == ("progress", "serve", 221_301)
    assert said["quality"][0] == {"name": "streaming", "auc": 0.7812, "log_loss": 0.4121}
    assert "history" not in said
