"""The live view: what is on the screen, and that it always fits."""

import dataclasses
import io

import pytest
from rich.console import Console
from tests.console.moments import collecting, serving

from forerun.console.facts import LiveFacts, StreamFacts
from forerun.console.live import LiveView, screen


def text(facts: LiveFacts, width: int = 80, height: int = 24) -> str:
    """The view as plain text."""
    return "\n".join(row.plain for row in screen(facts, width, height - 1))


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (120, 40), (200, 60)])
@pytest.mark.parametrize("facts", [serving(), collecting()], ids=["serving", "collecting"])
def test_every_line_fits_the_terminal(facts: LiveFacts, width: int, height: int) -> None:
    """No line is longer than the terminal is wide, and one line stays free for the prompt."""
    rows = screen(facts, width, height - 1)
    assert max(row.cell_len for row in rows) <= width
    assert len(rows) == height - 1


def test_numbers_that_grow_move_nothing() -> None:
    """The screen keeps its shape while counts go from one digit to seven, so the eye can rest."""
    small = screen(dataclasses.replace(serving(), predictions=1, rate_per_s=1.0), 80, 23)
    large = screen(dataclasses.replace(serving(), predictions=9_999_999, rate_per_s=123_456.0), 80, 23)
    assert [row.cell_len for row in small] == [row.cell_len for row in large]
    assert small[2].plain.index("events/s") == large[2].plain.index("events/s")


def test_quality_stands_beside_its_baselines() -> None:
    """AUC and log loss of the model, of the static baseline and of the base rate are on the small screen."""
    shown = text(serving())
    for figure in ("0.781", "0.412", "0.662", "0.471", "0.500", "0.503", "last 20,000 labels"):
        assert figure in shown


def test_what_was_not_applied_is_counted_per_stream() -> None:
    """Late, quarantined and duplicate events of a stream stand in its row."""
    row = next(line for line in text(serving()).splitlines() if line.startswith("Arrived"))
    assert row.split()[:7] == ["Arrived", "214,730", "2h00", "1m", "1204", "0", "17"]


def test_stale_streams_change_colour() -> None:
    """The age of a stream is green within its promise, yellow beyond it and plain without one."""
    rows = {
        row.plain.split()[0]: row for row in screen(serving(), 80, 23) if row.plain[:4] in ("Sche", "Arri")
    }
    assert any(span.style == "green" for span in rows["Scheduled"].spans)
    assert not any(span.style == "green" for span in rows["Arrived"].spans)


def test_progress_never_says_done_too_early() -> None:
    """99.9 % is shown as 99 %, and the bar has a gap, until the source has ended."""
    shown = text(dataclasses.replace(serving(), done=0.999))
    assert " 99 %" in shown
    assert "100 %" not in shown
    assert "100 %" in text(dataclasses.replace(serving(), done=1.0, phase="done"))


def test_unknown_length_has_no_bar() -> None:
    """A source that does not say how long it is gets no percentage made up for it."""
    assert "%" not in text(dataclasses.replace(serving(), done=None)).splitlines()[1]


def test_phases_are_lit_in_order() -> None:
    """Phases behind are ticked, the present one is lit, those ahead are open."""
    assert "● collect   ○ train   ○ serve" in text(collecting())
    assert "✓ collect   ✓ train   ● serve" in text(serving())
    assert "✓ collect   ✓ train   ✓ serve" in text(dataclasses.replace(serving(), phase="done"))


def test_more_streams_than_room() -> None:
    """Twenty streams do not push the decisions off the screen."""
    many = tuple(StreamFacts(f"Stream{index}", index) for index in range(20))
    rows = screen(dataclasses.replace(serving(), streams=many), 80, 39)
    assert len(rows) == 39
    assert any("rebooking" in row.plain for row in rows)


def test_larger_terminal_shows_more_decisions() -> None:
    """Height goes to decisions and the chart, not to blank lines."""
    assert text(serving(), 120, 40).count("rebooking") > text(serving(), 80, 24).count("rebooking")


def test_no_colour_when_nobody_looks() -> None:
    """Written to a file the view has no escape codes."""
    out = io.StringIO()
    Console(file=out, width=80, height=24).print(LiveView(serving()))
    assert "\x1b" not in out.getvalue()


def test_stopping_is_said() -> None:
    """Whoever pressed Ctrl-C sees that it was heard, and what a second one does."""
    shown = text(dataclasses.replace(serving(), stopping=True))
    assert "stopping after this step; Ctrl-C again ends at once" in shown
    assert "run again to go on" not in shown
