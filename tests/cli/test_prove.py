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
    said = forerun("prove", str(shop), "--seconds", "2", "--processes", "1")
    assert said.code == 0, said.err
    assert "crash histories, 0 lost, 0 doubled" in said.out
    assert not (shop / ".forerun").exists()


def test_a_bug_is_found_with_its_seed(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed lives through the same history again: it fails with the bug, and passes without it."""
    with monkeypatch.context() as planted:
        planted.setattr(SimulatedFiles, "sync", lambda self, path: None)
        said = forerun("prove", str(shop), "--seconds", "60", "--processes", "1", "--json")
        assert said.code == 1
        seed = json.loads(said.out)["violations"][0]["seed"]
        again = forerun("prove", str(shop), "--seed", str(seed))
        assert again.code == 1
        assert f"forerun prove {shop} --seed {seed}" in again.out
    assert forerun("prove", str(shop), "--seed", str(seed)).code == 0


FORGETFUL = """
import forerun as fr

app = fr.App("forgetful")
calls = []


@app.stream(key="shop", lateness="1m")
class Sold(fr.Event):
    shop: str
    at: fr.EventTime
    price: float


def memory(values, times_us, t_us):
    calls.append(t_us)
    return float(len(calls))


@app.features(Sold, by="shop")
class Shop:
    sold = fr.custom(memory, Sold.price, over="1h")


@app.windows(Sold, by="shop", over=fr.tumbling("10m"))
class Waves:
    sold = fr.custom(memory, Sold.price)


"""


@pytest.mark.timeout(120)
def test_all_cores_find_a_bug_of_the_app(tmp_path: Path) -> None:
    """A function that remembers gives other windows after a restart: two processes find it, with a seed."""
    (tmp_path / "app.py").write_text(FORGETFUL)
    said = forerun("prove", str(tmp_path), "--seconds", "60", "--processes", "2", "--json")
    assert said.code == 1, said.err
    found = json.loads(said.out)["violations"]
    assert "windows" in found[0]["problem"]
    again = forerun("prove", str(tmp_path), "--seed", str(found[0]["seed"]))
    assert again.code == 1
    assert f"Again: forerun prove {tmp_path} --seed {found[0]['seed']}" in again.out


def test_without_apsw_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the pip command."""
    monkeypatch.setitem(sys.modules, "apsw", None)
    with pytest.raises(ArgumentError, match=r"pip install 'forerun\[prove\]'"):
        proof._require_apsw()
