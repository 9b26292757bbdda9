"""Help: it teaches, it is quick, and it never breaks."""

import subprocess
import sys

import pytest
from tests.cli.command import forerun

from forerun.cli import main as command_line

COMMANDS = sorted(
    name for name in (info.name for info in command_line.app.registered_commands) if name is not None
)


def test_root_help_shows_the_way_in() -> None:
    """Someone who types `forerun` learns the three steps to a first prediction, in order."""
    said = forerun("--help")
    assert said.code == 0
    steps = [said.out.index(f"forerun {step}") for step in ("new shop", "run shop", "features --prediction")]
    assert steps == sorted(steps)


def test_no_command_is_help() -> None:
    """`forerun` alone shows the help, not an error about a missing command."""
    said = forerun()
    assert "Three steps to a first prediction" in said.out + said.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_examples(command: str) -> None:
    """`forerun COMMAND --help` says what it does and shows at least two ways to call it."""
    said = forerun(command, "--help")
    assert said.code == 0
    examples = said.out[said.out.index("Examples:") :]
    assert examples.count(f"forerun {command}") >= 2


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_a_terminal(command: str) -> None:
    """No line of help is wider than 110 columns."""
    assert max(map(len, forerun(command, "--help").out.splitlines())) <= 110


@pytest.mark.parametrize("words", [["--help"], ["keys", "--help"], ["--version"]])
def test_help_loads_nothing_that_it_does_not_need(words: list[str]) -> None:
    """Help is answered before numpy, pyarrow, rich or even pydantic is imported: it is there at once."""
    script = (
        "import sys\nfrom forerun.cli.main import app\n"
        f"try: app({words!r}, prog_name='forerun')\nexcept SystemExit: pass\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    heavy = {"numpy", "pyarrow", "onnxruntime", "lightgbm", "rich", "pydantic", "uvicorn", "sklearn"}
    assert heavy & set(run.stderr.split()) == set()


def test_version() -> None:
    """`--version` names the program and its version."""
    said = forerun("--version")
    assert said.code == 0
    assert said.out.startswith("forerun 0.")
