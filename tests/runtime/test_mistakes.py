"""Every mistake in an app file is reported at its line, with what is wrong and what to write instead.

The mistakes are in `mistakes.txt`, the app they are added to in `mistakes_app.txt`.
"""

from pathlib import Path

import pytest

from forerun import errors
from forerun.errors import DefinitionError
from forerun.runtime.load import load

HERE = Path(__file__).parent
APP = (HERE / "mistakes_app.txt").read_text()
KINDS = {
    kind.__name__: kind
    for kind in (
        errors.AggregateError,
        errors.BindingError,
        errors.CallError,
        errors.DuplicateNameError,
        errors.DurationError,
        errors.ExpressionTypeError,
        errors.FieldError,
        errors.InputError,
        errors.LabelError,
        errors.ModelDefinitionError,
        errors.RuleError,
        errors.TruthValueError,
        errors.UnknownNameError,
    )
}


def sections() -> dict[str, tuple[type[DefinitionError], list[str], str]]:
    """Each mistake's error, the parts of its message, and its code."""
    found: dict[str, tuple[type[DefinitionError], list[str], str]] = {}
    for section in (HERE / "mistakes.txt").read_text().split("\n== ")[1:]:
        name, expected, code = section.split("\n", 2)
        kind, *parts = expected.split(" | ")
        found[name] = (KINDS[kind], parts, code)
    return found


MISTAKES = sections()


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_is_reported_where_it_is(name: str, tmp_path: Path) -> None:
    """The error has the right class, file and line, and says what is wrong and what to write."""
    kind, parts, code = MISTAKES[name]
    file = tmp_path / "app.py"
    file.write_text(f"{APP}\n{code}")
    (blamed,) = [number for number, line in enumerate(file.read_text().splitlines(), 1) if "#!" in line]

    with pytest.raises(DefinitionError) as caught:
        load(file)

    error = caught.value
    assert (type(error), error.file, error.line) == (kind, str(file), blamed), str(error)
    assert [part for part in parts if part not in error.message] == [], error.message


def test_app_they_are_added_to_is_right(tmp_path: Path) -> None:
    """It has no mistake itself."""
    file = tmp_path / "app.py"
    file.write_text(APP)

    assert repr(load(file)) == "App('flights'): 3 streams, 2 views, 1 model, 0 rules"


def test_every_kind_of_mistake_is_in_the_table() -> None:
    """No error of a definition is without an example."""
    assert set(KINDS.values()) == {kind for kind, _, _ in MISTAKES.values()}
