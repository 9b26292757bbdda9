"""Whoever sends events to a run that is killed, or looks at its files, knows what must be found again."""

from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
from tests.crash.agreement import misplaced, unlike_oracle, unlike_oracle_when_recovered
from tests.crash.bystander import Bystander, Recovered
from tests.crash.copies import Ended
from tests.crash.oracle import Oracle
from tests.crash.sender import NotAcknowledgedError, Notes
from tests.crash.workload import Workload, find, run

from forerun.errors import CommitError
from forerun.runtime.engine import Engine
from forerun.testing.outcome import Found

SEED = 4
ONCE = (1, 1, 1)


def ran(folder: Path, **more: tuple[int, ...]) -> tuple[Workload, Notes, Found, Bystander]:
    """A whole run, and what somebody knows of it."""
    load, notes, seen = Workload.of(SEED, folder), Notes(folder / "notes"), Bystander()
    left = run(load, folder / "data", notes, seen.note, **more)
    return load, notes, find(load, folder / "data", left), seen


def test_what_is_sent_over_http_is_taken_where_it_was_said(tmp_path: Path) -> None:
    """Each event is acknowledged with the offset that it has in the log, and the oracle agrees with all."""
    load, notes, found, _ = ran(tmp_path)
    told = notes.told()
    there = [found.logged["Paid"][offset]["payment"] for offset in told.values()]
    assert there == ["sent 0", "sent 1", "sent 2"]
    assert notes.sent() == {0: 1, 1: 1, 2: 1}
    assert unlike_oracle(found, Oracle(load.log(ONCE), load.hop)) == []
    assert misplaced(found, dict(enumerate(load.sent)), told) == []
    assert "'sent 1' was acknowledged at" in misplaced(found, {1: load.sent[1]}, {1: told[1] + 1})[0]
    doubled = replace(found, logged={"Paid": [*found.logged["Paid"], found.logged["Paid"][told[2]]]})
    assert "and 1 behind" in misplaced(doubled, {2: load.sent[2]}, {2: told[2]})[0]


def test_what_was_acknowledged_is_not_sent_again_and_the_rest_is(tmp_path: Path) -> None:
    """The client's file decides, and outlives the run."""
    load, notes, _, _ = ran(tmp_path)
    kept = notes.path.read_text().splitlines()
    notes.path.write_text("\n".join([*kept[:-1], ""]))
    assert sorted(notes.told()) == [0, 1]
    left = run(load, tmp_path / "data", notes, Bystander().note)
    assert notes.sent() == {0: 1, 1: 1, 2: 2}
    found = find(load, tmp_path / "data", left)
    assert unlike_oracle(found, Oracle(load.log((1, 1, 2)), load.hop)) == []


def test_an_error_acknowledges_nothing(tmp_path: Path) -> None:
    """A commit that the disk refuses is answered with its code, and the client notes no offset."""

    def refused(*_: object, **__: object) -> None:
        raise CommitError("not committed: no space")

    notes = Notes(tmp_path / "notes")
    load = Workload.of(SEED, tmp_path)
    with patch.object(Engine, "append", refused), pytest.raises(NotAcknowledgedError, match="FR-STATE"):
        run(load, tmp_path / "data", notes, Bystander().note)
    assert notes.told() == {}
    assert notes.sent() == {0: 1}


def test_a_file_that_nobody_can_read_is_noticed(tmp_path: Path) -> None:
    """Of Parquet files those are kept that were whole, and the names of those that were not."""
    _, _, found, seen = ran(tmp_path)
    seen.look(tmp_path / "data")
    parts, halves = seen.parts()
    assert parts == found.parts
    assert halves == []
    [path, *_] = (tmp_path / "data/labels").rglob("*.parquet")
    path.write_bytes(path.read_bytes()[:100])
    seen.look(tmp_path / "data")
    assert seen.parts() == (parts, [str(path.relative_to(tmp_path / "data"))])


def test_only_a_later_run_can_take_away_what_somebody_saw() -> None:
    """What is seen during a run is held against what the next one finds when it opens."""
    seen = Bystander()
    first = [("opened", {"journal": 0}), ("saw", {"journal": 3}), ("saw", {"journal": 5})]
    seen.hear(Ended(killed=True, code=None, said=first))
    assert seen.ends == {}
    seen.hear(Ended(killed=False, code=0, said=[("opened", {"journal": 4})]))
    assert (seen.ends, seen.opened) == ({"journal": 5}, {"journal": 4})


@pytest.mark.parametrize("until", [2, 7, 12, 20])
def test_features_after_a_start_are_the_oracles(tmp_path: Path, until: int) -> None:
    """Stopped anywhere and started again, it reads what the oracle says at its place; else it is said."""
    load, notes, seen = Workload.of(SEED, tmp_path), Notes(tmp_path / "notes"), Bystander()
    load, log = replace(load, sent=[]), load.rows
    with Engine.open(load.app, tmp_path / "data") as engine:
        engine.run(load.source, until_us=load.rows[until]["_arrival"])
    run(load, tmp_path / "data", notes, seen.note)
    [recovered] = seen.recovered
    assert len(recovered.features) == 4
    assert sum(recovered.position) > until
    assert unlike_oracle_when_recovered(recovered, log) == []
    name, values = next(iter(recovered.features.items()))
    other = Recovered(recovered.position, "", recovered.now, {name: [values[0] + 1, *values[1:]]})
    assert f"{name} is" in unlike_oracle_when_recovered(other, log)[0]
    nowhere = Recovered((0, 99), "", 0, {})
    assert "no place in the log" in unlike_oracle_when_recovered(nowhere, log)[0]
