"""`import forerun` is cheap: it loads declarations and nothing that works on data."""

import subprocess
import sys

HEAVY = {
    "lightgbm",
    "matplotlib",
    "numpy",
    "onnx",
    "onnxruntime",
    "pandas",
    "prometheus_client",
    "pyarrow",
    "rich",
    "scipy",
    "skl2onnx",
    "sklearn",
    "sqlite3",
    "typer",
    "uvicorn",
    "uvloop",
}

# An app file is imported by editors, linters and every command, so this is a budget, not a wish.
# Counted, not timed: a count does not depend on how busy the machine is.
MODULES_MAX = 110


def modules_after(statement: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after one statement, beyond a bare start."""
    script = f"import sys; bare = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - bare))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(result.stdout.split())


def test_import_loads_nothing_heavy() -> None:
    """No driver, array library or web server comes in with the declarations."""
    loaded = {name.partition(".")[0] for name in modules_after("import forerun")}

    assert sorted(loaded & HEAVY) == []


def test_import_stays_within_its_budget() -> None:
    """The number of modules that `import forerun` loads has a ceiling."""
    loaded = modules_after("import forerun")

    assert len(loaded) <= MODULES_MAX, sorted(loaded)


def test_import_has_no_kernel() -> None:
    """Declaring needs no compiled code; the kernel loads when something runs."""
    assert "forerun._core._rust" not in modules_after("import forerun")


def test_command_line_answers_help_without_arrays() -> None:
    """`forerun --help` does not wait for libraries that it does not use."""
    loaded = {name.partition(".")[0] for name in modules_after("import forerun.cli.main")}

    assert sorted(loaded & {"lightgbm", "matplotlib", "onnxruntime", "pandas", "sklearn", "scipy"}) == []
