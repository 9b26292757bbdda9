"""Failures: a code, a sentence, a next step, an exit status; a traceback only when asked for."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.command import forerun

from forerun.cli.failure import explain
from forerun.errors import DurationError, FitError, NotFoundError


def test_wrong_use_is_two_and_failure_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts can tell a typing mistake from a failure by the exit status."""
    assert explain(NotFoundError("no view 'Orgin'. Did you mean 'Origin'?")) == 2
    assert explain(FitError("fit returned None")) == 1
    assert explain(ZeroDivisionError("division by zero")) == 1
    err = capsys.readouterr().err
    assert "error[FR-USE-NAME]: no view 'Orgin'. Did you mean 'Origin'?\n" in err
    assert "error[FR-MODEL-FIT]: fit returned None\n" in err


def test_definition_errors_name_file_and_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake in app.py can be clicked on."""
    explain(DurationError("'5x' is not a duration; write '5m'", at=("app.py", 12)))
    assert capsys.readouterr().err == (
        "error[FR-DEF-DURATION]: app.py:12: '5x' is not a duration; write '5m'\n"
    )


def test_unexpected_failure_says_where_and_how_to_report(capsys: pytest.CaptureFixture[str]) -> None:
    """A fault of ours is called one, with its place, and without a traceback."""
    try:
        {}["nothing"]  # type: ignore[index]
    except KeyError as error:
        explain(error)
    err = capsys.readouterr().err
    assert "error[FR-INTERNAL]: KeyError: 'nothing' at" in err
    assert "test_failure.py" in err
    assert "FORERUN_DEBUG=1" in err
    assert "Traceback" not in err


def test_missing_app_is_no_traceback(tmp_path: Path) -> None:
    """An app that is not there is said in one line."""
    said = forerun("models", "--app", tmp_path / "nowhere")
    assert said.code == 1
    assert said.err.startswith("error[FR-DEF-APP]: there is no ")
    assert said.out == ""


def test_unknown_command_suggests_the_nearest() -> None:
    """A typing mistake in a command's name is answered with the command that was meant."""
    said = forerun("modls")
    assert said.code == 2
    assert "'models'" in said.err


def test_unknown_option_is_wrong_use() -> None:
    """An option that does not exist ends with 2."""
    assert forerun("models", "--nosuch").code == 2


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    """FORERUN_DEBUG=1 shows the traceback instead."""
    run = subprocess.run(
        [sys.executable, "-m", "forerun.cli.main", "models", "--app", str(tmp_path / "nowhere")],
        env={"FORERUN_DEBUG": "1", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "Traceback" in run.stderr


def test_reader_that_leaves_is_no_failure_to_report(tmp_path: Path) -> None:
    """`forerun ... | head` ends quietly."""
    run = subprocess.run(
        f"{sys.executable} -m forerun.cli.main --help | head -c 10",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stderr == ""
