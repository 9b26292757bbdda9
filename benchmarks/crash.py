"""Records what the proofs against crashes say: python benchmarks/crash.py, from the root; about ten minutes.

Writes results/crash.md, which the page "Crash proof" of the documentation shows, and results/prove.md, which
"Prove that crashes lose nothing" shows. `--only prove` or `--only crash` writes one of them.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "streaming"))

from machine import machine  # noqa: E402  # in the folder that has just been added

COMMANDS = (
    ("tests.crash.simulate", "--histories", "2000"),
    ("tests.crash.kills",),
    ("tests.crash.mutations",),
)
"""What `make histories kills planted-bugs` runs, with fewer histories."""


def main() -> None:
    """Run what is asked for, and write down what it printed."""
    parser = argparse.ArgumentParser(prog="python benchmarks/crash.py", description=__doc__)
    parser.add_argument("--only", choices=("crash", "prove"))
    only, facts = parser.parse_args().only, machine()
    if only != "prove":
        said = [_said(f"python -m {' '.join(words)}", [sys.executable, "-m", *words]) for words in COMMANDS]
        _write("crash", said, facts)
    if only != "crash":
        _write("prove", [_proven()], facts)


def _proven() -> str:
    """What `forerun prove` says of the starter project."""
    command = [sys.executable, "-m", "forerun.cli.main"]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*command, "new", "shop"], check=True, cwd=folder, capture_output=True)
        return _said("forerun prove shop", [*command, "prove", "shop"], folder)


def _said(shown: str, command: list[str], folder: str | None = None) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if ran.returncode != 0:
        # What it found is the whole point: it is not lost with the record that is not written.
        print(ran.stdout, ran.stderr, sep="\n", file=sys.stderr, flush=True)
        ran.check_returncode()
    # How many were asked for says the command itself; names of scratch directories say nothing.
    lines = [line.rstrip() for line in ran.stdout.splitlines() if not line.startswith("at least")]
    said = "\n".join([f"$ {shown}", *lines])
    print(said, flush=True)
    return said


def _write(name: str, said: list[str], facts: dict[str, object]) -> None:
    load = os.getloadavg()[1]
    others = load > (os.cpu_count() or 1) + 0.5
    busy = f"load {load:.1f}" + (", so other work ran at the same time" if others else "")
    (HERE / "results" / f"{name}.md").write_text(
        f"Recorded {str(facts['taken'])[:10]} at commit {facts['commit']} by `python benchmarks/crash.py` on "
        f"{facts['cpu']}, {facts['cores']} cores, {busy}.\n\n"
        "```text\n" + "\n\n".join(said) + "\n```\n"
    )


if __name__ == "__main__":
    main()
