"""A clock that stands still until it is moved."""

import threading


class ManualClock:
    """A clock for tests: `wait` moves it instead of waiting, so nothing sleeps.

    Args:
        now_us: Where it starts, microseconds since 1970, UTC.

    >>> clock = ManualClock(1_000)
    >>> clock.advance(500)
    >>> clock.now_us(), clock.tick_us()
    (1500, 500)
    """

    def __init__(self, now_us: int = 0) -> None:
        self._start_us = now_us
        self._now_us = now_us
        self._lock = threading.Lock()

    def now_us(self) -> int:
        """Where it stands."""
        return self._now_us

    def tick_us(self) -> int:
        """How far it was moved in all."""
        return self._now_us - self._start_us

    def advance(self, duration_us: int) -> None:
        """Move it forward.

        Args:
            duration_us: How far; a negative length is refused, since no clock here goes back.
        """
        if duration_us < 0:
            raise ValueError(f"a ManualClock goes forward only; got {duration_us} us")
        with self._lock:
            self._now_us += duration_us

    def wait(self, duration_us: int, stop: threading.Event) -> None:
        """Move it forward at once, unless `stop` is set.

        Args:
            duration_us: How far.
            stop: When set, the clock stays where it is.
        """
        if not stop.is_set():
            self.advance(max(duration_us, 0))
