"""The registry counts versions, lets one answer, and remembers what happened."""

import sqlite3
from hashlib import sha256
from pathlib import Path

import pytest

from forerun.errors import ModelFileError, NotFoundError, StateError, UsageError
from forerun.governance.registry import FORMAT, Registry
from forerun.governance.version import ModelVersion


def opened(folder: Path) -> Registry:
    """A registry that knows an app and its features."""
    registry = Registry(folder)
    registry.add_app("app1", name="flights", definition="{}", created_us=1)
    registry.add_features("feat1", name="Late", definition="{}", created_us=1)
    return registry


def register(registry: Registry, onnx: bytes = b"one", name: str = "Late") -> ModelVersion:
    """A model with a baseline and some facts."""
    return registry.register(
        name,
        onnx,
        baseline=b"static",
        app_version="app1",
        feature_version="feat1",
        code_version="code1",
        facts={"rows": 3, "metrics": {"auc": 0.7}},
        created_us=5,
        by="test",
    )


def test_versions_count_from_one_per_model(tmp_path: Path) -> None:
    """Each model has its own numbers, without gaps."""
    registry = opened(tmp_path)
    numbers = [register(registry, onnx).number for onnx in (b"one", b"two", b"three")]
    assert numbers == [1, 2, 3]
    assert register(registry, b"one", "Other").number == 1
    assert [version.number for version in registry.versions("Late")] == [1, 2, 3]
    assert [(version.name, version.number) for version in registry.versions()][-1] == ("Other", 1)


def test_everything_is_there_after_reopening(tmp_path: Path) -> None:
    """A version read back has every fact it was registered with, and its files."""
    registry = opened(tmp_path)
    written = register(registry)
    registry.close()
    registry = Registry(tmp_path, read_only=True)
    read = registry.version("Late", 1)
    assert read == written
    assert read.facts == {"rows": 3, "metrics": {"auc": 0.7}}
    assert read.sha256 == sha256(b"one").hexdigest()
    assert read.baseline_sha256 is not None
    assert (registry.onnx(read.sha256), registry.onnx(read.baseline_sha256)) == (b"one", b"static")
    assert read.to_json()["version"] == read.version == f"v1-{read.sha256[:8]}"


def test_same_model_again_is_the_same_version(tmp_path: Path) -> None:
    """A run that was stopped after registering does not make a second version when it tries again."""
    registry = opened(tmp_path)
    assert register(registry) == register(registry)
    assert [event.what for event in registry.history("Late")] == ["registered"]


def test_one_version_answers_at_a_time(tmp_path: Path) -> None:
    """Activating one retires the other; going back to the old one works the same way."""
    registry = opened(tmp_path)
    register(registry, b"one")
    two = register(registry, b"two")
    assert registry.active("Late") is None
    registry.activate("Late", 1, at_us=10, by="ada", reason="first")
    registry.activate("Late", 2, at_us=20, by="ada", reason="better")
    assert registry.active("Late") == registry.version("Late", 2)
    assert [version.status for version in registry.versions("Late")] == ["retired", "active"]
    registry.activate("Late", 1, at_us=30, by="bob", reason="two was worse")
    assert [version.status for version in registry.versions("Late")] == ["active", "retired"]
    assert [(e.what, e.number, e.at_us, e.by, e.reason) for e in registry.history("Late")][2:] == [
        ("activated", 1, 10, "ada", "first"),
        ("retired", 1, 20, "ada", f"replaced by {two.version}"),
        ("activated", 2, 20, "ada", "better"),
        ("retired", 2, 30, "bob", f"replaced by {registry.version('Late', 1).version}"),
        ("activated", 1, 30, "bob", "two was worse"),
    ]


def test_activating_the_active_one_changes_nothing(tmp_path: Path) -> None:
    """Said twice, it is remembered once."""
    registry = opened(tmp_path)
    register(registry)
    for at_us in (10, 20):
        registry.activate("Late", 1, at_us=at_us, by="ada", reason="")
    assert [event.at_us for event in registry.history("Late")] == [5, 10]


