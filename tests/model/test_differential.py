"""Bug class: recovery from a bad PBACluster. What was asked for wrongly leaves no trace once the good one is back.

The oracle is Acto's differential one: state(A -> bad -> A) == state(A), every object with all its fields, whatever way
led there (uids, versions and times apart, which `picture` leaves out).
"""

from __future__ import annotations

from typing import Any

import pytest
from pba_simulation.picture import picture
from pba_simulation.world import NAME, World, cluster

from pba_api.identity import ANNOTATION_HASH

GOOD: dict[str, Any] = {
    "application": {"image": "app:1"},
    "database": {"image": "mysql:9.7.4", "storage": {"size": "1Gi"}},
    "backend": {"replicas": 2},
    "frontend": {"image": "haproxy:3"},
}
NOT_THERE = {"name": "nobody", "key": "nothing"}

BAD: dict[str, dict[str, Any]] = {
    "application's image": {"application": {"image": "bad:1"}},
    "database's image": {"database": {"image": "bad:1"}},
    "frontend's image": {"frontend": {"image": "bad:1"}},
    "all images at once": {name: {"image": "bad:1"} for name in ("application", "database", "frontend")},
    "option of MySQL that is ours": {"database": {"config": {"datadir": "/elsewhere"}}},
    "option that MySQL does not start with": {
        "database": {"image": "bad:1", "config": {"max_connections": "x"}}
    },
    "name of the password's Secret": {"database": {"user": {"passwordSecretRef": NOT_THERE}}},
    "name of a template": {
        "application": {"configFiles": [{"path": "/etc/a.conf", "templateRef": NOT_THERE}]}
    },
    "name of a volume's Secret": {
        "application": {"volumes": [{"name": "v", "mountPath": "/v", "secret": {"secretName": "nobody"}}]}
    },
    "name of a Secret for pulls": {"imagePullSecrets": [{"name": "nobody"}]},
    "port that cannot be read": {"application": {"port": "x"}},
    "no backends": {"backend": {"replicas": 0}},
    "labels, and an image": {"childMetadata": {"labels": {"team": "a"}}, "application": {"image": "bad:1"}},
}
"""What is asked for instead."""
HARMLESS = {"name of a Secret for pulls", "name of a volume's Secret", "no backends"}
"""Here all gets ready nevertheless: simulated kubelets start pods without it; without backends nothing is missing."""


def _state(world: World) -> dict[str, Any]:
    """Return the picture of a world, but for the mark of a Secret that was ever applied to: its hash stays."""
    found = picture(world.api)
    for name, live in found.items():
        if name.startswith("Secret/"):
            live["metadata"].get("annotations", {}).pop(ANNOTATION_HASH, None)
            if not live["metadata"].get("annotations", True):
                del live["metadata"]["annotations"]
    return found


def _undone(bad: dict[str, Any], good: dict[str, Any]) -> dict[str, Any]:
    """Return the merge patch that takes `bad` back to `good`."""
    patch: dict[str, Any] = {}
    for name, value in bad.items():
        known = good.get(name)
        patch[name] = _undone(value, known) if isinstance(value, dict) and isinstance(known, dict) else known
    return patch


async def _settled() -> World:
    world = World()
    world.controllers.unready.add("bad:1")
    await world.start()
    world.create(cluster(**GOOD))
    await world.settle()
    assert world.is_ready()
    return world


@pytest.mark.parametrize("restarts", [False, True], ids=["", "operator begun anew meanwhile"])
@pytest.mark.parametrize("name", BAD)
async def test_differential_oracle_a_mistake_taken_back_leaves_no_trace(name: str, *, restarts: bool) -> None:
    world = await _settled()
    expected = _state(world)
    world.edit("PBACluster", NAME, spec=BAD[name])
    await world.settle()
    assert _state(world) != expected
    assert world.is_ready() == (name in HARMLESS), world.condition("Ready")
    if restarts:
        await world.start()
        await world.settle()
    world.edit("PBACluster", NAME, spec=_undone(BAD[name], GOOD))
    await world.settle()
    live = world.get("PBACluster", NAME)
    assert live is not None
    assert live["spec"] == GOOD
    assert _state(world) == expected


@pytest.mark.parametrize("name", BAD)
async def test_differential_oracle_a_mistake_from_the_beginning_is_made_up_for(name: str) -> None:
    """bad -> A: what was never right gets to the very state that it would have had."""
    expected = _state(await _settled())
    world = World()
    world.controllers.unready.add("bad:1")
    await world.start()
    world.create(cluster(**GOOD))
    world.edit("PBACluster", NAME, spec=BAD[name])  # before the operator has seen it
    await world.settle()
    world.edit("PBACluster", NAME, spec=_undone(BAD[name], GOOD))
    await world.settle()
    assert _state(world) == expected
