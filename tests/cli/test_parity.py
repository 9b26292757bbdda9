"""`forerun parity` on an app that has never run: a table, a report, and an exit status that says it all."""

import json
import os
from pathlib import Path

import pytest
from tests.cli.command import forerun

from forerun.testing.parity import check as check_module
from forerun.testing.parity.level import Difference, Level

APP = """
import forerun as fr

app = fr.App("shop")

@app.stream(key="shop", lateness="1m")
class Sold(fr.Event):
    shop: str
    at: fr.EventTime
    price: float | None

@app.features(Sold, by="shop")
class Shop:
    sold_5m = fr.count(over="5m")
    mean_1h = fr.mean(Sold.price, over="1h")
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An app without a source."""
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def test_an_app_without_a_source_is_tested(app: Path) -> None:
    """Events are drawn, values are compared, and both reports are written where they are told to be."""
    said = forerun(
        "parity", str(app), "--seconds", "1", "--permutations", "2", "--seed", "7", "--out", str(app / "out")
    )

    assert said.code == 0, said.out + said.err
    assert "Equal." in said.out
    assert said.err.split(" ...\n")[:3] == ["P1 replay", "P2 order", "P3 oracle"]
    assert [word in said.out for word in ("P1 replay", "P2 order", "P3 oracle", "one hash in 16 runs")] == [
        True
    ] * 4
    found = json.loads((app / "out" / "parity.json").read_text())
    assert (found["app"], found["equal"]) == ("shop", True)
    assert found["cells"] > 1_000
    report = (app / "out" / "parity.md").read_text()
    assert "# Parity of shop" in report
    assert "`forerun parity --seed 7` draws the same events again." in report


def test_where_nothing_can_be_written_is_said_first(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not after a minute of work, and not with a traceback."""
    (app / "file").touch()
    said = forerun("parity", app, "--out", app / "file" / "out")
    assert (said.code, said.err.startswith("error[FR-USE-ARGUMENT]: cannot make ")) == (2, True)
    # A test may run as root, whom no mode stops.
    monkeypatch.setattr("os.access", lambda _path, mode: mode != os.W_OK)
    said = forerun("parity", app, "--out", app)
    assert (said.code, said.err.startswith("error[FR-USE-ARGUMENT]: nothing can be ")) == (2, True)


def test_a_difference_is_explained_and_fails(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit status is 1, and the cell is named with both values and the events behind it."""
    events = [{"time": "2013-01-01T00:00:00+00:00", "value": 2.5}]

    def wrong(*_: object, **__: object) -> Level:
        level = Level("P3 oracle", "every value", cells=9)
        level.differ(Difference("read", "Shop", "mean_1h", {"shop": "hot"}, 7, 2.5, 2.6, events=events))
        return level

    monkeypatch.setattr(check_module, "truth", wrong)
    said = forerun("parity", str(app), "--seconds", "0", "--permutations", "1", "--json")

    assert said.code == 1
    [level] = [level for level in json.loads(said.out)["levels"] if level["level"] == "P3 oracle"]
    assert (level["first"]["expected"], level["first"]["actual"]) == (2.5, 2.6)
    assert "| 2013-01-01T00:00:00+00:00 | 2.5 |" in (app / ".forerun" / "parity.md").read_text()
