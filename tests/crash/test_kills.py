"""Which real kills there are, before any happens: `make kills` carries them out."""

from collections import Counter
from pathlib import Path

import pytest
from tests.crash import till
from tests.crash.harness import FILLED, Findings, injected
from tests.crash.kills import FAILURES_MIN, FULL_KIB, KILLS_MIN, NEEDED, conclude, trials
from tests.crash.oracle import Oracle
from tests.crash.seeds import seed_base, telling

POINTS = [*(("pwrite64", number) for number in range(1, 91)), *(("fsync", number) for number in range(1, 5))]


def test_every_call_is_killed_once_and_every_fourth_restart() -> None:
    """No system call is left out, and each trial has a name that carries it out again."""
    made = trials(POINTS)
    assert len(set(made)) == len(made)
    kills = [trial.split(":") for trial in made if trial.startswith("kill:")]
    assert [(call, int(which)) for _, call, which, _ in kills] == POINTS
    assert sum(bool(again) for *_, again in kills) == 24
    assert [trial for trial in made if trial.startswith("fail:")] == [
        *("fail:fsync:EIO:1", "fail:fsync:EIO:3", "fail:pwrite64:EIO:1", "fail:pwrite64:EIO:61"),
        *("fail:pwrite64:ENOSPC:1", "fail:pwrite64:ENOSPC:46"),
    ]
    assert made[-1] == f"fill:{FULL_KIB[-1]}"


def test_a_commit_names_the_log() -> None:
    """The same commit has the same seed, and says so."""
    assert seed_base() == seed_base()
    assert seed_base()[0] < 2**34
    assert seed_base()[1].startswith(("commit", "the time"))


def test_every_commit_has_a_log_that_shows_something() -> None:
    """Decisions, labels and refusals are there whatever the hash; a log that has them is taken as it is."""
    stepped = 0
    for seed in (number * 2_654_435 for number in range(100)):
        chosen = telling(seed, till.whole)
        stepped += chosen != seed
        oracle = Oracle(till.whole(chosen))
        assert len(oracle.decisions) > 1
        assert len(oracle.takings()) > 1
        assert len(oracle.rushes()) > 1
        assert oracle.labels
        assert oracle.refused
        assert any(one["score"] is not None for one in oracle.predictions)
        assert seed <= chosen < seed + 30
        assert telling(chosen, till.whole) == chosen
    assert stepped > 10


def found(**others: object) -> Findings:
    """Findings of which just enough was tried, but for what is named."""
    enough = {
        "kills": Counter(fsync=KILLS_MIN),
        "failures": Counter({"EIO at fsync": FAILURES_MIN}),
        "full": Counter([FILLED]),
        "compared": Counter(dict.fromkeys(NEEDED, 1)),
    }
    return Findings(**{**enough, **others})  # type: ignore[arg-type]


UNMOUNTED = Counter({"not possible here (EPERM)": 13})


@pytest.mark.parametrize(
    ("findings", "status", "words"),
    [
        (found(), 0, "0 violated"),
        (found(kills=Counter()), 1, "FAILED: 0 processes were killed, at least 300 must be; seed 7"),
        (found(kills=Counter(fsync=KILLS_MIN - 1)), 1, "FAILED: 299 processes"),
        (found(failures=Counter(fsync=19)), 1, "FAILED: 19 calls were made to fail, at least 20"),
        (found(full=Counter({"large enough": 13})), 1, "FAILED: no disk was really full; seed 7"),
        (found(full=UNMOUNTED), 0, "NOT CHECKED: no disk was really full: not possible here (EPERM) 13"),
        (
            found(compared=found().compared - Counter(["I1 acknowledged", "I4 parts", "I5 recovered"])),
            1,
            "compared of I1 acknowledged, I4 parts, I5 recovered; seed 7",
        ),
        (found(problems=["gone"]), 1, "VIOLATION gone"),
    ],
)
def test_what_proves_nothing_fails(
    findings: Findings,
    status: int,
    words: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Too few kills or failing calls fail, none at all fail, and so does what had nothing to compare."""
    monkeypatch.delenv("CI", raising=False)
    assert conclude(findings, 1.0, 7) == status
    assert words in capsys.readouterr().out


def test_full_disks_are_needed_where_a_commit_is_vouched_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In CI a machine that cannot mount them fails."""
    monkeypatch.setenv("CI", "true")
    assert conclude(found(full=UNMOUNTED), 1.0, 7) == 1
    assert "FAILED: no disk was really full" in capsys.readouterr().out


def test_a_call_failed_only_if_strace_says_so() -> None:
    """Another error, a kill and the end of a process are none; a pipe is not the data directory."""
    error = "= -1 EIO (Input/output error) (INJECTED)"
    other = '9 mkdir("/d", 0777) = -1 EEXIST (File exists)\n9 +++ killed by SIGKILL +++'
    assert injected(f"9 fsync(3</d/x>) {error}\n9 +++ exited with 0 +++", Path("/d")) == (True, True)
    assert injected(f'9 write(7<pipe:[1]>, "x", 1) {error}', Path("/d")) == (False, True)
    assert injected(other, Path("/d")) == (False, False)
