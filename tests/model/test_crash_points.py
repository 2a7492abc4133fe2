"""The operator is ended at its k-th write, for every k, and begun again.

The end is the same as undisturbed: nothing doubled, nothing lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pba_simulation.picture import picture
from pba_simulation.world import NAME, Killed, World, cluster

from pba_api.identity import FINALIZER
from pba_operator.kube import errors
from pba_operator.kube.store import Address

BACKEND = {"replicas": 2}
FRONTEND = {"image": "haproxy:3"}

Step = Callable[[World], object]


def _edit(**spec: Any) -> Step:
    return lambda world: world.edit("PBACluster", NAME, spec=spec)


def _none(_world: World) -> None:
    """Begin with nothing."""


def _create(**spec: Any) -> Step:
    return lambda world: world.create(cluster(**spec))


FULL = _create(backend=BACKEND, frontend=FRONTEND)

SCENARIOS: dict[str, tuple[Step, Step]] = {
    "first roll-out": (_none, FULL),
    "first roll-out, standalone": (_none, _create()),
    "growth": (_create(), _edit(backend=BACKEND, frontend=FRONTEND)),
    "back to one node": (FULL, _edit(backend=None, frontend=None)),
    "scale up": (FULL, _edit(backend={"replicas": 5})),
    "scale down": (FULL, _edit(backend={"replicas": 1})),
    "image change": (FULL, _edit(application={"image": "app:2"})),
    "a field removed": (_create(childMetadata={"labels": {"team": "a"}}), _edit(childMetadata=None)),
    "database configuration": (FULL, _edit(database={"config": {"innodb_buffer_pool_size": "1G"}})),
    "deletion that keeps the data": (FULL, lambda world: world.delete("PBACluster", NAME)),
    "deletion with the data": (
        _create(backend=BACKEND, frontend=FRONTEND, deletionPolicy="Delete"),
        lambda world: world.delete("PBACluster", NAME),
    ),
    "deletion policy changed": (FULL, _edit(deletionPolicy="Delete")),
}

WRITING = [name for name in SCENARIOS if name != "deletion that keeps the data"]
"""Where the operator has something to do: garbage collection does that one alone."""


async def _begin(prepare: Step) -> World:
    world = World()
    await world.start()
    prepare(world)
    await world.settle()
    world.api.writes.clear()
    return world


async def _undisturbed(name: str) -> tuple[dict[str, Any], int]:
    prepare, change = SCENARIOS[name]
    world = await _begin(prepare)
    change(world)
    await world.settle()
    return picture(world.api), len(world.api.writes)


def _kill_at(world: World, number: int) -> None:
    """End the operator when its write `number` (from 1) has taken effect."""
    base = len(world.api.writes)

    def after(_verb: str, _address: Address) -> None:
        if len(world.api.writes) - base == number:
            world.api.after = lambda _verb, _address: None
            raise Killed

    world.api.after = after


def _time_out_at(world: World, number: int) -> None:
    """Have write `number` (from 1) take effect, and its answer be lost."""
    base = len(world.api.writes)

    def after(_verb: str, _address: Address) -> None:
        if len(world.api.writes) - base == number:
            world.api.after = lambda _verb, _address: None
            raise errors.TimedOut("no answer within 10 s")

    world.api.after = after


@pytest.mark.parametrize("name", WRITING)
async def test_killed_at_every_write(name: str) -> None:
    expected, writes = await _undisturbed(name)
    assert writes
    for number in range(1, writes + 1):
        prepare, change = SCENARIOS[name]
        world = await _begin(prepare)
        change(world)
        _kill_at(world, number)
        await world.settle()
        assert not world.running, f"no write number {number}"
        await world.settle()
        await world.start()
        await world.settle()
        assert picture(world.api) == expected, f"killed at write {number}"


@pytest.mark.parametrize("name", WRITING)
async def test_an_answer_lost_at_every_write(name: str) -> None:
    expected, writes = await _undisturbed(name)
    for number in range(1, writes + 1):
        prepare, change = SCENARIOS[name]
        world = await _begin(prepare)
        change(world)
        _time_out_at(world, number)
        await world.settle()
        assert picture(world.api) == expected, f"answer lost at write {number}"


@pytest.mark.parametrize("name", WRITING)
async def test_killed_again_and_again(name: str) -> None:
    """After each single write: the worst operator that still gets somewhere."""
    expected, writes = await _undisturbed(name)
    prepare, change = SCENARIOS[name]
    world = await _begin(prepare)
    change(world)
    for _ in range(4 * writes):
        _kill_at(world, 1)
        await world.settle()
        if world.running:
            break
        await world.start()
    assert world.running
    assert picture(world.api) == expected


@pytest.mark.parametrize("name", SCENARIOS)
async def test_settled_means_that_nothing_more_is_written(name: str) -> None:
    prepare, change = SCENARIOS[name]
    world = await _begin(prepare)
    change(world)
    await world.settle()
    world.api.writes.clear()
    world.engine.resync.everything()
    await world.settle()
    await world.start()
    await world.settle()
    assert world.api.writes == []


async def test_data_outlives_its_cluster_and_comes_back_with_the_next() -> None:
    world = await _begin(FULL)
    kept = {
        name
        for name in picture(world.api)
        if name.startswith(("PersistentVolumeClaim", "Secret/shop-mysql-"))
    }
    password = world.get("Secret", "shop-mysql-app")
    world.delete("PBACluster", NAME)
    await world.settle()
    left = set(picture(world.api))
    assert {
        "PersistentVolumeClaim/data-shop-mysql-0",
        "Secret/shop-mysql-admin",
        "Secret/shop-mysql-app",
    } <= left
    assert left <= kept
    FULL(world)
    await world.settle()
    assert world.is_ready()
    after = world.get("Secret", "shop-mysql-app")
    assert password is not None
    assert after is not None
    assert after["data"] == password["data"]


async def test_nothing_is_left_of_a_cluster_that_takes_its_data_along() -> None:
    world = await _begin(SCENARIOS["deletion with the data"][0])
    live = world.get("PBACluster", NAME)
    assert live is not None
    assert FINALIZER in live["metadata"]["finalizers"]
    world.delete("PBACluster", NAME)
    await world.settle()
    assert picture(world.api) == {}
