"""An endpoint before a fake engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.serving.client import Caller, calling

from forerun.testing.backend import FakeBackend


@pytest.fixture
def backend() -> FakeBackend:
    """An engine that answers at once."""
    return FakeBackend()


@pytest.fixture
def caller(backend: FakeBackend, tmp_path: Path) -> Iterator[Caller]:
    """A caller with the owner's key."""
    with calling(backend, tmp_path) as caller:
        yield caller
