"""Training from history: the same history gives the same version."""

import shutil
import sqlite3
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.runtime.conftest import Served

from forerun.errors import ModelFileError
from forerun.governance.registry import Registry
from forerun.runtime.active import Roster
from forerun.runtime.clock import SystemClock
from forerun.runtime.trainer import Trainer


@pytest.fixture
def trainer(served: Served, tmp_path: Path) -> Iterator[Trainer]:
    """A trainer on a copy of the finished run."""
    shutil.copytree(served.directory, tmp_path / "data")
    registry = Registry(tmp_path / "data")
    yield Trainer(served.layout, tmp_path / "data", registry, SystemClock())
    registry.close()


def test_training_again_on_the_same_history_changes_nothing(trainer: Trainer) -> None:
    """What a killed process does again gives the same files and the same version number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a regression that does not converge is a fine model here
        first = trainer.train("Refunded", by="test", reason="more labels", step=9, activate=False)
        again = trainer.train("Refunded", by="test", reason="more labels", step=9)
    assert (first.number, first.status) == (2, "candidate")
    assert (again.number, again.status, again.sha256) == (2, "active", first.sha256)
    assert trainer.registry.version("Refunded", 1).status == "retired"
    assert again.facts["rows"] > trainer.registry.version("Refunded", 1).facts["rows"]  # type: ignore[operator]
    assert [event.what for event in trainer.registry.history("Refunded")].count("registered") == 2


def test_facts_say_where_the_rows_come_from(trainer: Trainer, served: Served) -> None:
    """Steps, offsets and event times of the training range, so that it can be found again."""
    facts = trainer.registry.version("Refunded", 1).facts
    found: dict[str, object] = facts["range"]  # type: ignore[assignment]  # a dict
    assert found["stream"] == "Ordered"
    assert found["steps"] is not None
    arrivals = served.events["Ordered"]["_arrival"].to_numpy()
    [last] = [pair[1] for pair in dict(found["offsets"]).values()]  # type: ignore[call-overload]  # a dict
    assert arrivals[last] <= int(arrivals[0]) + 12 * 3_600_000_000


def test_a_version_of_other_features_does_not_answer(trainer: Trainer, served: Served) -> None:
    """The active version scores only when it was trained on the app's present inputs."""
    roster = Roster(served.layout, trainer.registry)
    active = roster.active()["Refunded"]
    assert active is not None
    assert active.version == trainer.registry.version("Refunded", 1).version
    stored = sqlite3.connect(trainer.directory / "registry.db")
    with stored:
        stored.execute("UPDATE model SET feature_version = 'other'")
    stored.close()
    assert Roster(served.layout, trainer.registry).active() == {"Refunded": None}


def test_a_version_that_is_gone_is_named(trainer: Trainer, served: Served) -> None:
    """The log says which version answered; without it a replay cannot be."""
    with pytest.raises(
        ModelFileError, match=r"names version v9-00000000 of Refunded, and the registry has v1-"
    ):
        Roster(served.layout, trainer.registry).version("Refunded", "v9-00000000")
