"""A path becomes an app, or an error that says where to look."""

from pathlib import Path

import pytest

from forerun.errors import AppNotFoundError
from forerun.runtime.load import load


def write(directory: Path, **files: str) -> Path:
    """Files of a directory, by stem."""
    for stem, text in files.items():
        (directory / f"{stem}.py").write_text(text)
    return directory


def test_directory_or_file(tmp_path: Path) -> None:
    """Both name the app; its neighbours can be imported."""
    write(
        tmp_path,
        app="import forerun as fr\nfrom neighbour_a import NAME\napp = fr.App(NAME)",
        neighbour_a="NAME = 'x'",
    )

    assert load(tmp_path).name == load(tmp_path / "app.py").name == load(str(tmp_path)).name == "x"


def test_app_under_two_names_is_one(tmp_path: Path) -> None:
    """An alias is no second app."""
    write(tmp_path, app="import forerun as fr\napp = main = fr.App('x')")

    assert load(tmp_path).name == "x"


def test_two_files_of_one_name(tmp_path: Path) -> None:
    """Apps of different directories do not get into each other's way."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, app=f"import forerun as fr\napp = fr.App('{name}')")

    assert [load(tmp_path / name).name for name in ("a", "b", "a")] == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("import forerun\n", None, "no app in this file; write app = fr.App('name')"),
        ("import forerun as fr\na = fr.App('a')\nb = fr.App('b')\n", None, "2 apps: a, b; keep one"),
        ("x = 1\ny = undefined\n", 2, "NameError: name 'undefined' is not defined"),
        ("def f():\n    return 1 / 0\n\nf()\n", 2, "ZeroDivisionError: division by zero"),
        ("x = (\n", 1, "SyntaxError"),
        ("\nimport no_such_module_x\n", 2, "put no_such_module_x.py beside the app file"),
        ("import json\njson.loads('{')\n", 2, "JSONDecodeError"),
        ("raise SystemExit(3)\n", 1, "SystemExit: 3"),
    ],
)
def test_what_is_wrong_in_the_file(tmp_path: Path, text: str, line: int | None, reason: str) -> None:
    """The exception and the line of the user's own code."""
    write(tmp_path, app=text)

    with pytest.raises(AppNotFoundError) as caught:
        load(tmp_path)
    assert (caught.value.file, caught.value.line) == (str(tmp_path / "app.py"), line)
    assert reason in caught.value.message


def test_mistake_in_a_neighbour_is_placed_there(tmp_path: Path) -> None:
    """The line that raised, not the line that imported."""
    write(tmp_path, app="import neighbour_b\n", neighbour_b="x = 1\nx.y\n")

    with pytest.raises(AppNotFoundError, match="no attribute 'y'") as caught:
        load(tmp_path)
    assert (Path(str(caught.value.file)).name, caught.value.line) == ("neighbour_b.py", 2)


def test_nothing_there(tmp_path: Path) -> None:
    """A wrong path says what was looked for and what there is."""
    with pytest.raises(AppNotFoundError, match="there is no file or directory"):
        load(tmp_path / "nothing")
    with pytest.raises(AppNotFoundError, match=r"has no app\.py") as caught:
        load(write(tmp_path, main="", other=""))
    assert "main.py, other.py" in caught.value.message
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(AppNotFoundError, match="no Python file"):
        load(tmp_path / "notes.txt")
