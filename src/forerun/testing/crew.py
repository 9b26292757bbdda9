"""Processes that work side by side, each on its share of the seeds, until they are told to stop."""

import gc
import multiprocessing
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.synchronize import Event
from typing import TYPE_CHECKING, TypeAlias, cast

from forerun.errors import ArgumentError, ForerunError

if TYPE_CHECKING:
    from forerun.testing.histories import Tally

Stop: TypeAlias = Callable[[], bool]
"""Whether it is time to stop; asked after every chain."""

Told: TypeAlias = Callable[[int], None]
"""Told how many histories there were."""

Work: TypeAlias = "Callable[[Stop, Told], Tally]"
"""Lives through histories until it is time to stop, at least through one."""

LOOK_S = 0.1
"""How often the time is looked at while nobody says anything."""

LEAVE_S = 10.0
"""How long a process may take to end what it is at; one chain takes a fraction of a second."""


def side_by_side(shares: Sequence[Work], *, enough: Stop, progress: Told) -> "list[Tally]":
    """Let each share be worked on by a process of its own.

    Args:
        shares: One per process; they are pickled.
        enough: Whether time is up.
        progress: Told how many histories there were in all processes together.

    Returns:
        What they found; as soon as one has found something wrong, the others stop.

    Raises:
        ArgumentError: A process was ended from outside.
        ForerunError: What stopped one of them.
    """
    # Not forked: what threads of this process hold would be held in the copy for ever.
    context = multiprocessing.get_context("spawn")
    stop, crew = context.Event(), []
    with _deaf():
        for share in shares:
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_live, args=(share, stop, theirs), daemon=True)
            process.start()
            theirs.close()
            crew.append((ours, process))
    numbers: dict[Connection, int] = {}
    found: list[Tally] = []
    try:
        waiting = dict(crew)
        while waiting:
            for pipe in cast("list[Connection]", wait(list(waiting), LOOK_S)):
                said = _heard(pipe)
                if isinstance(said, int):
                    numbers[pipe] = said
                    progress(sum(numbers.values()))
                    continue
                process = waiting.pop(pipe)
                stop.set()  # it has ended: by the clock, or with something to say
                if said is None:
                    process.join()
                    raise ArgumentError(
                        f"a process was ended from outside (exit status {process.exitcode}), perhaps for "
                        "lack of memory; use fewer: --processes 1"
                    )
                if isinstance(said, Exception):
                    raise said
                found.append(said)
            if enough():
                stop.set()
    finally:
        # After Ctrl-C too: they end the chain that they are at, and clear up behind themselves.
        stop.set()
        for pipe, process in crew:
            pipe.close()
            process.join(LEAVE_S)
            if process.is_alive():
                process.kill()
                process.join()
    return found


def _heard(pipe: Connection) -> "int | Tally | Exception | None":
    """What a process said; None: it is gone."""
    try:
        return cast("int | Tally | Exception", pipe.recv())
    except EOFError:
        return None


@contextmanager
def _deaf() -> Iterator[None]:
    """Processes that start in here never hear Ctrl-C, which reaches all of a terminal; they are told."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _live(share: Work, stop: Event, pipe: Connection) -> None:
    """In its own process: work, and say what came of it."""
    import pyarrow as pa

    # Nothing here is cyclic for long; and tables of twenty rows need no threads.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    with suppress(BrokenPipeError):  # nobody listens any more
        try:
            pipe.send(share(stop.is_set, pipe.send))
        except BrokenPipeError:
            raise
        except ForerunError as exc:
            pipe.send(exc)
        except Exception:  # noqa: BLE001  # whatever the app's own code raises; raised by the first process
            pipe.send(RuntimeError(traceback.format_exc()))
