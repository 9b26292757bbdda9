"""A few threads for what may block, so that the event loop never does."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from forerun.errors import RequestError

T = TypeVar("T")


class Workers:
    """Runs blocking calls beside the event loop.

    What waits for a thread is bounded by the endpoint's limit on requests in flight.

    Args:
        threads: How many.
        answer_s: How long a caller waits; the call itself goes on.

    >>> workers = Workers(1, answer_s=1.0)
    >>> asyncio.run(workers.run(lambda: 6 * 7))
    42
    >>> workers.close()
    """

    def __init__(self, threads: int, answer_s: float) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="forerun-door")
        self._answer_s = answer_s

    async def run(self, call: Callable[[], T]) -> T:
        """Run one call.

        Raises:
            RequestError: 504, no answer in time.
        """
        try:
            async with asyncio.timeout(self._answer_s):
                return await asyncio.get_running_loop().run_in_executor(self._pool, call)
        except TimeoutError as exc:
            raise RequestError(
                f"no answer within {self._answer_s:g} s; what was asked for may yet happen.",
                status=504,
                reason="timeout",
            ) from exc

    def close(self) -> None:
        """Let running calls end and take no more."""
        self._pool.shutdown(wait=True, cancel_futures=True)
