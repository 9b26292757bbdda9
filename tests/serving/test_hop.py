"""What goes to the engine comes back once, on the loop's thread, with one wake-up for a whole group."""

import asyncio
import threading
from collections.abc import Callable, Mapping

import pytest

from forerun.errors import CommitError, RequestError
from forerun.serving.backend import Prediction
from forerun.serving.hop import Hop
from forerun.testing.backend import FakeBackend


def test_a_group_wakes_the_loop_once() -> None:
    """A commit that carries many requests costs one wake-up, not one each."""

    async def run() -> tuple[list[Prediction], int]:
        loop = asyncio.get_running_loop()
        backend = FakeBackend(hold=True)
        hop = Hop(backend, 5.0, loop)
        futures = [hop.ask("M", {"n": n}) for n in range(50)]
        woken = []
        original = loop.call_soon_threadsafe

        def count(callback: Callable[..., object], *args: object) -> asyncio.Handle:
            woken.append(callback)
            return original(callback, *args)

        loop.call_soon_threadsafe = count  # type: ignore[method-assign,assignment]  # to count
        engine = threading.Thread(target=backend.commit)
        engine.start()
        engine.join()
        answers = [await future for future in futures]
        return answers, len(woken)

    answers, wakes = asyncio.run(run())
    assert [int(answer["prediction_id"], 16) for answer in answers] == list(range(1, 51))
    assert wakes == 1


def test_no_answer_is_lost_between_threads() -> None:
    """Two engine threads answering at any moment: every request comes back exactly once."""

    class Threaded(FakeBackend):
        """Answers from other threads, now and then at the same time as another request is made."""

        def submit_predict(
            self, model: str, fields: Mapping[str, object], done: Callable[[Prediction | BaseException], None]
        ) -> None:
            """Let one of two threads answer."""

            def answered(result: Prediction | BaseException) -> None:
                pools[int(str(fields["n"])) % 2].call_soon_threadsafe(done, result)

            super().submit_predict(model, fields, answered)

    pools = [asyncio.new_event_loop() for _ in range(2)]
    threads = [threading.Thread(target=loop.run_forever) for loop in pools]
    for thread in threads:
        thread.start()

    async def run() -> list[str]:
        hop = Hop(Threaded(), 30.0, asyncio.get_running_loop())

        async def many(start: int) -> list[str]:
            return [(await hop.ask("M", {"n": n}))["prediction_id"] for n in range(start, start + 200)]

        groups = await asyncio.gather(*(many(start) for start in range(10)))
        return [answer for group in groups for answer in group]

    try:
        answers = asyncio.run(run())
    finally:
        for loop, thread in zip(pools, threads, strict=True):
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()
    assert len(answers) == len(set(answers)) == 2000


def test_what_stopped_it_is_raised() -> None:
    """The exception that the engine gives reaches the one who asked."""

    async def run() -> None:
        backend = FakeBackend()
        backend.failure = CommitError("disk full")
        await Hop(backend, 5.0, asyncio.get_running_loop()).ask("M", {})

    with pytest.raises(CommitError, match="disk full"):
        asyncio.run(run())


def test_a_submission_that_is_refused_leaves_nothing_behind() -> None:
    """An engine that does not even queue it: the caller hears why and no deadline stays."""

    async def run() -> int:
        backend = FakeBackend()
        backend.closed = CommitError("closing")
        hop = Hop(backend, 0.01, asyncio.get_running_loop())
        for _ in range(3):
            with pytest.raises(CommitError):
                await hop.ask("M", {})
        return hop.waiting

    assert asyncio.run(run()) == 0


def test_deadlines_pass_oldest_first_and_late_answers_are_dropped() -> None:
    """Who waited too long is told; an answer after that changes nothing; later requests are not touched."""

    async def run() -> tuple[int, Prediction]:
        backend = FakeBackend(hold=True)
        hop = Hop(backend, 0.05, asyncio.get_running_loop())
        late = [hop.ask("M", {}) for _ in range(3)]
        results = await asyncio.gather(*late, return_exceptions=True)
        assert all(isinstance(result, RequestError) and result.status == 504 for result in results)
        in_time = hop.ask("M", {})
        backend.commit()
        return hop.waiting, await in_time

    waiting, answer = asyncio.run(run())
    assert (waiting, answer["prediction_id"][-1]) == (1, "4")


def test_an_answer_after_the_loop_is_gone_is_harmless() -> None:
    """An engine that commits while the endpoint stops must not fail for it."""
    backend = FakeBackend(hold=True)

    async def run() -> None:
        unanswered = Hop(backend, 5.0, asyncio.get_running_loop()).ask("M", {})
        assert not unanswered.done()

    asyncio.run(run())
    assert backend.commit() == 1
