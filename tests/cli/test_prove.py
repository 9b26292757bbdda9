"""`forerun prove` comes to a verdict about any app, and gives a seed for what it finds."""

import json
import sys
from pathlib import Path

import pytest
from tests.cli.command import forerun

from forerun.errors import ArgumentError
from forerun.testing import proof
from forerun.testing.files import SimulatedFiles


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The starter project."""
    assert forerun("new", str(tmp_path / "shop")).code == 0
    return tmp_path / "shop"


def test_a_sound_app_is_proven(shop: Path) -> None:
    """At least one history, nothing lost, nothing doubled, and the app's own data untouched."""
    said = forerun("prove", str(shop), "--seconds", "2")
    assert said.code == 0, said.err
    assert "crash histories, 0 lost, 0 doubled" in said.out
    assert not (shop / ".forerun").exists()


def test_a_bug_is_found_with_its_seed(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed lives through the same history again: it fails with the bug, and passes without it."""
    with monkeypatch.context() as planted:
        planted.setattr(SimulatedFiles, "sync", lambda self, path: None)
        said = forerun("prove", str(shop), "--seconds", "60", "--json")
        assert said.code == 1
        seed = json.loads(said.out)["violations"][0]["seed"]
        again = forerun("prove", str(shop), "--seed", str(seed))
        assert again.code == 1
        assert f"forerun prove {shop} --seed {seed}" in again.out
    assert forerun("prove", str(shop), "--seed", str(seed)).code == 0


def test_without_apsw_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the pip command."""
    monkeypatch.setitem(sys.modules, "apsw", None)
    with pytest.raises(ArgumentError, match=r"pip install 'forerun\[prove\]'"):
        proof._require_apsw()
