"""`forerun windows`: which windows there are, and what was in those that closed."""

from pathlib import Path

import pytest
from tests.cli.command import forerun
from tests.cli.gates import gates

GATES = """\
    weight: float | None

@app.windows(Passed, by="gate", over=fr.tumbling("1h"))
class Hourly:
    passed = fr.count()
    mean_weight = fr.mean(Passed.weight)

@app.windows(Passed, by="gate", over=fr.session("5m", max="1d"))
class Busy:
    passed = fr.count()
"""
HOUR_US = 3_600_000_000


KINDS = """\
    who: str

@app.windows(Passed, by="gate", over=fr.tumbling("1h"))
class Hourly:
    latest = fr.last(Passed.who)
    people = fr.first_n(Passed.who, 2)
    seen = fr.last(Passed.at)
    left = fr.time_since()
"""


def test_every_kind_of_value_is_shown(tmp_path: Path) -> None:
    """Texts letter by letter, lists without quotes, times as times and durations as durations."""
    rows = [{"gate": 1, "at": at, "who": "a[red]b"} for at in (0, HOUR_US // 2, HOUR_US)]
    project = gates(tmp_path, KINDS, rows, now_us=4 * HOUR_US)
    found = [line.split("  ") for line in forerun("windows", "Hourly", "-a", project).out.splitlines()]
    assert [cell.strip() for cell in found[1] if cell.strip()][3:] == [
        "a[red]b",
        "a[red]b, a[red]b",
        "1970-01-01 00:30:00",
        "30m 00s",
    ]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An app whose gates were passed in three hours of 1970."""
    rows = [
        {"gate": gate, "at": hour * HOUR_US + gate, "weight": 2.5 * gate if gate > 1 else None}
        for hour in (0, 1, 2)
        for gate in (1, 2)
    ]
    return gates(tmp_path, GATES, rows, now_us=4 * HOUR_US)


def test_newest_windows_come_first(project: Path) -> None:
    """The hour that is not over is not there; an absent mean is a dash."""
    said = forerun("windows", "Hourly", "-a", project)
    assert [line.split() for line in said.out.splitlines()] == [
        ["gate", "from", "(UTC)", "to", "(UTC)", "passed", "mean_weight"],
        ["1", "1970-01-01", "01:00", "1970-01-01", "02:00", "1", "-"],
        ["2", "1970-01-01", "01:00", "1970-01-01", "02:00", "1", "5"],
        ["1", "1970-01-01", "00:00", "1970-01-01", "01:00", "1", "-"],
        ["2", "1970-01-01", "00:00", "1970-01-01", "01:00", "1", "5"],
    ]


def test_of_one_entity_as_json(project: Path) -> None:
    """A row a line, at most so many."""
    said = forerun("windows", "Hourly", "gate=2", "--limit", 1, "-a", project, "--json")
    assert said.rows == [
        {
            "gate": 2,
            "start": "1970-01-01T01:00:00.000000Z",
            "end": "1970-01-01T02:00:00.000000Z",
            "passed": 1,
            "mean_weight": 5.0,
        }
    ]


def test_sessions_show_their_own_ends(project: Path) -> None:
    """To the microsecond where it is no whole minute."""
    said = forerun("windows", "Busy", "gate=1", "-a", project)
    assert "01:00:00.000001" in said.out
    assert "01:05:00.000001" in said.out
    assert forerun("windows", "Busy", "gate=7", "-a", project).out == "No such window has closed.\n"


def test_without_a_name_it_lists_the_classes(project: Path) -> None:
    """With what they are over."""
    said = forerun("windows", "-a", project)
    assert "Hourly" in said.out
    assert "sessions with gaps up to 5m, 1d at most" in said.out
    names = [row["windows"] for row in forerun("windows", "-a", project, "--json").rows]
    assert names == ["Hourly", "Busy"]


def test_status_counts_them(project: Path) -> None:
    """By class."""
    assert forerun("status", project, "--json").json["windows"] == {"Hourly": 4, "Busy": 4}
    assert "Hourly" in forerun("status", project).out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["Hourley"], "Hourly"),
        (["Hourly", "door=1"], "'door' is no part of the key; write gate=..."),
        (["Hourly", "gate=one"], "gate='one' is no int"),
    ],
)
def test_wrong_use_says_what_to_write(project: Path, words: list[str], said: str) -> None:
    """An unknown class, an unknown part, a value of another type."""
    failed = forerun("windows", *words, "-a", project)
    assert failed.code != 0
    assert said in failed.err
