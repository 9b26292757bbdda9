"""Every exception of the kernel reaches people as an error of forerun, with what to do."""

import pyarrow as pa
import pytest

import forerun as fr
from forerun._core import Kernel
from forerun.errors import EventError, StaleRequestError, StateError
from forerun.runtime.kernel import kernel_errors


def sums() -> Kernel:
    """A kernel that sums whole numbers over a minute."""
    app = fr.App("sums")

    @app.stream(key="name", lateness="0s")
    class Counted(fr.Event):
        name: str
        at: fr.EventTime
        units: int

    @app.features(Counted, by="name")
    class Totals:
        units = fr.sum(Counted.units)
        lately = fr.count(over="1m")

    return Kernel(app.plan())


def events(*at_us: int) -> pa.RecordBatch:
    """Events with enormous numbers."""
    return pa.record_batch(
        {
            "name": ["a"] * len(at_us),
            "at": pa.array(at_us, pa.timestamp("us", "UTC")),
            "units": [2**62] * len(at_us),
            "_arrival": pa.array(at_us, pa.int64()),
        }
    )


KEY = pa.record_batch({"name": ["a"]})


def test_a_batch_that_does_not_fit_is_an_event_error() -> None:
    """Columns that are not the stream's."""
    with pytest.raises(EventError), kernel_errors():
        sums().apply([(0, 0, 0, pa.record_batch({"x": [1]}))])


def test_a_read_out_of_reach_says_so() -> None:
    """The events of that time are no longer kept, so no value is made up."""
    kernel = sums()
    kernel.apply([(0, 0, 0, events(1))])
    kernel.apply([(0, 0, 1, events(3_600_000_000))])
    with pytest.raises(StaleRequestError, match="leave the time out to mean now"), kernel_errors():
        kernel.values(0, KEY, 2)


def test_damaged_state_is_a_state_error() -> None:
    """Bytes that no kernel wrote."""
    empty = pa.record_batch({"view": pa.array([], pa.int32()), "key": pa.array([], pa.binary()),
                             "state": pa.array([], pa.binary())})  # fmt: skip
    app = fr.App("empty")
    with pytest.raises(StateError, match="restore the data directory"), kernel_errors():
        Kernel.restore(app.plan(), b"not a header", empty)