def test_retired_model_answers_no_more(tmp_path: Path) -> None:
    """Without an active version there is none, rather than the last one."""
    registry = opened(tmp_path)
    register(registry)
    registry.activate("Late", 1, at_us=10, by="ada", reason="")
    for at_us in (20, 30):
        assert registry.retire("Late", 1, at_us=at_us, by="ada", reason="wrong").status == "retired"
    assert registry.active("Late") is None
    assert [event.what for event in registry.history()] == ["registered", "activated", "retired"]


def test_damaged_model_is_not_activated(tmp_path: Path) -> None:
    """A version whose file is damaged never takes over from one that works."""
    registry = opened(tmp_path)
    register(registry, b"one")
    two = register(registry, b"two")
    registry.activate("Late", 1, at_us=10, by="ada", reason="")
    registry.files.path(two.sha256).write_bytes(b"tw0")
    with pytest.raises(ModelFileError, match="damaged"):
        registry.activate("Late", 2, at_us=20, by="ada", reason="")
    active = registry.active("Late")
    assert active is not None
    assert active.number == 1


def test_unknown_versions_are_named(tmp_path: Path) -> None:
    """Asking for what is not there lists what is."""
    registry = opened(tmp_path)
    with pytest.raises(NotFoundError, match="none is registered"):
        registry.version("Late", 1)
    register(registry)
    with pytest.raises(NotFoundError, match="'Late' has no version 7; it has 1"):
        registry.activate("Late", 7, at_us=0, by="", reason="")
    with pytest.raises(NotFoundError, match="no version 2"):
        registry.retire("Late", 2, at_us=0, by="", reason="")


def test_lineage_is_complete(tmp_path: Path) -> None:
    """A model of an app or of features nobody knows is refused before anything is written."""
    registry = Registry(tmp_path)
    with pytest.raises(UsageError, match="app version 'app1'"):
        register(registry)
    registry.add_app("app1", name="flights", definition="{}", created_us=1)
    with pytest.raises(UsageError, match="feature version 'feat1'"):
        register(registry)
    assert list((tmp_path).glob("models/*")) == []


@pytest.mark.parametrize("change", ["DELETE FROM model_event", "UPDATE model_event SET by = 'nobody'"])
def test_history_cannot_be_rewritten(tmp_path: Path, change: str) -> None:
    """The database itself refuses to change or remove an event."""
    registry = opened(tmp_path)
    register(registry)
    registry.close()
    with (
        sqlite3.connect(tmp_path / "registry.db") as connection,
        pytest.raises(sqlite3.IntegrityError, match="never"),
    ):
        connection.execute(change)
    connection.close()


def test_files_that_are_no_registry_are_refused(tmp_path: Path) -> None:
    """A newer format, an empty database and a text file each get a message, not a stack of SQL."""
    opened(tmp_path).close()
    with sqlite3.connect(tmp_path / "registry.db") as connection:
        connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    connection.close()
    with pytest.raises(StateError, match="newer forerun"):
        Registry(tmp_path)
    (tmp_path / "empty").mkdir()
    sqlite3.connect(tmp_path / "empty" / "registry.db").close()
    with pytest.raises(StateError, match="run the app first"):
        Registry(tmp_path / "empty", read_only=True)
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "registry.db").write_text("hello" * 1000)
    with pytest.raises(StateError, match=r"registry\.db"):
        Registry(tmp_path / "text")


def test_readers_see_what_a_writer_does(tmp_path: Path) -> None:
    """A second process that only looks sees each version as soon as it is registered."""
    writer = opened(tmp_path)
    reader = Registry(tmp_path, read_only=True)
    assert reader.versions() == ()
    register(writer)
    assert [version.number for version in reader.versions()] == [1]
