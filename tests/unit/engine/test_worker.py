from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import pytest
from pba_simulation.time import ManualClock, settle_tasks

from pba_operator.engine import worker
from pba_operator.engine.metrics import Metrics
from pba_operator.engine.queue import Queue
from pba_operator.engine.worker import Outcome, Workers
from pba_operator.kube.errors import ApiError, Fenced, ServerError, Throttled, Unreachable
from pba_operator.kube.store import Key

A, B = Key("default", "a"), Key("default", "b")


class Bench:
    """Workers whose reconcile the test writes."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.queue = Queue(self.clock, jitter=lambda: 0.0)
        self.metrics = Metrics()
        self.seen: list[Key] = []
        self.answer: Callable[[Key], Awaitable[Outcome]] | Outcome | Exception = Outcome("unchanged")
        self.workers = Workers(self.queue, self.reconcile, self.clock, self.metrics)

    async def reconcile(self, key: Key) -> Outcome:
        self.seen.append(key)
        if isinstance(self.answer, Exception):
            raise self.answer
        if isinstance(self.answer, Outcome):
            return self.answer
        return await self.answer(key)

    def counted(self, result: str) -> float:
        return (
            self.metrics.registry.get_sample_value("pba_operator_reconcile_total", {"result": result}) or 0.0
        )


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_a_reconcile_that_went_well_is_forgotten(bench: Bench) -> None:
    bench.queue.retry(A)
    bench.queue.add(A)
    await bench.workers.work_once()
    assert bench.queue.failures(A) == 0
    assert bench.queue.idle
    assert bench.counted("unchanged") == 1


async def test_what_wants_to_be_looked_at_later_is(bench: Bench) -> None:
    bench.answer = Outcome("changed", again_after=15)
    bench.queue.add(A)
    await bench.workers.work_once()
    await bench.clock.advance(15)
    assert bench.queue.depth == 1


async def test_what_was_refused_is_tried_again_less_and_less_often(bench: Bench) -> None:
    bench.answer = Outcome("refused", retry=True)
    bench.queue.add(A)
    for waits in (0.5, 1.0, 2.0):
        await bench.workers.work_once()
        await bench.clock.advance(waits - 0.1)
        assert bench.queue.depth == 0
        await bench.clock.advance(0.1)
        assert bench.queue.depth == 1


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (ServerError("etcd is away"), "error"),
        (Unreachable("no route"), "error"),
        (TimeoutError(), "deadline"),
        (ZeroDivisionError(), "crash"),
    ],
)
async def test_whatever_happens_to_a_key_happens_to_it_alone(
    bench: Bench, error: Exception, result: str
) -> None:
    bench.answer = error
    bench.queue.add(A)
    await bench.workers.work_once()
    assert bench.counted(result) == 1
    assert bench.queue.failures(A) == 1
    bench.answer = Outcome("unchanged")
    bench.queue.add(B)
    await bench.workers.work_once()
    assert bench.seen == [A, B]
    await bench.clock.advance(1)
    assert await bench.queue.get() == A


@pytest.mark.parametrize(
    ("error", "seconds"), [(ServerError("etcd is away"), 5.0), (ZeroDivisionError(), 60.0)]
)
async def test_a_server_that_is_away_for_long_is_found_back_soon(
    bench: Bench, error: Exception, seconds: float
) -> None:
    """Ten failures in a row: what the API server cannot do is tried again within ten seconds, jitter included."""
    bench.answer = error
    for _ in range(10):
        bench.queue.add(A)
        await bench.workers.work_once()
    await bench.clock.advance(seconds - 0.1)
    assert bench.queue.depth == 0
    await bench.clock.advance(0.1)
    assert bench.queue.depth == 1


async def test_a_busy_server_is_left_alone_for_as_long_as_it_says(bench: Bench) -> None:
    bench.answer = Throttled("busy", retry_after=20)
    bench.queue.add(A)
    await bench.workers.work_once()
    await bench.clock.advance(19)
    assert bench.queue.depth == 0
    await bench.clock.advance(1)
    assert bench.queue.depth == 1


async def test_who_may_not_write_any_more_does_not_go_on(bench: Bench) -> None:
    bench.answer = Fenced("lost")
    bench.queue.add(A)
    with pytest.raises(Fenced):
        await bench.workers.work_once()


async def test_a_reconcile_has_a_deadline(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "DEADLINE", 0.01)

    async def hang(_key: Key) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError

    bench.answer = hang
    bench.queue.add(A)
    await bench.workers.work_once()
    assert bench.counted("deadline") == 1
    assert bench.queue.failures(A) == 1


async def test_a_failure_is_one_line_that_names_the_cluster(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.answer = ServerError("etcd is away")
    bench.queue.add(A)
    with caplog.at_level(logging.INFO):
        await bench.workers.work_once()
    (record,) = caplog.records
    assert record.__dict__["cluster"] == "default/a"
    assert record.__dict__["error"] == "ServerError: etcd is away"


async def test_one_slow_cluster_does_not_hold_up_the_others(bench: Bench) -> None:
    released = asyncio.Event()

    async def slow_a(key: Key) -> Outcome:
        if key == A:
            await released.wait()
        return Outcome("unchanged")

    bench.answer = slow_a
    task = asyncio.create_task(bench.workers.run(2))
    bench.queue.add(A)
    for number in range(20):
        bench.queue.add(Key("default", str(number)))
    await settle_tasks(200)
    assert len(bench.seen) == 21
    assert bench.queue.depth == 0
    await bench.clock.advance(7)
    assert bench.workers.longest() == 7
    released.set()
    await settle_tasks()
    assert bench.workers.longest() == 0
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_others_get_their_turn_while_a_thousand_clusters_are_looked_at(bench: Bench) -> None:
    """The Lease is renewed by the same event loop."""
    turns = 0
    for number in range(1000):
        bench.queue.add(Key("default", str(number)))
    task = asyncio.create_task(bench.workers.run(16))
    while bench.queue.depth:
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 500
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_crash_of_the_workers_is_not_kept_secret(bench: Bench) -> None:
    bench.answer = Fenced("lost")
    bench.queue.add(A)
    with pytest.raises(ExceptionGroup) as raised:
        await bench.workers.run(1)
    assert raised.group_contains(ApiError)
