"""Plain progress lines, for pipes and logs."""

import dataclasses

from tests.console.moments import collecting, serving

from forerun.console.plain import EVERY_US, PlainProgress


def test_line_says_what_a_watcher_wants() -> None:
    """Phase, share done, event clock, speed, predictions, AUC beside baselines, losses and time left."""
    assert PlainProgress().line(serving()) == (
        "serve     62 %  2013-08-14 17:06  14,210 events/s  221,301 predictions  "
        "AUC streaming 0.781, static 0.662, base rate 0.500  1,336 not applied  1m 12s left"
    )


def test_lines_are_paced() -> None:
    """One line, then silence for five seconds of the same phase."""
    progress = PlainProgress()
    start = collecting()
    assert progress.line(start) is not None
    assert progress.line(dataclasses.replace(start, elapsed_us=EVERY_US - 1)) is None
    assert progress.line(dataclasses.replace(start, elapsed_us=EVERY_US)) is not None


def test_phase_and_note_are_said_at_once() -> None:
    """A new phase or note does not wait its turn, and a note is said once."""
    progress = PlainProgress()
    progress.line(collecting())
    trained = dataclasses.replace(collecting(), phase="train", note="trained on 66,000 rows")
    said = progress.line(trained)
    assert said is not None
    assert said.endswith("trained on 66,000 rows")
    assert progress.line(trained) is None
    later = progress.line(dataclasses.replace(trained, elapsed_us=2 * EVERY_US))
    assert later is not None
    assert "trained on" not in later
