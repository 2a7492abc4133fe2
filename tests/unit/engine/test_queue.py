from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pba_simulation.time import ManualClock

from pba_operator.engine.queue import BACKOFF_FIRST, BACKOFF_MAX, Queue
from pba_operator.kube.store import Key

A, B = Key("default", "a"), Key("default", "b")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def queue(clock: ManualClock) -> Queue:
    return Queue(clock, jitter=lambda: 0.0)


async def test_a_key_that_waits_is_not_queued_twice(queue: Queue) -> None:
    queue.add(A)
    queue.add(B)
    queue.add(A)
    assert queue.depth == 2
    assert await queue.get() == A
    assert await queue.get() == B
    assert queue.depth == 0


async def test_a_key_that_is_worked_on_waits_until_it_is_done(queue: Queue) -> None:
    queue.add(A)
    await queue.get()
    queue.add(A)
    queue.add(A)
    assert queue.depth == 0
    assert not queue.idle
    queue.done(A)
    assert queue.depth == 1
    assert await queue.get() == A
    queue.done(A)
    assert queue.idle


async def test_who_waits_for_a_key_is_woken(queue: Queue) -> None:
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add(A)
    assert await waiting == A


async def test_two_who_wait_get_a_key_each(queue: Queue) -> None:
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add(A)
    queue.add(B)
    assert {await first, await second} == {A, B}


async def test_a_delayed_key_comes_when_it_is_due_and_the_earlier_time_holds(
    queue: Queue, clock: ManualClock
) -> None:
    queue.add_after(A, 10)
    queue.add_after(A, 20)
    await clock.advance(9)
    assert queue.depth == 0
    await clock.advance(1)
    assert queue.depth == 1
    queue.add_after(B, 20)
    queue.add_after(B, 5)
    await clock.advance(5)
    assert queue.depth == 2
    await clock.advance(100)
    assert queue.depth == 2


async def test_what_comes_now_need_not_come_later(queue: Queue, clock: ManualClock) -> None:
    queue.add_after(A, 10)
    queue.add(A)
    queue.add_after(A, 10)
    await queue.get()
    queue.done(A)
    await clock.advance(60)
    assert queue.depth == 0


async def test_back_off_doubles_up_to_its_limit_and_begins_anew(queue: Queue) -> None:
    waits = [queue.retry(A) for _ in range(12)]
    assert waits[:4] == [BACKOFF_FIRST, 2 * BACKOFF_FIRST, 4 * BACKOFF_FIRST, 8 * BACKOFF_FIRST]
    assert waits[-1] == BACKOFF_MAX
    assert queue.failures(A) == 12
    queue.forget(A)
    assert queue.failures(A) == 0
    assert queue.retry(A) == BACKOFF_FIRST


async def test_back_off_is_spread(clock: ManualClock) -> None:
    assert Queue(clock, jitter=lambda: 1.0).retry(A) == 1.5 * BACKOFF_FIRST


async def test_the_server_s_wish_to_be_left_alone_is_obeyed(queue: Queue, clock: ManualClock) -> None:
    assert queue.retry(A, at_least=30) == 30
    await clock.advance(29)
    assert queue.depth == 0
    await clock.advance(1)
    assert queue.depth == 1


async def test_the_age_of_the_oldest_is_told(queue: Queue, clock: ManualClock) -> None:
    assert queue.oldest() == 0
    queue.add(A)
    await clock.advance(3)
    queue.add(B)
    await clock.advance(4)
    assert queue.oldest() == 7


async def test_it_tells_what_comes_soon(queue: Queue, clock: ManualClock) -> None:
    assert not queue.is_due_within(A, 1000)
    queue.add_after(A, 10)
    assert queue.is_due_within(A, 10)
    assert not queue.is_due_within(A, 9)
    await clock.advance(10)
    assert queue.is_due_within(A, 0), "it waits for a worker"
    await queue.get()
    assert not queue.is_due_within(A, 1000), (
        "it is being looked at: what is told now may be too late for that"
    )


async def test_nothing_comes_after_the_end(queue: Queue, clock: ManualClock) -> None:
    queue.add_after(A, 1)
    queue.close()
    await clock.advance(5)
    assert queue.depth == 0


@given(st.lists(st.tuples(st.sampled_from(["add", "get", "done", "wait"]), st.integers(0, 3)), max_size=60))
async def test_no_key_is_with_two_workers_and_no_change_is_lost(steps: list[tuple[str, int]]) -> None:
    clock = ManualClock()
    queue = Queue(clock, jitter=lambda: 0.0)
    working: list[Key] = []
    unseen: set[Key] = set()
    for what, number in steps:
        key = Key("default", str(number))
        if what == "add":
            queue.add(key)
            unseen.add(key)
        elif what == "wait":
            queue.add_after(key, number)
            await clock.advance(number)
            unseen.add(key)
        elif what == "get" and queue.depth:
            taken = await queue.get()
            assert taken not in working
            working.append(taken)
            unseen.discard(taken)
        elif what == "done" and working:
            queue.done(working.pop(0))
    for key in working:
        queue.done(key)
    while queue.depth:
        key = await queue.get()
        unseen.discard(key)
        queue.done(key)
    assert unseen == set()
    assert queue.idle
