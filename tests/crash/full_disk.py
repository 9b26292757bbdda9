"""A disk that is really full: a small file system of its own, which only this process sees."""

import ctypes
import errno
import os
from collections.abc import Callable
from pathlib import Path

from tests.crash.copies import Say
from tests.crash.workload import Left

CLONE_NEWNS, MS_REC, MS_PRIVATE, MS_REMOUNT = 0x00020000, 0x4000, 1 << 18, 32


def full_disk(
    directory: Path,
    kib: int,
    say: Say,
    *,
    run: Callable[[], Left],
    look: Callable[[], None],
    judge: Callable[[Left], None],
) -> None:
    """Run until the disk is full, make it larger, run to the end, and say what is wrong then.

    Args:
        directory: Where the small file system goes.
        kib: Its size.
        say: Tells the parent.
        run: Runs to the end, or until the disk is full.
        look: Looks at what is there.
        judge: Says what is wrong in the end; only this process sees the disk.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def called(result: int) -> None:
        if result:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def mount(flags: int, size: str | None) -> None:
        data = None if size is None else size.encode()
        called(libc.mount(b"tmpfs", str(directory).encode(), b"tmpfs", flags, data))

    try:
        called(libc.unshare(CLONE_NEWNS))
        called(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
        mount(0, f"size={kib}k")
    except OSError as exc:
        say("impossible", errno.errorcode.get(exc.errno or 0, str(exc)))
        return
    try:
        run()
        say("full", False)
    except Exception as exc:  # noqa: BLE001  # the parent looks at the code that was said
        say("full", True)
        say("exception", repr(exc))
    look()
    mount(MS_REMOUNT, "size=64m")
    judge(run())
