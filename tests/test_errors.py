"""The error catalogue: every class is named, coded, drawn, used and tested."""

import ast
import inspect
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from forerun import errors
from forerun.errors import ForerunError

TESTS = Path(__file__).parent
SOURCE = Path(errors.__file__).parent


def catalogue() -> list[type[ForerunError]]:
    """Every error class, in the order of the file."""
    classes = [value for value in vars(errors).values() if inspect.isclass(value)]
    return [value for value in classes if issubclass(value, ForerunError)]


def leaves() -> list[type[ForerunError]]:
    """The classes that are raised; the others are groups to catch."""
    return [error for error in catalogue() if not error.__subclasses__()]


@cache
def names_used_in(folder: Path) -> Counter[str]:
    """How often each name is used (an import alone is no use) in the Python files of a folder."""
    used: Counter[str] = Counter()
    for path in sorted(folder.rglob("*.py")):
        if path in (Path(__file__), Path(errors.__file__)):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Name):
                used[node.id] += 1
            elif isinstance(node, ast.Attribute):
                used[node.attr] += 1
    return used


@pytest.mark.parametrize("error", catalogue(), ids=lambda error: error.__name__)
def test_code_extends_the_code_of_its_group(error: type[ForerunError]) -> None:
    """A program that knows the group's code recognises its members by prefix."""
    parent = error.__bases__[0]
    if error is ForerunError:
        assert error.code == "FR"
    else:
        assert issubclass(parent, ForerunError)
        assert error.code.startswith(f"{parent.code}-")


def test_codes_are_unique() -> None:
    """A code names one error for good."""
    codes = Counter(error.code for error in catalogue())

    assert [code for code, times in codes.items() if times > 1] == []


@pytest.mark.parametrize("error", catalogue(), ids=lambda error: error.__name__)
def test_docstring_says_more_than_the_name(error: type[ForerunError]) -> None:
    """A docstring of its own says in at least five words when the error is raised."""
    docstring = error.__dict__.get("__doc__") or ""

    assert len(docstring.split("\n")[0].split()) >= 5


@pytest.mark.parametrize("error", catalogue(), ids=lambda error: error.__name__)
def test_drawn_in_the_tree(error: type[ForerunError]) -> None:
    """The tree in the module's docstring shows every class."""
    assert error.__name__ in (errors.__doc__ or "").replace(",", " ").split()


@pytest.mark.parametrize("error", leaves(), ids=lambda error: error.__name__)
def test_raised_by_the_product(error: type[ForerunError]) -> None:
    """No class outlives its use."""
    assert names_used_in(SOURCE)[error.__name__] > 0, f"nothing in src uses {error.__name__}; remove it"


@pytest.mark.parametrize("error", leaves(), ids=lambda error: error.__name__)
def test_provoked_by_a_test(error: type[ForerunError]) -> None:
    """Every error that can be raised is provoked somewhere in the tests."""
    assert names_used_in(TESTS)[error.__name__] > 0, f"no test provokes {error.__name__}; write one"
