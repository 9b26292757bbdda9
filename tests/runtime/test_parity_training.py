"""P5 of `forerun parity`: silent on a run as it was, and finds one value that was changed."""

import numpy as np
from tests.runtime.conftest import Served

from forerun.models.table import Table
from forerun.testing.parity.recorded import sample
from forerun.testing.parity.training import training


def test_a_run_is_taken_again_and_its_training_sets_compared(served: Served) -> None:
    """Thousands of values, none different."""
    level = training(served.app, served.directory)

    assert level.first is None
    assert level.bits > 1_000


def test_one_value_of_a_training_set_is_found(served: Served) -> None:
    """With the prediction it belongs to, what was served and what would have been learnt."""

    def doctor(table: Table) -> None:
        bits = table.features[3, 0:1].view(np.int32)
        table.features[3, 0:1] = (bits ^ 1).view(np.float32)

    level = training(served.app, served.directory, doctor=doctor)

    assert level.differing == 1
    assert level.first is not None
    assert level.first.what == "in the training set as served"
    assert level.first.expected != level.first.actual


def test_recorded_events_are_those_of_the_log(served: Served) -> None:
    """The first ones, in the order of their arrival, each at its place."""
    found = sample(served.app, served.directory, 100)

    assert len(found) >= 100
    assert [event.arrival_us for event in found] == sorted(event.arrival_us for event in found)
    assert {event.offset for event in found if (event.stream, event.partition) == (0, 0)} >= {0, 1}
