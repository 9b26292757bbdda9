"""The import rules of pyproject.toml hold, and they would notice if they did not."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = {
    "a sibling": ("features/planted.py", "import forerun.models\n", "downwards"),
    "something above": ("events/planted.py", "import forerun.runtime\n", "downwards"),
    "something above, inside a function": (
        "state/planted.py",
        "def late() -> None:\n    import forerun.serving\n",
        "downwards",
    ),
    "the root": ("serving/planted.py", "from forerun import App\n", "root package"),
    "a backend": ("serving/planted.py", "import forerun.streams.backends.sqlite\n", "backend"),
    "a driver": ("monitoring/planted.py", "import redis\n", "drivers"),
    "a training library": ("serving/planted.py", "import lightgbm\n", "Training"),
    "a package nobody decided on": ("common/__init__.py", "", "downwards"),
    "each other": ("streams/planted.py", "import forerun.streams.other\n", "cycles"),
}


@pytest.fixture(scope="module")
def copy(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python files of the package and the rules, to plant faults in."""
    place = tmp_path_factory.mktemp("rules")
    shutil.copytree(
        repository / "src" / "forerun",
        place / "forerun",
        ignore=shutil.ignore_patterns("*.so", "__pycache__"),
    )
    shutil.copy(repository / "pyproject.toml", place)
    return place


def lint(place: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the copy, not on the installed package."""
    script = (
        "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command as run; run()"
    )
    return subprocess.run(
        [sys.executable, "-c", script, "--no-cache", "--no-logo"],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )


def test_rules_hold(copy: Path) -> None:
    """The tree as it is breaks no contract."""
    result = lint(copy)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_noticed(copy: Path, fault: str) -> None:
    """A planted import of this kind breaks the contract that speaks of it."""
    name, source, contract = FAULTS[fault]
    planted = [copy / "forerun" / name]
    planted[0].parent.mkdir(exist_ok=True)
    planted[0].write_text(f'"""Planted."""\n{source}')
    if fault == "each other":
        planted.append(copy / "forerun/streams/other.py")
        planted[1].write_text('"""Planted."""\nimport forerun.streams.planted\n')
    try:
        result = lint(copy)
    finally:
        for path in planted:
            path.unlink()
        if not any(planted[0].parent.iterdir()):
            planted[0].parent.rmdir()

    broken = [line for line in result.stdout.splitlines() if " BROKEN" in line]
    assert result.returncode == 1
    assert any(contract in line for line in broken), result.stdout


def test_compiled_module_has_one_importer(repository: Path) -> None:
    """Only `_core` imports `_rust`; import-linter cannot see a module without a .py file."""
    importers = {
        path.relative_to(repository / "src/forerun").as_posix()
        for path in (repository / "src/forerun").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and "_rust" in f"{node.module}.{[a.name for a in node.names]}")
        or (isinstance(node, ast.Import) and any("_rust" in alias.name for alias in node.names))
    }

    assert importers <= {"_core/__init__.py"}
