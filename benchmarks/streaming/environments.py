"""A virtual environment for every peer, because their pins conflict; made again when its pins change."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
INSTALL_S = 600


class InstallError(Exception):
    """A peer could not be installed; the message is the installer's."""


def interpreter(script: str, folder: Path) -> Path:
    """The Python that has a peer's packages.

    Args:
        script: Name of the peer's script.
        folder: Where environments are kept.

    Raises:
        InstallError: They cannot be installed here.
    """
    wanted = (HERE / "requirements" / f"{script}.txt").read_text()
    place = folder / script
    python, stamp = place / "bin" / "python", place / "installed.txt"
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        raise InstallError("uv is not installed; `make .venv/.stamps/dev` brings it")
    shutil.rmtree(place, ignore_errors=True)
    for command in (
        ["venv", "--quiet", "--python", sys.executable, str(place)],
        [
            "pip",
            "install",
            "--quiet",
            "--python",
            str(python),
            "-r",
            str(HERE / "requirements" / f"{script}.txt"),
        ],
    ):
        done = subprocess.run([uv, *command], capture_output=True, text=True, timeout=INSTALL_S, check=False)
        if done.returncode:
            raise InstallError(done.stderr.strip()[-400:])
    stamp.write_text(wanted)
    return python
