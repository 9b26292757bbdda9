"""What every test may rely on: a repository root, and no inherited forerun settings."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def no_inherited_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test sees no FORERUN_* variable of the shell that runs it."""
    for name in list(os.environ):
        if name.startswith("FORERUN_"):
            monkeypatch.delenv(name)
