"""A data directory belongs to one process at a time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from forerun.errors import DirectoryBusyError
from forerun.state.lock import DirectoryLock


def test_the_second_is_told_who_has_it(tmp_path: Path) -> None:
    """The message names the process."""
    lock = DirectoryLock(tmp_path)
    with pytest.raises(DirectoryBusyError, match=f"process {os.getpid()}"):
        DirectoryLock(tmp_path)
    lock.release()
    lock.release()
    DirectoryLock(tmp_path).release()


def test_a_process_that_is_gone_holds_nothing(tmp_path: Path) -> None:
    """However it ended."""
    code = (
        "import os, sys; from pathlib import Path; from forerun.state.lock import DirectoryLock;"
        "lock = DirectoryLock(Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert ended.returncode == -9
    DirectoryLock(tmp_path).release()
