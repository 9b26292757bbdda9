"""The way from the event loop to the engine and back, without a thread waiting for either."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping

from forerun.errors import RequestError
from forerun.serving.backend import Backend, Prediction

SWEEP_S = 0.1
"""How often deadlines are looked at; an answer is late by at most this much more."""


class Hop:
    """Carries predictions to the engine and wakes the loop once for all that have come back.

    A deadline costs a request nothing: requests wait in the order of their deadlines, and one timer
    looks at the oldest. A prediction that comes after its deadline is durable and stays so; only its
    caller was told 504.

    Args:
        backend: The engine.
        answer_s: From `ask` until the deadline.
        loop: The loop whose thread calls every method here.

    >>> from forerun.testing.backend import FakeBackend
    >>> async def ask() -> str:
    ...     hop = Hop(FakeBackend(), 1.0, asyncio.get_running_loop())
    ...     return (await hop.ask("LateArrival", {"origin": "JFK"}))["grade"]
    >>> asyncio.run(ask())
    'fresh'
    """

    def __init__(self, backend: Backend, answer_s: float, loop: asyncio.AbstractEventLoop) -> None:
        self._backend = backend
        self._submit = backend.submit_predict
        self._ready = False
        self._answer_s = answer_s
        self._loop = loop
        self._waiting: dict[asyncio.Future[Prediction], float] = {}
        self._back: deque[tuple[asyncio.Future[Prediction], Prediction | BaseException]] = deque()
        self._woken = False
        self._sweeper: asyncio.TimerHandle | None = None

    def ask(self, model: str, fields: Mapping[str, object]) -> "asyncio.Future[Prediction]":
        """Submit one prediction.

        Returns:
            Resolves on the loop, once the prediction is durable, or with what stopped it.

        Raises:
            RequestError: 503, the engine is not ready yet.
        """
        if not self._ready:
            self._ready, missing = self._backend.ready()
            if not self._ready:
                raise RequestError(f"not ready: {missing}.", status=503, reason="not_ready")
        future: asyncio.Future[Prediction] = self._loop.create_future()
        self._waiting[future] = time.monotonic() + self._answer_s
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)
        try:
            self._submit(model, fields, self._callback(future))
        except BaseException:
            del self._waiting[future]
            raise
        return future

    @property
    def waiting(self) -> int:
        """How many are not answered yet."""
        return len(self._waiting)

    def _callback(self, future: "asyncio.Future[Prediction]") -> Callable[[Prediction | BaseException], None]:
        back, wake = self._back, self._wake

        def done(result: Prediction | BaseException) -> None:
            back.append((future, result))
            wake()

        return done

    def _wake(self) -> None:
        """Called on the engine's thread; one wake-up serves the whole group of a commit."""
        # The append comes before this look, and `_take` clears the flag before it takes: a result
        # whose thread saw the flag set is therefore always taken by that same `_take`.
        if not self._woken:
            self._woken = True
            try:
                self._loop.call_soon_threadsafe(self._take)
            except RuntimeError:  # the loop is closed: its callers are gone
                self._woken = False

    def _take(self) -> None:
        self._woken = False
        back = self._back
        while back:
            future, result = back.popleft()
            if self._waiting.pop(future, None) is None or future.done():
                continue  # told 504, or gone
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _sweep(self) -> None:
        now = time.monotonic()
        overdue = []
        for future, deadline in self._waiting.items():
            if deadline > now:
                break
            overdue.append(future)
        for future in overdue:
            del self._waiting[future]
            if not future.done():
                future.set_exception(
                    RequestError(
                        f"no answer within {self._answer_s:g} s; the prediction may yet be made and logged.",
                        status=504,
                        reason="timeout",
                    )
                )
        self._sweeper = self._loop.call_later(SWEEP_S, self._sweep) if self._waiting else None
