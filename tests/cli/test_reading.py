"""Looking from the command line: what cannot be computed, what is not there yet, and what is refused."""

from pathlib import Path

import pytest
from tests.cli.command import forerun
from tests.cli.gates import gates

GATES = """\
    weight: float

@app.features(Passed, by="gate")
class Gate:
    passed = fr.count()
    weight = fr.sum(Passed.weight)
    share = fr.sum(Passed.weight) / 2.0
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An app in which what passed the first gate weighs more than a double holds."""
    rows = [{"gate": gate, "at": 1_000_000, "weight": 1.5e308 / gate} for gate in (1, 1, 9)]
    return gates(tmp_path, GATES, rows, now_us=2_000_000)


@pytest.mark.parametrize("when", [[], ["--at", "1970-01-01T00:00:02", "--memory", "1B"]], ids=["now", "then"])
def test_what_cannot_be_computed_is_said(project: Path, when: list[str]) -> None:
    """A null that is no absence says so, in words and in JSON."""
    said = forerun("features", "Gate", "gate=1", *when, "-a", project)
    cells = [line.split("  ") for line in said.out.splitlines()]
    values = {words[0]: " ".join(words[1:]).split(" sum")[0].strip() for words in cells if words[0]}
    assert values["weight"] == values["share"].split(" (")[0] == "cannot be computed"
    found = forerun("features", "Gate", "gate=1", *when, "-a", project, "--json").json
    assert found["values"] == {"passed": 2, "weight": None, "share": None}
    assert found["not_computed"] == ["weight", "share"]
    assert forerun("features", "Gate", "gate=9", *when, "-a", project, "--json").json["not_computed"] == []


PICKY = """
def picky(values, times_us, t_us):
    raise KeyError("[red]")

@app.windows(Passed, by="gate", over=fr.tumbling("1s"))
class Seconds:
    odd = fr.custom(picky, Passed.weight)
"""


def test_the_status_says_what_a_function_said_that_failed(tmp_path: Path) -> None:
    """As it is, and no markup of ours, beside how often the feature could not be computed."""
    rows = [{"gate": 1, "at": at, "weight": 1.0} for at in (1_000_000, 2_000_000, 3_000_000)]
    gates(tmp_path, GATES + PICKY, rows, now_us=9_000_000)
    found = forerun("status", tmp_path, "--json").json
    assert (found["overflows"], found["failed"]) == ({"Seconds.odd": 2}, {"Seconds.odd": "KeyError: '[red]'"})
    said = [line.split() for line in forerun("status", tmp_path).out.splitlines() if "Seconds.odd" in line]
    assert said == [["Seconds.odd", "2"], ["Seconds.odd", "KeyError:", "'[red]'"]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--at", "2025-01-01"], "--at is the time of a view's features: name the view"),
        (["Gate", "gate=1", "--memory", "2XB"], "'2XB' is no size of a memory; write 2GiB or 500MB"),
        (["--per-day", "1e300"], "Input should be less than or equal to 1000000000000"),
    ],
)
def test_mistakes_are_answered(project: Path, words: list[str], message: str) -> None:
    """Nothing that was asked is left out silently, and nothing ends with a fault of forerun."""
    said = forerun("features", *words, "-a", project)
    assert said.code == 2
    assert message in " ".join(said.err.split())


def test_an_app_without_features_is_told_so(tmp_path: Path) -> None:
    """In place of a table with a head and no rows."""
    (tmp_path / "app.py").write_text("import forerun as fr\napp = fr.App('bare')\n")
    assert forerun("features", "-a", tmp_path).out.startswith("This app declares no features; write @app.")
    assert forerun("features", "-a", tmp_path, "--json").out == ""


COMMANDS = ("status", "late", "replay", "features")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_run_that_was_killed_at_once_has_nothing_yet(project: Path, command: str) -> None:
    """A database without tables is no fault of forerun and no broken disk."""
    (project / "empty").mkdir()
    (project / "empty" / "forerun.db").touch()
    app = ["Gate", "gate=1", "-a", project] if command == "features" else [project]
    said = forerun(command, *app, "--data-dir", project / "empty")
    assert said.code == 2
    assert "error[FR-USE-EMPTY]: gates has begun to run here, and committed nothing yet" in said.err


@pytest.mark.parametrize("command", ["run", "training-set", *COMMANDS[:-1]])
def test_data_need_a_directory(project: Path, command: str) -> None:
    """Before anything is done, and without advice about broken disks."""
    said = forerun(command, project, "--data-dir", project / "app.py")
    assert said.code == 2
    assert "app.py is a file; name a directory" in said.err


def test_a_file_without_an_app_is_named(tmp_path: Path) -> None:
    """No line is to blame, so none is named."""
    (tmp_path / "app.py").write_text("x = 1")
    assert f"error[FR-DEF-APP]: {tmp_path / 'app.py'}: no app in this file" in forerun("run", tmp_path).err


@pytest.mark.parametrize("command", ["parity", "prove"])
def test_without_streams_nothing_can_be_played(tmp_path: Path, command: str) -> None:
    """An app that declares nothing yet is told what to declare."""
    (tmp_path / "app.py").write_text("import forerun as fr\n\napp = fr.App('bare')\n")
    said = forerun(command, tmp_path)
    assert said.code == 2
    assert "declares no stream; write @app.stream(" in said.err
