from __future__ import annotations

import asyncio
import contextlib

import aiohttp
import pytest
from pba_simulation.apiserver import SimulatedApi
from pba_simulation.engine import engine_on
from pba_simulation.time import ManualClock, settle_tasks
from pba_simulation.world import cluster as manifest_of

from pba_operator.engine.health import DEAD_AFTER, QUEUE_MAX, STALE_AFTER, STUCK_AFTER
from pba_operator.engine.probes import Probes
from pba_operator.kube import errors, kinds
from pba_operator.kube.store import Address, Key

KEY = Key("default", "shop")


class Bench:
    def __init__(self) -> None:
        self.api = SimulatedApi()
        self.clock = ManualClock()
        self.engine = engine_on(self.api, self.clock)
        self.health = self.engine.health

    def keep_streams(self, but: str = "") -> None:
        """Have every watch say something, apart from that of one kind."""
        for kind in kinds.WATCHED:
            if kind.name != but:
                self.engine.streams.saw(kind, "")


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_an_idle_process_is_well(bench: Bench) -> None:
    assert await bench.health.ailments() == []


async def test_work_that_does_not_get_done_is_an_ailment_of_who_holds_the_lease(bench: Bench) -> None:
    bench.engine.queue.add(KEY)
    bench.clock.seconds += QUEUE_MAX + 1
    bench.keep_streams()
    assert await bench.health.ailments() == [], "who waits for the Lease works nothing off"
    bench.engine.lead()
    assert await bench.health.ailments() == ["a cluster has waited for a worker for 301 s"]


async def test_a_stuck_worker_is_an_ailment(bench: Bench) -> None:
    hang = asyncio.Event()

    bench.api.create_as("user", manifest_of())
    await bench.engine.resync.seed()

    async def get(*_: object) -> None:
        await hang.wait()

    bench.api.get = get  # type: ignore[method-assign, assignment]
    task = asyncio.create_task(bench.engine.workers.run(1))
    await settle_tasks()
    bench.clock.seconds += STUCK_AFTER + 1
    bench.keep_streams()
    assert await bench.health.ailments() == ["a worker has been busy with one cluster for 76 s"]
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_dead_watch_is_an_ailment_if_the_server_would_answer(bench: Bench) -> None:
    bench.clock.seconds += DEAD_AFTER + 1
    bench.keep_streams(but="Pod")
    assert await bench.health.ailments() == ["the watch of Pod has been dead for 351 s"]
    assert bench.api.reads == [("LIST", Address("Pod", "", ""))]

    def away(_verb: str, _at: Address) -> None:
        raise errors.Unreachable("no route")

    bench.api.before = away
    assert await bench.health.ailments() == [], "a restart would not help"


async def test_readiness_is_a_whole_cache_and_not_the_lease(bench: Bench) -> None:
    assert bench.health.ready() == ["the cache is not filled yet"]
    await bench.engine.resync.seed()
    assert bench.health.ready() == []
    assert not bench.health.acting


async def test_a_replica_that_hears_nothing_of_a_kind_is_not_ready_until_it_does(bench: Bench) -> None:
    await bench.engine.resync.seed()
    asked = len(bench.api.reads)
    bench.clock.seconds += STALE_AFTER
    assert bench.health.ready() == [], "as long as it may take that kopf begins a silent watch anew"
    bench.clock.seconds += 1
    bench.keep_streams(but="Pod")
    assert bench.health.ready() == ["nothing has been heard of the watch of Pod for 111 s"]
    assert await bench.health.ailments() == [], "too early for a restart"
    bench.keep_streams()
    assert bench.health.ready() == []
    assert len(bench.api.reads) == asked, "an API server that comes back has other things to do"


async def test_the_probes_are_served(bench: Bench, unused_tcp_port: int) -> None:
    probes = Probes(bench.health, bench.engine.metrics)
    await probes.start(unused_tcp_port)
    url = f"http://127.0.0.1:{unused_tcp_port}"
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/healthz") as answer:
            assert (answer.status, await answer.text()) == (200, "ok")
        async with session.get(f"{url}/readyz") as answer:
            assert (answer.status, await answer.text()) == (503, "the cache is not filled yet")
        bench.engine.lead()
        async with session.get(f"{url}/metrics") as answer:
            text = await answer.text()
    for line in ("leader 1.0", "queue_depth 0.0", "queue_oldest_seconds 0.0", "reconcile_seconds_count 0.0"):
        assert f"pba_operator_{line}" in text.splitlines()
    await probes.stop()


async def test_what_was_stopped_serves_no_more_and_what_never_started_may_be_stopped(
    bench: Bench, unused_tcp_port: int
) -> None:
    probes = Probes(bench.health, bench.engine.metrics)
    await probes.stop()
    await probes.start(unused_tcp_port)
    await probes.stop()
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"http://127.0.0.1:{unused_tcp_port}/healthz")
