"""A process that has everything imported makes copies of itself, for strace to kill at a system call.

A copy costs milliseconds where a new process would cost seconds of imports.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

CALLS = (
    "write,pwrite64,writev,pwritev,fsync,fdatasync,rename,renameat,renameat2,truncate,ftruncate,"
    "unlink,unlinkat,mkdir,mkdirat"
)
"""System calls that change what is on a disk, or make it durable."""

Say = Callable[[str, object], None]


@dataclass(slots=True)
class Ended:
    """How a copy ended.

    Args:
        killed: Whether by SIGKILL.
        code: Else its exit status.
        said: What it told before, in order.
    """

    killed: bool
    code: int | None
    said: list[tuple[str, Any]] = field(default_factory=list)

    def last(self, kind: str) -> Any:
        """The last thing said of a kind; None when there was none."""
        return next((what for name, what in reversed(self.said) if name == kind), None)


def copy(work: Callable[[Say], object], strace: list[str] | None = None) -> Ended:
    """Let a copy of this process do something.

    Args:
        work: What; it is told whom to tell.
        strace: Options of the strace that is attached to it; None: none is.
    """
    ours, theirs = os.pipe()
    wait, go = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        os.close(go)
        os.read(wait, 1)
        _carry_out(work, theirs)
    os.close(theirs)
    os.close(wait)
    tracer = None if strace is None else _attached(child, strace)
    os.write(go, b"!")
    os.close(go)
    with os.fdopen(ours) as pipe:
        said = [tuple(json.loads(line)) for line in pipe]
    _, status = os.waitpid(child, 0)
    if tracer is not None:
        tracer.communicate()
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return Ended(killed, None if killed else os.waitstatus_to_exitcode(status), said)


def strace_missing() -> str | None:
    """What is missing for all of this; None: nothing."""
    if shutil.which("strace") is None:
        return "strace is not installed; on Debian and Ubuntu: apt-get install strace"
    return None


def _attached(child: int, options: list[str]) -> "subprocess.Popen[str]":
    tracer = subprocess.Popen(
        ["strace", "-f", "-y", *options, "-p", str(child)], stderr=subprocess.PIPE, text=True
    )
    assert tracer.stderr is not None
    line = tracer.stderr.readline()
    if "attached" not in line:
        os.kill(child, signal.SIGKILL)
        raise SystemExit(f"strace cannot attach to a process here: {line.strip()}")
    return tracer


def _carry_out(work: Callable[[Say], object], pipe: int) -> NoReturn:
    """Do it in this process, which is a copy, and end."""

    def say(kind: str, what: object) -> None:
        os.write(pipe, (json.dumps([kind, what]) + "\n").encode())

    code = 1
    try:
        work(say)
        code = 0
    except BaseException as exc:  # noqa: BLE001  # told to the parent, and this process ends
        say("exception", "".join(traceback.format_exception(exc))[-3000:])
    finally:
        sys.stderr.flush()
        os._exit(code)
