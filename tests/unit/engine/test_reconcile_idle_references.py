"""A PBACluster that names a Secret of its user's is looked at each minute: what finds nothing new costs no plan."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from pba_simulation.world import DOMAIN, NAME, NAMESPACE, World, cluster

from pba_operator.domain.model import ChildId
from pba_operator.domain.plan import REFERENCES_SECONDS
from pba_operator.engine.reconcile import REFERENCES_PER_SECOND
from pba_operator.engine.worker import Outcome
from pba_operator.kube.store import Key


@pytest.fixture
async def world() -> World:
    """A PBACluster that is Ready, and names a Secret."""
    made = World()
    await made.start()
    password = {"password": base64.b64encode(b"x").decode()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pw", "namespace": NAMESPACE}}
    made.api.create_as("user", {**secret, "data": password})
    user = {"name": "app", "passwordSecretRef": {"name": "pw", "key": "password"}}
    made.create(cluster(database={"image": "mysql:9.7.4", "storage": {"size": "1Gi"}, "user": user}))
    await made.settle(200)
    assert made.is_ready()
    return made


async def look(world: World) -> Outcome:
    """Look again when it is time."""
    world.clock.seconds += REFERENCES_SECONDS
    return await world.engine.reconciler.reconcile(Key(NAMESPACE, NAME))


async def test_a_reference_that_is_as_it_was_is_no_reason_to_plan_anew(world: World) -> None:
    plans = []

    def counted(*words: Any, **options: Any) -> Any:
        plans.append(words)
        return DOMAIN.plan(*words, **options)

    world.engine.reconciler._domain = replace(DOMAIN, plan=counted)
    for _ in range(3):
        assert await look(world) == Outcome("unchanged", REFERENCES_SECONDS)
    assert plans == []


async def test_where_there_are_many_references_each_is_looked_at_less_often(world: World) -> None:
    of_others = (ChildId("Secret", "theirs"),)
    others = [Key("another", str(number)) for number in range(999)]
    references = world.engine.reconciler._references
    for key in (*others, *others):
        await references.fetch(key, of_others)
    assert await look(world) == Outcome("unchanged", 1000 / REFERENCES_PER_SECOND)
    for key in others:
        references.forget(key)
    assert await look(world) == Outcome("unchanged", REFERENCES_SECONDS)


async def test_a_pbacluster_that_is_gone_refers_to_nothing_more(world: World) -> None:
    assert world.engine.reconciler._references.count == 1
    world.delete("PBACluster", NAME)
    await world.settle(200)
    assert world.engine.reconciler._references.count == 0
