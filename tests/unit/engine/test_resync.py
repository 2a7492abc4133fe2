"""The cache compared with the API server: what watches missed is found, and nothing is believed gone without proof."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pba_simulation.apiserver import SimulatedApi
from pba_simulation.engine import engine_on
from pba_simulation.time import ManualClock, settle_tasks
from pba_simulation.world import cluster as manifest_of

from pba_api.identity import LABEL_CLUSTER
from pba_operator.engine.resync import (
    DOUBT_ROUNDS,
    PUT_OFF_SECONDS,
    RESYNC_SECONDS,
    RETRY_SECONDS,
    SETTLE_SECONDS,
)
from pba_operator.kube import errors, kinds
from pba_operator.kube.kinds import Kind
from pba_operator.kube.page import PAGE_SIZE, Page
from pba_operator.kube.store import Address, Key
from pba_operator.kube.streams import Stream

KEY = Key("default", "shop")
MAPS = Stream("ConfigMap", "")
MAP = Address("ConfigMap", "default", "shop-a")


def config_map(name: str = "shop-a") -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default", "labels": {LABEL_CLUSTER: "shop"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": "v"}}


class Bench:
    def __init__(self) -> None:
        self.api = SimulatedApi()
        self.clock = ManualClock()
        self.engine = engine_on(self.api, self.clock, jitter=0.5)
        self.resync = self.engine.resync

    async def relist(self) -> None:
        """Compare config maps, and let what has to wait for the watch wait."""
        task = asyncio.create_task(self.resync.relist(MAPS))
        await settle_tasks()
        await self.clock.advance(SETTLE_SECONDS)
        await task

    async def drain(self) -> list[Key]:
        found = []
        while self.engine.queue.depth:
            found.append(await self.engine.queue.get())
            self.engine.queue.done(found[-1])
        return found

    def counted(self, name: str, **labels: str) -> float:
        return self.engine.metrics.registry.get_sample_value(f"pba_operator_{name}", labels) or 0.0


@pytest.fixture
async def bench() -> Bench:
    made = Bench()
    made.api.create_as("user", manifest_of())
    made.api.create_as("us", config_map())
    await made.resync.seed()
    await made.drain()
    return made


async def test_before_the_first_listings_have_ended_nothing_is_ready() -> None:
    bench = Bench()
    assert bench.engine.health.ready() == ["the cache is not filled yet"]
    bench.api.create_as("user", manifest_of())
    await bench.resync.seed()
    assert bench.engine.health.ready() == []
    assert await bench.drain() == [KEY]


async def test_the_first_listing_is_tried_until_it_succeeds(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    failures: list[Exception] = [
        errors.NotFound("no such kind"),
        errors.Unreachable("no route"),
        errors.Gone("expired"),
    ]

    def fail(_verb: str, _at: Address) -> None:
        if failures:
            raise failures.pop(0)

    bench.api.before = fail
    task = asyncio.create_task(bench.resync.seed())
    for _ in range(3):
        await settle_tasks()
        assert not bench.resync.synced
        await bench.clock.advance(RETRY_SECONDS)
    await task
    assert bench.resync.synced
    assert "are the CRDs installed?" in caplog.text


async def test_what_goes_between_two_tries_of_the_first_listing_is_found() -> None:
    bench = Bench()
    for number in range(PAGE_SIZE + 50):
        bench.api.create_as("us", config_map(f"shop-{number:03d}"))
    pages = bench.api.pages

    async def broken(kind: Kind, *place: str, **options: Any) -> AsyncIterator[Page]:
        async for page in pages(kind, *place, **options):
            yield page
            if kind.name == MAPS.kind:
                raise errors.Gone("the continuation has expired")

    bench.api.pages = broken  # type: ignore[method-assign]
    seeding = asyncio.create_task(bench.resync.seed())
    await settle_tasks()
    bench.api.pages = pages  # type: ignore[method-assign]
    bench.api.delete_as(Address("ConfigMap", "default", "shop-000"))
    await bench.clock.advance(RETRY_SECONDS)
    await seeding
    task = asyncio.create_task(bench.resync.run())
    await settle_tasks()
    await bench.clock.advance(SETTLE_SECONDS + 1)
    assert bench.engine.store.get(Address("ConfigMap", "default", "shop-000")) is None
    await _end(task)


async def test_a_missed_deletion_is_found(bench: Bench) -> None:
    bench.api.delete_as(MAP)
    await bench.relist()
    assert bench.engine.store.get(MAP) is None
    assert await bench.drain() == [KEY]
    assert bench.counted("relist_corrections_total", kind="ConfigMap") == 1


async def test_a_missed_change_is_found(bench: Bench) -> None:
    bench.api.patch_as("user", MAP, {"data": {"k": "new"}})
    bench.api.create_as("us", config_map("shop-b"))
    await bench.relist()
    live = bench.engine.store.get(MAP)
    assert live is not None
    assert live["data"] == {"k": "new"}
    assert bench.engine.store.get(Address("ConfigMap", "default", "shop-b")) is not None
    assert await bench.drain() == [KEY]


async def test_what_the_watch_tells_a_moment_later_costs_no_request(bench: Bench) -> None:
    bench.api.patch_as("user", MAP, {"data": {"k": "new"}})
    event = bench.api.events[-1]
    task = asyncio.create_task(bench.resync.relist(MAPS))
    await settle_tasks()
    bench.engine.intake.event(kinds.BY_NAME["ConfigMap"], event.type, event.object)
    await bench.clock.advance(SETTLE_SECONDS)
    await task
    assert not [verb for verb, at in bench.api.reads if verb == "GET"]
    assert bench.counted("relist_corrections_total", kind="ConfigMap") == 0


async def test_what_ends_between_listing_and_reading_is_no_error(bench: Bench) -> None:
    bench.api.create_as("us", config_map("shop-b"))
    task = asyncio.create_task(bench.resync.relist(MAPS))
    await settle_tasks()
    bench.api.delete_as(Address("ConfigMap", "default", "shop-b"))
    await bench.clock.advance(SETTLE_SECONDS)
    await task
    assert bench.counted("relists_total", kind="ConfigMap") == 1


async def test_what_has_changed_since_the_listing_began_is_not_believed_gone(bench: Bench) -> None:
    """It was deleted and made anew while the listing was on its way: the watch has told, the listing is older."""

    def interfere(verb: str, at: Address) -> None:
        if verb == "LIST" and at.kind == "ConfigMap":
            bench.api.before = lambda _verb, _at: None
            bench.api.delete_as(MAP)
            later = SimulatedApi()
            later._versions = iter(range(5000, 6000))  # type: ignore[assignment]
            later._uids = iter(range(500, 600))  # type: ignore[assignment]
            bench.engine.intake.seen(later.create_as("us", config_map()))

    bench.api.before = interfere
    await bench.relist()
    assert bench.engine.store.get(MAP) is not None


async def test_a_listing_that_is_cut_short_proves_nothing(bench: Bench) -> None:
    bench.api.delete_as(MAP)

    def fail(_verb: str, _at: Address) -> None:
        raise errors.Gone("the continuation has expired")

    bench.api.before = fail
    await bench.relist()
    assert bench.engine.store.get(MAP) is not None
    bench.api.before = lambda _verb, _at: None
    task = asyncio.create_task(bench.resync.run())
    await settle_tasks()
    for _ in range(10):
        await bench.clock.advance(1)
    assert bench.engine.store.get(MAP) is None, "it was tried again"
    await _end(task)


async def test_a_gap_is_looked_into_soon_and_everything_every_ten_minutes(bench: Bench) -> None:
    task = asyncio.create_task(bench.resync.run())
    await settle_tasks()
    await bench.clock.advance(10)
    lists = [at.kind for verb, at in bench.api.reads if verb == "LIST"]
    assert len(lists) == len(kinds.WATCHED), "at the start"
    await bench.clock.advance(RESYNC_SECONDS - 20)
    assert len([1 for verb, _ in bench.api.reads if verb == "LIST"]) == len(lists), "nothing meanwhile"
    bench.resync.gap(MAPS)
    await bench.clock.advance(5)
    assert [at.kind for verb, at in bench.api.reads if verb == "LIST"][len(lists) :] == ["ConfigMap"]
    await bench.drain()
    await bench.clock.advance(90)
    assert len([1 for verb, _ in bench.api.reads if verb == "LIST"]) == len(lists) + 1 + len(kinds.WATCHED)
    assert await bench.drain() == [KEY]
    assert not [verb for verb, _ in bench.api.reads if verb == "GET"]
    await _end(task)


async def test_what_is_looked_at_within_ten_minutes_anyway_is_not_looked_at_once_more(bench: Bench) -> None:
    other = manifest_of("other")
    bench.api.create_as("user", other)
    bench.engine.intake.seen(other, live=True)
    await bench.drain()
    bench.engine.queue.add_after(KEY, RESYNC_SECONDS)
    bench.resync.everything()
    await bench.clock.advance(RESYNC_SECONDS / 10)
    assert await bench.drain() == [Key("default", "other")]
    await bench.clock.advance(RESYNC_SECONDS)
    assert await bench.drain() == [KEY]


async def test_a_doubt_is_looked_into_soon_all_the_same(bench: Bench) -> None:
    soon = 0
    for _ in range(DOUBT_ROUNDS):
        bench.engine.queue.add_after(KEY, RESYNC_SECONDS)
        bench.resync.everything()
        await bench.clock.advance(RESYNC_SECONDS / 10)
        soon += len(await bench.drain())
        await bench.clock.advance(RESYNC_SECONDS)
        await bench.drain()
    assert soon == 1


async def test_a_stream_that_breaks_off_again_and_again_does_not_put_it_off_for_ever(bench: Bench) -> None:
    task = asyncio.create_task(bench.resync.run())
    await settle_tasks()
    bench.api.reads.clear()
    for _ in range(int(PUT_OFF_SECONDS) + 2):
        bench.resync.gap(MAPS)
        await bench.clock.advance(1)
    assert [at.kind for verb, at in bench.api.reads if verb == "LIST"] == ["ConfigMap"]
    await _end(task)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
