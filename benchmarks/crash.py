"""Records what the proofs against crashes say: python benchmarks/crash.py, from the root; about five minutes.

Writes results/crash.md, which the page "Crash proof" of the documentation shows.
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "streaming"))

from machine import machine  # noqa: E402  # in the folder that has just been added

PAGE = HERE / "results" / "crash.md"

COMMANDS = (
    ("tests.crash.simulate", "--histories", "2000"),
    ("tests.crash.kills",),
    ("tests.crash.mutations",),
)
"""What `make histories kills planted-bugs` runs, with fewer histories."""


def main() -> None:
    """Run each, and write down what it printed."""
    facts = machine()
    said = []
    for words in COMMANDS:
        ran = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=True)
        # How many were asked for says the command itself.
        lines = [line for line in ran.stdout.splitlines() if not line.startswith("at least")]
        said.append("\n".join([f"$ python -m {' '.join(words)}", *lines]))
        print(said[-1], flush=True)
    PAGE.write_text(
        f"Recorded {str(facts['taken'])[:10]} at commit {facts['commit']} by `python benchmarks/crash.py` on "
        f"{facts['cpu']}, {facts['cores']} cores, which did other work at the same time.\n\n"
        "```text\n" + "\n\n".join(said) + "\n```\n"
    )


if __name__ == "__main__":
    main()
