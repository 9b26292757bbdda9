"""Which real kills there are, before any happens: `make kills` carries them out."""

from tests.crash.kills import FULL_KIB, trials
from tests.crash.seeds import seed_base

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
