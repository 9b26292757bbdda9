"""Which real kills there are, before any happens: `make kills` carries them out."""

from collections import Counter

import pytest
from tests.crash import till
from tests.crash.kills import FULL_KIB, KILLS_MIN, Findings, conclude, trials
from tests.crash.oracle import Oracle
from tests.crash.seeds import seed_base, telling

from forerun.testing.invariants import INVARIANTS

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
        chosen = telling(seed)
        stepped += chosen != seed
        oracle = Oracle(till.events(chosen))
        assert len(oracle.decisions) > 1
        assert oracle.labels
        assert oracle.refused
        assert any(one["score"] is not None for one in oracle.predictions)
        assert seed <= chosen < seed + 30
        assert telling(chosen) == chosen
    assert stepped > 10


COMPARED = Counter(dict.fromkeys(INVARIANTS, 1))


@pytest.mark.parametrize(
    ("findings", "status", "words"),
    [
        (Findings(Counter(fsync=KILLS_MIN), compared=COMPARED), 0, "0 violated"),
        (Findings(compared=COMPARED), 1, "FAILED: 0 processes were killed, at least 300 must be; seed 7"),
        (Findings(Counter(fsync=KILLS_MIN - 1), compared=COMPARED), 1, "FAILED: 299 processes"),
        (
            Findings(Counter(fsync=KILLS_MIN), compared=COMPARED - Counter(["I6", "I7"])),
            1,
            "by I6 effects are the decisions, I7 refused are the poison; seed 7",
        ),
        (Findings(Counter(fsync=KILLS_MIN), compared=COMPARED, problems=["gone"]), 1, "VIOLATION gone"),
    ],
)
def test_what_proves_nothing_fails(
    findings: Findings, status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Too few kills fail, none at all fail, and so does an invariant that had nothing to compare."""
    assert conclude(findings, 1.0, 7) == status
    assert words in capsys.readouterr().out
