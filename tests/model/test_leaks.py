"""Bug class: resource leaks. Fifty PBAClusters come and go, and come again: nothing of them stays in the operator.

What is counted is every container that can be reached from the engine, whatever it is called: one that is added later
is counted, too.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pba_simulation.world import World, cluster

from pba_api.identity import LABEL_CLUSTER
from pba_operator.engine import events
from pba_operator.kube import kinds, store

HALF = 25
BOUND = 32
"""How many of the dead are remembered here; in the operator a few thousand (`GRAVES_MAX`, `REMEMBERED_MAX`)."""
OUTSIDE = ("pba_simulation",)
"""What stands for the world around the operator: the API server, MySQL, the clock."""


def _parts(thing: object) -> Iterator[tuple[str, object]]:
    """Yield what hangs on an object by a name of its own."""
    module = type(thing).__module__
    if module.startswith(("pba_operator", "prometheus_client")):
        yield from getattr(thing, "__dict__", {}).items()


def _lengths(engine: object) -> Mapping[str, int]:
    """Return how much every container holds that can be reached from an engine, by the way to it."""
    found: dict[str, int] = {}
    seen: set[int] = set()
    rest: deque[tuple[str, Any]] = deque([("engine", engine)])
    while rest:
        path, thing = rest.popleft()
        if id(thing) in seen or type(thing).__module__.startswith(OUTSIDE):
            continue
        seen.add(id(thing))
        if isinstance(thing, dict | list | set | frozenset | tuple | deque):
            found[path] = found.get(path, 0) + len(thing)
            inner = thing.values() if isinstance(thing, dict) else thing
            rest += [(f"{path}[]", item) for item in inner]
        rest += [(f"{path}.{name}", part) for name, part in _parts(thing)]
    return found


async def _live_and_die(world: World, name: str, policy: str) -> None:
    """Create a PBACluster, wait until it is ready, and delete it."""
    world.create(
        cluster(
            name, backend={"replicas": 2}, frontend={"image": "haproxy:3"}, deletionPolicy=policy, **_NAMED
        )
    )
    await world.settle()
    assert world.is_ready(name)
    world.delete("PBACluster", name)
    await world.settle()
    assert world.get("PBACluster", name) is None


_NAMED = {
    "application": {
        "image": "app:1",
        "configFiles": [{"path": "/etc/db.conf", "templateRef": {"name": "templates", "key": "db.conf"}}],
    }
}
"""It names an object of the user's, which the operator reads and keeps for a while."""


def _watched(world: World) -> int:
    """Return how many objects there are that the operator watches."""
    return sum(
        address.kind == kinds.CLUSTER.name or LABEL_CLUSTER in live["metadata"].get("labels", {})
        for address, live in world.api.objects.items()
        if kinds.BY_NAME[address.kind] in kinds.WATCHED
    )


async def test_resource_leaks_fifty_that_come_and_go_and_come_again_leave_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "GRAVES_MAX", BOUND)
    monkeypatch.setattr(events, "REMEMBERED_MAX", BOUND)
    world = World()
    await world.start()
    metadata = {"name": "templates", "namespace": "default"}
    world.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"db.conf": "x"}})
    numbers = itertools.count(1)

    async def lives(count: int) -> Mapping[str, int]:
        for number in itertools.islice(numbers, count):
            for policy in ("Retain", "Delete"):  # the second takes back what the first has left
                await _live_and_die(world, f"shop-{number}", policy)
        return _lengths(world.engine)

    await lives(1)
    threads = threading.active_count()
    first = await lives(HALF)
    assert len(first) > 20, "the engine's containers are found"
    second = await lives(HALF)
    grown = {path: count for path, count in second.items() if count > first.get(path, 0)}
    assert grown == {}, {path: first.get(path, 0) for path in grown}
    assert len(world.engine.store) == _watched(world) == 0
    assert world.clock.next_due() is None, "nothing waits for a time to come"
    assert threading.active_count() == threads
