"""Ctrl-C."""

import os
import signal
import threading

import pytest

from forerun.cli.interrupts import ABORTED, Interrupts


class Gone(BaseException):
    """Stands for the end of the process."""


def test_first_one_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first Ctrl-C, or a polite kill, sets the event and ends nothing."""
    for number in (signal.SIGINT, signal.SIGTERM):
        stop = threading.Event()
        with Interrupts(stop):
            os.kill(os.getpid(), number)
        assert stop.is_set()


def test_second_one_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second Ctrl-C ends the process where it is, with the status of an interrupt."""
    codes = []

    def leave(code: int) -> None:
        codes.append(code)
        raise Gone

    monkeypatch.setattr("os._exit", leave)
    stop = threading.Event()
    with Interrupts(stop):
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Gone):
            os.kill(os.getpid(), signal.SIGINT)
    assert codes == [ABORTED]


def test_handlers_are_given_back() -> None:
    """After a run Ctrl-C means what it meant before."""
    before = signal.getsignal(signal.SIGINT)
    with Interrupts(threading.Event()):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
