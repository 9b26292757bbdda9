"""`forerun new`: the project is complete and names itself."""

import os
from pathlib import Path

import pytest
from tests.cli.command import forerun

from forerun.cli.new import make
from forerun.errors import ArgumentError, PathTakenError
from forerun.runtime.load import load


def test_project_is_complete(tmp_path: Path) -> None:
    """App, data, README and ignore file are there, and no placeholder is left."""
    names = make(tmp_path / "my-shop")
    assert sorted(names) == [".gitignore", "README.md", "app.py", "orders.py"]
    for name in names:
        assert "{{" not in (tmp_path / "my-shop" / name).read_text()
    assert ".forerun/" in (tmp_path / "my-shop" / ".gitignore").read_text()


def test_app_is_named_after_its_folder(tmp_path: Path) -> None:
    """`forerun new x/my-shop` makes the app my-shop."""
    make(tmp_path / "deep" / "my-shop")
    assert load(tmp_path / "deep" / "my-shop").name == "my-shop"


@pytest.mark.parametrize("name", ["My Shop", "9lives", "shop!", "x" * 51])
def test_folder_that_cannot_name_an_app(tmp_path: Path, name: str) -> None:
    """A name that an app cannot have is refused before anything is written."""
    with pytest.raises(ArgumentError):
        make(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A folder with something in it is left alone."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "app.py").write_text("mine")
    with pytest.raises(PathTakenError):
        make(tmp_path / "shop")
    assert (tmp_path / "shop" / "app.py").read_text() == "mine"


def test_empty_folder_is_used(tmp_path: Path) -> None:
    """A folder made beforehand, say by git init elsewhere, may be empty."""
    (tmp_path / "shop").mkdir()
    assert "app.py" in make(tmp_path / "shop")


def test_says_what_to_do_next(tmp_path: Path) -> None:
    """The last line is the command to type."""
    said = forerun("new", tmp_path / "shop")
    assert said.out.splitlines()[-1].strip() == f"forerun run {tmp_path / 'shop'}"
    assert os.linesep in said.out


def test_sample_data_never_change(tmp_path: Path) -> None:
    """The formula gives the same events on every machine: counts and a digest are pinned."""
    make(tmp_path / "shop")
    source = load(tmp_path / "shop").source
    assert source is not None
    slices = list(source(0))
    assert [part.position for part in slices] == list(range(len(slices)))
    assert sum(part.rows for part in slices) == 36_794
    highs = [part.arrival_high_us for part in slices if part.rows]
    assert highs == sorted(high for high in highs if high is not None)


def test_what_comes_next_can_be_pasted(tmp_path: Path) -> None:
    """A path with a space in it is quoted."""
    said = forerun("new", tmp_path / "my work" / "shop")
    assert f"  forerun run '{tmp_path}/my work/shop'" in said.out.splitlines()
