"""A PBACluster that is paused: nobody asks its MySQL anything, and what is not known is not told against it."""

from __future__ import annotations

from pba_simulation.world import NAME, World, cluster


async def test_one_that_is_ready_stays_so_when_the_operator_begins_anew() -> None:
    world = World()
    await world.start()
    world.create(cluster())
    await world.settle()
    world.edit("PBACluster", NAME, spec={"paused": True})
    await world.settle()
    assert world.is_ready()
    world.api.writes.clear()
    world.mysql.asked.clear()
    await world.start()
    await world.settle()
    assert world.is_ready()
    assert world.api.writes == []
    assert world.mysql.asked == []


async def test_one_whose_accounts_were_never_made_is_not_ready() -> None:
    world = World()
    await world.start()
    world.create(cluster(paused=True))
    await world.settle()
    assert not world.is_ready()
