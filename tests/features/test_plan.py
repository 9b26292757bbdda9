"""The plan is canonical: one text per meaning, written down in full in `plan.json`."""

import json
from pathlib import Path

from tests.features.flights import declare

from forerun._core import Kernel
from forerun.events.canonical import canonical_json

GOLDEN = Path(__file__).parent / "plan.json"


def test_golden_plan() -> None:
    """Not a byte changes by accident: the kernel, saved state and every feature version depend on it."""
    plan = declare().plan()

    assert json.loads(plan) == json.loads(GOLDEN.read_text())
    assert plan == canonical_json(json.loads(GOLDEN.read_text()))


def test_kernel_compiles_it() -> None:
    """All that can be declared can be run."""
    assert Kernel(declare().plan()).entities() == [0, 0, 0, 0, 0]


def test_same_declarations_give_the_same_text() -> None:
    """Declared twice, compiled twice."""
    assert declare().plan() == declare().plan()
