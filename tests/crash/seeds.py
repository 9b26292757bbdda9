"""Seeds that every commit has of its own, so that each explores new ground and can be explored again."""

import subprocess
import time
from pathlib import Path


def seed_base() -> tuple[int, str]:
    """A number below 2**28 that names this commit, and in words where it comes from."""
    asked = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False, cwd=Path(__file__).parent
    )
    if asked.returncode == 0:
        return int(asked.stdout[:7], 16), f"commit {asked.stdout[:7]}"
    return time.time_ns() // 1_000_000_000, "the time"
