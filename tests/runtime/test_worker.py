"""Work beside the steps: never lost, never queued up, its error never swallowed."""

import threading

import pytest

from forerun.runtime.worker import Worker


def test_many_nudges_are_one_more_time(tmp_path: object) -> None:
    """While it works, any number of nudges mean once more."""
    begun, go_on = threading.Event(), threading.Event()
    times: list[int] = []

    def work() -> None:
        times.append(1)
        begun.set()
        go_on.wait()

    worker = Worker("test", work)
    worker.nudge()
    begun.wait()
    for _ in range(100):
        worker.nudge()
    go_on.set()
    worker.close()
    assert len(times) == 2


def test_an_error_reaches_whoever_asks_next() -> None:
    """The next nudge raises it, and so does the close."""
    failed = threading.Event()

    def work() -> None:
        failed.set()
        raise OSError("the disk is gone")

    worker = Worker("test", work)
    worker.nudge()
    failed.wait()
    with pytest.raises(OSError, match="the disk is gone"):
        worker.close()
    with pytest.raises(OSError, match="the disk is gone"):
        worker.nudge()


def test_a_worker_never_used_closes() -> None:
    """There is no thread to wait for."""
    Worker("test", pytest.fail).close()
