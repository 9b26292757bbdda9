"""What every test may rely on: the repository root, repeatable examples, no inherited settings."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# CI must not fail on a draw that nobody saw before, nor on a busy machine. To look for new
# counter-examples: pytest --hypothesis-profile explore.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.register_profile("explore", max_examples=2000, deadline=None)
hypothesis.settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def no_inherited_settings() -> Iterator[None]:
    """No test sees a FORERUN_* variable of the shell that runs it."""
    with pytest.MonkeyPatch.context() as environment:
        for name in list(os.environ):
            if name.startswith("FORERUN_"):
                environment.delenv(name)
        yield
