"""Clocks. The runtime is given one; only the real one asks the operating system."""

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def now_us(self) -> int:
        """Microseconds since 1970, UTC. May jump."""

    def tick_us(self) -> int:
        """Microseconds since some moment; never goes back. For measuring."""

    def wait(self, duration_us: int, stop: threading.Event) -> None:
        """Return after a while, or at once when `stop` is set.

        Args:
            duration_us: How long, by `tick_us`.
            stop: Ends the wait early.
        """


class SystemClock:
    """The operating system's clocks.

    >>> clock = SystemClock()
    >>> clock.tick_us() <= clock.tick_us()
    True
    """

    def now_us(self) -> int:
        """Microseconds since 1970, UTC."""
        return time.time_ns() // 1000

    def tick_us(self) -> int:
        """Microseconds since some moment; never goes back."""
        return time.monotonic_ns() // 1000

    def wait(self, duration_us: int, stop: threading.Event) -> None:
        """Return after a while, or at once when `stop` is set."""
        stop.wait(max(duration_us, 0) / 1_000_000)
