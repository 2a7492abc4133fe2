"""MySQL's answer does not stand for ever: once in `DOUBT_ROUNDS` rounds it is asked anew, each in its turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from pba_simulation.bench import CLUSTER, KEY, QUESTION, Bench
from pba_simulation.world import NAME, World, cluster

from pba_operator.domain.model import AccountState, ChildId, DatabaseObservation, EnsureAccounts, Manifest
from pba_operator.engine.resync import DOUBT_ROUNDS
from pba_operator.kube.store import Key

NAMES = [f"shop-{number}" for number in range(6)]


async def _settled(*names: str, **spec: bool) -> World:
    world = World()
    await world.start()
    for name in names:
        world.create(cluster(name))
    await world.settle()
    if spec:
        for name in names:
            world.edit("PBACluster", name, spec=spec)
        await world.settle()
    world.mysql.asked.clear()
    world.api.writes.clear()
    return world


async def _round(world: World) -> list[EnsureAccounts]:
    """Let ten minutes go by; return what MySQL was asked for in them."""
    world.mysql.asked.clear()
    world.engine.resync.everything()
    await world.settle()
    return list(world.mysql.asked)


async def test_each_is_asked_once_in_its_turn_and_never_all_at_once() -> None:
    world = await _settled(*NAMES)
    for _ in range(2):
        rounds = [[asked.host for asked in await _round(world)] for _ in range(DOUBT_ROUNDS)]
        counted = Counter(host for hosts in rounds for host in hosts)
        assert len(counted) == len(NAMES)
        assert set(counted.values()) == {1}
        assert max(len(hosts) for hosts in rounds) < len(NAMES) / 2
    assert world.api.writes == [], "all was well"
    assert all(world.is_ready(name) for name in NAMES)


async def test_what_is_wrong_in_it_is_told_and_heals() -> None:
    world = await _settled(NAME)
    refusal = DatabaseObservation(AccountState.REFUSED, detail="the account is locked")
    world.mysql.refusals = [refusal]
    world.engine.store.doubt(Key("default", NAME))
    world.engine.queue.add(Key("default", NAME))
    await world.step()
    told = world.condition("DatabaseReady")
    assert told is not None
    assert (told["reason"], told["status"]) == ("AccountsFailed", "False")
    await world.settle()
    assert world.is_ready()


async def test_an_annotation_of_the_secret_has_it_asked_at_once() -> None:
    """As docs/reference/conditions.md says to those who do not want to wait."""
    world = await _settled(NAME)
    world.edit("Secret", f"{NAME}-mysql-app", metadata={"annotations": {"asked": "now"}})
    await world.settle()
    assert len(world.mysql.asked) == 1
    assert world.is_ready()


async def test_what_is_paused_or_on_its_way_out_is_not_asked() -> None:
    world = await _settled(NAME, paused=True)
    assert [await _round(world) for _ in range(DOUBT_ROUNDS)] == [[]] * DOUBT_ROUNDS
    assert world.api.writes == [], "what was known of it is told as before"


async def test_a_doubt_that_comes_while_it_is_asked_is_for_the_next_time(bench: Bench) -> None:
    bench.wants(QUESTION)
    answer = bench.ensure

    async def ensure(
        wanted: EnsureAccounts, secrets: Mapping[ChildId, Manifest], may_write: Callable[[], None]
    ) -> DatabaseObservation:
        if len(bench.asked) < 2:
            bench.engine.store.doubt(KEY)
        return await answer(wanted, secrets, may_write)

    bench.ensure = ensure  # type: ignore[method-assign]
    for asked in (1, 2, 3, 3):
        await bench.reconcile()
        assert len(bench.asked) == asked
        assert bench.engine.reconciler._memories[KEY].database.state is AccountState.READY


async def test_a_doubt_ends_with_its_cluster(bench: Bench) -> None:
    bench.engine.store.doubt(KEY)
    bench.api.delete_as(CLUSTER)
    bench.see_events()
    assert not bench.engine.store.is_doubted(KEY)
    bench.engine.store.doubt(KEY)
    assert not bench.engine.store.is_doubted(KEY), "of what is not known, nothing is doubted"
