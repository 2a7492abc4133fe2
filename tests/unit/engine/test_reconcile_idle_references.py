"""A PBACluster that names a Secret of its user's is looked at each minute: what finds nothing new costs no plan."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from pba_simulation.world import DOMAIN, NAME, NAMESPACE, World, cluster

from pba_operator.kube.store import Key


async def test_a_reference_that_is_as_it_was_is_no_reason_to_plan_anew() -> None:
    world = World()
    await world.start()
    password = {"password": base64.b64encode(b"x").decode()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pw", "namespace": NAMESPACE}}
    world.api.create_as("user", {**secret, "data": password})
    user = {"name": "app", "passwordSecretRef": {"name": "pw", "key": "password"}}
    world.create(cluster(database={"image": "mysql:9.7.4", "storage": {"size": "1Gi"}, "user": user}))
    await world.settle(200)
    assert world.is_ready()
    plans = []

    def counted(*words: Any, **options: Any) -> Any:
        plans.append(words)
        return DOMAIN.plan(*words, **options)

    world.engine.reconciler._domain = replace(DOMAIN, plan=counted)
    for _ in range(3):
        world.clock.seconds += 60
        outcome = await world.engine.reconciler.reconcile(Key(NAMESPACE, NAME))
        assert outcome.again_after == 60
    assert plans == []
