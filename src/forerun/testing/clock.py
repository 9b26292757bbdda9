"""Clocks that do as they are told: one stands still until it is moved, one jumps."""

import random  # noqa: TID251 - always seeded; this is where randomness is wanted
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


class JumpingClock:
    """A clock as bad as clocks get: each look at it may find it hours ahead, or back.

    Args:
        chance: Draws the jumps; None: it stands still.

    >>> clock = JumpingClock(random.Random(1))
    >>> ticks = [clock.tick_us() for _ in range(9)]
    >>> ticks == sorted(ticks)
    True
    """

    def __init__(self, chance: random.Random | None) -> None:
        self._chance = chance
        self._now_us = 1_700_000_000_000_000
        self._tick_us = 0

    def now_us(self) -> int:
        """Whatever it says; it may be earlier than the last time."""
        if self._chance is not None and self._chance.random() < 0.1:
            self._now_us += self._chance.randrange(-7_200_000_000, 7_200_000_000)
        return self._now_us

    def tick_us(self) -> int:
        """Never goes back, but may leap."""
        leaps = self._chance is not None and self._chance.random() < 0.02
        self._tick_us += 7_200_000_000 if leaps else 0
        return self._tick_us

    def wait(self, duration_us: int, stop: threading.Event) -> None:
        """Leap over the time instead."""
        if not stop.is_set():
            self._tick_us += max(duration_us, 0)
