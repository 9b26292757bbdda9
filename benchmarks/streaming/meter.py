"""What a piece of work costs: CPU of this process and its children, wall time, memory; a line of JSON."""

import argparse
import json
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
SAMPLE_S = 0.25
_TOUCH = """
import mmap

memory = mmap.mmap(-1, 1 << 30)
if hasattr(mmap, "MADV_HUGEPAGE"):
    memory.madvise(mmap.MADV_HUGEPAGE)
for at in range(0, len(memory), mmap.PAGESIZE):
    memory[at] = 1
"""


class Meter:
    """Measures a `with` block.

    The CPU of this process is exact and counts all its threads, so a peer that uses two cores, or a garbage
    collector of its own, pays for both. Children (a JVM beside Python) are sampled by the kernel's ticks.

    Just before, memory is touched and given back: the host of a virtual machine finds memory for it slowly,
    and whoever came first would pay for that.
    """

    def __enter__(self) -> "Meter":
        _warm()
        self._done = threading.Event()
        self._children: dict[int, float] = {}
        self.peak = 0
        self._sample()
        self._children_before = sum(self._children.values())
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        self._wall = time.perf_counter()
        self._cpu = time.process_time()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cpu_s = time.process_time() - self._cpu
        self.wall_s = time.perf_counter() - self._wall
        self._done.set()
        self._thread.join()
        self._sample()
        self.cpu_s += sum(self._children.values()) - self._children_before

    def _watch(self) -> None:
        while not self._done.wait(SAMPLE_S):
            self._sample()

    def _sample(self) -> None:
        memory = _memory(os.getpid())
        for child in _children(os.getpid()):
            try:
                fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
                self._children[child] = (int(fields[11]) + int(fields[12])) / _TICK
                memory += _memory(child)
            except OSError:
                continue
        self.peak = max(self.peak, memory)


def _warm() -> None:
    # In another process, so that this one's peak is its own.
    subprocess.run([sys.executable, "-c", _TOUCH], check=True)


def _memory(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            own = [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
        for child in own:
            found += [child, *_children(child)]
    return found


def arguments(description: str | None) -> argparse.ArgumentParser:
    """The arguments that every script takes.

    Args:
        description: The script's docstring.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="where the events are kept")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rate", type=int, default=50, help="events per second of event time")
    parser.add_argument("--mode", default="w1")
    return parser


def report(events: int, meter: Meter, **more: Any) -> None:
    """Print a run as one line of JSON, the last line of a script.

    Args:
        events: How many were taken.
        meter: The run.
        more: Further facts.
    """
    line = {
        "events": events,
        "cpu_us": round(meter.cpu_s / events * 1e6, 4),
        "wall_us": round(meter.wall_s / events * 1e6, 4),
        "peak_mb": round(max(meter.peak, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024) / 2**20),
        "load_1m": round(os.getloadavg()[0], 1),
        **more,
    }
    print(json.dumps(line), flush=True)


def percentiles(nanoseconds: Any) -> dict[str, float]:
    """p50, p99 and p99.9 in microseconds.

    Args:
        nanoseconds: One per call.
    """
    ordered = sorted(nanoseconds)
    return {
        name: round(int(ordered[min(int(share * len(ordered)), len(ordered) - 1)]) / 1_000, 2)
        for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))
    }
