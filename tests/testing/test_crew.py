"""Processes that work side by side stop together, say what went wrong, and leave nothing behind."""

import multiprocessing
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from forerun.errors import ArgumentError, DiskError
from forerun.testing.crew import Stop, Told, side_by_side
from forerun.testing.histories import Tally

pytestmark = pytest.mark.timeout(120)


@dataclass(frozen=True)
class Work:
    """Counts until it is told to stop, or does what its name says."""

    name: str = "count"

    def __call__(self, stop: Stop, told: Told) -> Tally:
        tally = Tally()
        while not tally.histories or not stop():
            tally.histories += 1
            told(tally.histories)
            if self.name == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.name == "disk":
                raise DiskError("full")
            if self.name == "bug":
                raise ZeroDivisionError
            if self.name == "wrong":
                tally.violations.append((7, "lost"))
                break
        return tally


def test_they_work_until_it_is_enough() -> None:
    """Every process counts, the sum is told, and time ends all of them."""
    told: list[int] = []
    found = side_by_side([Work(), Work()], enough=lambda: len(told) > 50, progress=told.append)
    assert min(tally.histories for tally in found) > 0
    assert sum(tally.histories for tally in found) >= told[-1] > 50
    assert multiprocessing.active_children() == []


def test_one_that_finds_something_stops_all() -> None:
    """The others would work for ever."""
    found = side_by_side([Work(), Work("wrong")], enough=lambda: False, progress=lambda _: None)
    assert [problem for tally in found for problem in tally.violations] == [(7, "lost")]


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("killed", ArgumentError, "exit status -9.*--processes 1"),
        ("disk", DiskError, "full"),
        ("bug", RuntimeError, "ZeroDivisionError"),
    ],
)
def test_what_stops_one_is_raised(name: str, error: type[Exception], words: str) -> None:
    """An error comes with its code, anything else with its traceback; nobody is left working."""
    with pytest.raises(error, match=words):
        side_by_side([Work(), Work(name)], enough=lambda: False, progress=lambda _: None)
    assert multiprocessing.active_children() == []


def test_ctrl_c_ends_them_and_clears_up(tmp_path: Path) -> None:
    """Ctrl-C in a terminal reaches every process: status 130, no traceback, no scratch left in memory."""
    script = """
import multiprocessing, os, signal, sys
from pathlib import Path
from forerun.cli import main, prove

def moved(counter, done):
    pids = [str(process.pid) for process in multiprocessing.active_children()]
    Path(__file__).with_name("pids").write_text(" ".join(pids))
    os.killpg(0, signal.SIGINT)

if __name__ == "__main__":
    prove._Counter.moved = moved
    sys.argv = ["forerun", "prove", sys.argv[1], "--seconds", "600", "--processes", "2"]
    main.main()
"""
    made = [sys.executable, "-m", "forerun.cli.main", "new", str(tmp_path / "shop")]
    subprocess.run(made, check=True, capture_output=True)
    (tmp_path / "script.py").write_text(script)
    command = [sys.executable, str(tmp_path / "script.py"), str(tmp_path / "shop")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, start_new_session=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
    pids = (tmp_path / "pids").read_text().split()
    assert len(pids) == 2
    for pid in pids:
        assert not Path(f"/proc/{pid}").exists()
        assert [*Path("/dev/shm").glob(f"forerun-{pid}-*")] == []
