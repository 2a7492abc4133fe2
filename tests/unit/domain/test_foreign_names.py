"""A name that is taken is looked at again: nobody tells when an object that is not ours goes."""

from __future__ import annotations

import pytest
from pba_simulation.belief import SYNC_IMAGE, World, raw

from pba_operator.domain.cluster import read
from pba_operator.domain.model import ChildId, Cluster
from pba_operator.domain.plan import LOOK_AGAIN_SECONDS, plan

NAMES = (
    ChildId("Service", "shop"),
    ChildId("StatefulSet", "shop-mysql"),
    ChildId("ConfigMap", "shop-mysql"),
    ChildId("PersistentVolumeClaim", "data-shop-mysql-0"),
    ChildId("Secret", "shop-mysql-admin"),
    ChildId("Secret", "shop-mysql-app"),
    ChildId("Secret", "shop-mysql-ca"),
    ChildId("Secret", "shop-mysql-tls"),
)


@pytest.mark.parametrize("child", NAMES)
def test_it_is_looked_at_again_and_nothing_is_done_to_it(child: ChildId) -> None:
    cluster = read(raw())
    assert isinstance(cluster, Cluster)
    world = World()
    world.settle(cluster)
    assert plan(cluster, world.observed, SYNC_IMAGE).requeue_after is None
    world.put({"apiVersion": "v1", "kind": child.kind, "metadata": {"name": child.name}})
    theirs = world.children[child]
    theirs["metadata"] = {"name": child.name, "uid": "theirs", "resourceVersion": "9"}
    found = plan(cluster, world.observed, SYNC_IMAGE)
    assert found.requeue_after == LOOK_AGAIN_SECONDS
    assert [
        action for action in found.actions if child.name in str(action) and child.kind in str(action)
    ] == []
    conditions = {entry["type"]: entry for entry in world.status(cluster)["conditions"]}
    assert conditions["Stalled"]["reason"] == "NameConflict"
    assert f'{child.kind} "{child.name}"' in conditions["Stalled"]["message"]
