"""Killed with no warning at any point, an app goes on as if nothing had happened."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

POINTS = 24
"""Kill points of the main test: each kind of operation at least once, the rest spread over the run."""


class Victim:
    """A process whose copies run the app and are killed."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.victim"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )

    def order(self, do: str, data: Path, **more: object) -> dict[str, Any]:
        """Let a copy do something; returns how it ended and what it said."""
        order = {"do": do, "data": str(data), "kill_at": None, "ask": False, "threads": False, **more}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the victim itself has ended"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def finish(self, data: Path, **more: object) -> None:
        """Run to the end, undisturbed."""
        ended = self.order("run", data, **more)
        assert ended["code"] == 0, ended

    def look(self, data: Path, **more: object) -> dict[str, Any]:
        """What is there in the end."""
        answer = self.order("look", data, **more)
        assert answer["code"] == 0, answer
        found: dict[str, Any] = answer["said"][0]["result"]
        return found

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


@pytest.fixture(scope="module")
def victim() -> Iterator[Victim]:
    """One process for all tests of this file."""
    started = Victim()
    yield started
    started.close()


@pytest.fixture(scope="module")
def undisturbed(victim: Victim, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], dict[str, Any]]:
    """The crash points of a whole run, and what it leaves."""
    data = tmp_path_factory.mktemp("undisturbed")
    answer = victim.order("run", data)
    assert answer["code"] == 0
    points: list[str] = answer["said"][0]["result"]["points"]
    return points, victim.look(data)


def chosen(points: list[str]) -> list[int]:
    """Numbers of the points to be killed at: the middle one of each kind, and others at even distances."""
    kinds = [[at for at, point in enumerate(points, 1) if point == kind] for kind in dict.fromkeys(points)]
    found = {places[len(places) // 2] for places in kinds}
    assert len(found) < POINTS, "more kinds of points than kills"
    others = [at for at in range(1, len(points) + 1) if at not in found]
    step = len(others) / (POINTS - len(found))
    return sorted(found | {others[int(step * number)] for number in range(POINTS - len(found))})


def test_the_undisturbed_run_does_everything(undisturbed: tuple[list[str], dict[str, Any]]) -> None:
    """What is compared below is not empty: predictions, labels, decisions, windows, refusals, every file."""
    points, found = undisturbed
    assert int(found["predictions"].split()[0]) > 1000
    assert int(found["labels"].split()[0]) > 1000
    assert int(found["rejected"].split()[0]) > 50
    assert found["sent"].count("\n") == found["closed"]["Hourly"]
    for name, fewest in (("Hourly", 200), ("Wave", 20)):
        assert int(found["windows"][name].split()[0]) == found["closed"][name] > fewest
    assert found["decisions"].count("\n") == found["rules"]["review"] > 30
    assert {"commit", "half written .tmp", "renamed .parquet", "half appended .jsonl"} <= set(points)
    assert "renamed .onnx" in points


@pytest.mark.parametrize("number", range(POINTS))
def test_a_kill_at_any_point_changes_nothing(
    victim: Victim, undisturbed: tuple[list[str], dict[str, Any]], tmp_path: Path, number: int
) -> None:
    """Predictions, labels, decisions, windows, refusals, counts and state are those of an undisturbed run.

    Every third time the restart is killed as well, early, while it recovers.
    """
    points, expected = undisturbed
    kill_at = chosen(points)[number]
    ended = victim.order("run", tmp_path, kill_at=kill_at)
    assert ended["killed"], f"point {kill_at}, {points[kill_at - 1]}: {ended}"
    if number % 3 == 0:
        assert victim.order("run", tmp_path, kill_at=1 + number % 5)["killed"]
    victim.finish(tmp_path)
    assert victim.look(tmp_path) == expected


@pytest.mark.parametrize("kill_at", [40, 75])
def test_kills_with_sinks_and_files_beside_the_steps(
    victim: Victim, undisturbed: tuple[list[str], dict[str, Any]], tmp_path: Path, kill_at: int
) -> None:
    """The same with relay and export in threads of their own, as in a real run."""
    assert victim.order("run", tmp_path, kill_at=kill_at, threads=True)["killed"]
    victim.finish(tmp_path, threads=True)
    assert victim.look(tmp_path) == undisturbed[1]


def test_what_was_answered_is_kept(victim: Victim, tmp_path: Path) -> None:
    """Killed again and again while predictions are asked for and events sent: what was acknowledged is there.

    Nothing is there twice, offsets have no gap, and a replay of the journal gives every bit again.
    """
    answers = [victim.order("run", tmp_path, kill_at=at, ask=True) for at in (31, 52, 47, 60, 38)]
    assert all(answer["killed"] for answer in answers)
    last = victim.order("run", tmp_path, ask=True)
    assert last["code"] == 0
    said = [line for answer in [*answers, last] for line in answer["said"]]
    predicted = [line["predicted"] for line in said if "predicted" in line]
    appended = [line["appended"][1] for line in said if "appended" in line]
    found = victim.look(tmp_path, ask=True)
    assert len(predicted) > 5
    assert set(predicted) <= set(found["ids"])
    assert len(set(found["ids"])) == len(found["ids"])
    assert len(set(appended)) == len(appended)
    assert max(appended) < found["offsets"]["Ordered"]
    assert found["replay"]["equal"], found["replay"]
    assert found["outbox"] == 0
