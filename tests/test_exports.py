"""Public names: what a package lists is what it has, sorted, and nothing else."""

import ast
import importlib
import types
from pathlib import Path

import pytest

import forerun

PACKAGE = Path(forerun.__file__).parent


def modules_with_a_list() -> list[str]:
    """Dotted names of the modules that declare `__all__`."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        targets = [
            target
            for node in ast.parse(path.read_text()).body
            if isinstance(node, (ast.Assign, ast.AnnAssign))
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        ]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
            found.append(".".join(part for part in parts if part != "__init__"))
    return found


def place_in_list(name: str) -> tuple[bool, bool, str]:
    """Where a name stands in a sorted list."""
    return (not name.isupper(), not name[0].isupper(), name)


@pytest.mark.parametrize("name", modules_with_a_list())
def test_list_is_sorted_and_true(name: str) -> None:
    """Every listed name exists, once, sorted: constants, classes, then the rest, as ruff sorts them."""
    module = importlib.import_module(name)

    assert sorted(set(module.__all__), key=place_in_list) == list(module.__all__)
    assert [listed for listed in module.__all__ if not hasattr(module, listed)] == []


def test_root_lists_every_public_name() -> None:
    """`import forerun as fr; fr.<Tab>` shows the documented names only."""
    public = [
        name
        for name, value in vars(forerun).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    ]

    assert sorted(public) == [name for name in forerun.__all__ if not name.startswith("_")]


def test_root_stays_small() -> None:
    """A newcomer can read the whole list."""
    assert len(forerun.__all__) <= 80


def documented() -> list[str]:
    """The public names that need an example: all but the errors, which one drawing explains."""
    return [
        name
        for name in forerun.__all__
        if not isinstance(getattr(forerun, name), type) or not issubclass(getattr(forerun, name), Exception)
    ]


@pytest.mark.parametrize("name", documented())
def test_public_item_is_documented_with_an_example(name: str) -> None:
    """Every public name says what it is and shows an example that runs as a doctest."""
    assert ">>>" in (getattr(forerun, name).__doc__ or "")
