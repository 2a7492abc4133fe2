"""Nodes leave the rotation only once others are in it, whatever part of the spec goes first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pba_simulation.children import certificate

from pba_operator.domain.model import ChildId, Cluster, Delete
from pba_operator.domain.plan import plan

MakeCluster = Callable[..., Cluster]


def _goes(decided: Any, kind: str, name: str) -> bool:
    return ChildId(kind, name) in [action.target for action in decided.actions if isinstance(action, Delete)]


def test_the_management_node_serves_until_a_backend_does(world: Any, cluster: MakeCluster, sync: Any) -> None:
    frontend = {"image": "haproxy:3.0.11"}
    world.settle(cluster(frontend=frontend))
    assert ChildId("Service", "shop-management") in world.children
    grown = cluster(frontend=frontend, backend={}, management={"servesTraffic": False})
    world.carry_out(plan(grown, world.observed, sync))
    world.deployment("shop-backend")["status"] = {"readyReplicas": 0}
    assert not _goes(plan(grown, world.observed, sync), "Service", "shop-management")
    world.deployment("shop-backend")["status"] = {"readyReplicas": 1}
    assert _goes(plan(grown, world.observed, sync), "Service", "shop-management")


def test_backends_stay_until_frontends_lead_to_the_management_node(
    world: Any, cluster: MakeCluster, sync: Any
) -> None:
    frontend = {"image": "haproxy:3.0.11"}
    world.settle(cluster(frontend=frontend, backend={}, management={"servesTraffic": False}))
    world.put_pod("shop-frontend-x", "frontend")
    alone = cluster(frontend=frontend)
    first = plan(alone, world.observed, sync)
    assert not _goes(first, "Deployment", "shop-backend"), "the management node's Service is not there yet"
    world.carry_out(first)
    world.deployment("shop-management")["status"]["readyReplicas"] = 0
    assert not _goes(plan(alone, world.observed, sync), "Deployment", "shop-backend")
    world.deployment("shop-management")["status"]["readyReplicas"] = 1
    decided = plan(alone, world.observed, sync)
    assert _goes(decided, "Deployment", "shop-backend")
    assert _goes(decided, "Service", "shop-backend")


def test_the_management_node_stays_in_rotation_until_the_last_frontend_has_ended(
    world: Any, cluster: MakeCluster, sync: Any
) -> None:
    world.settle(cluster(frontend={"image": "haproxy:3.0.11"}))
    pod = world.put_pod("shop-frontend-x", "frontend")
    alone = cluster()
    world.carry_out(plan(alone, world.observed, sync))
    assert not _goes(plan(alone, world.observed, sync), "Service", "shop-management")
    world.children.pop(ChildId.of(pod))
    assert _goes(plan(alone, world.observed, sync), "Service", "shop-management")


def test_the_seed_of_tickets_stays_while_pods_that_mount_it_may_be_made_anew(
    world: Any, cluster: MakeCluster, sync: Any
) -> None:
    secure = {"image": "haproxy:3.0.11", "tls": {"secretRefs": [{"name": "shop-tls"}]}}
    world.references[ChildId("Secret", "shop-tls")] = certificate()
    world.settle(cluster(frontend=secure))
    assert ChildId("Secret", "shop-frontend-tickets") in world.children
    plain = cluster(frontend={"image": "haproxy:3.0.11"})
    decided = plan(plain, world.observed, sync)
    assert not _goes(decided, "Secret", "shop-frontend-tickets"), "the pods of the old template run"
    world.carry_out(decided)
    assert not _goes(plan(plain, world.observed, sync), "Secret", "shop-frontend-tickets")
    world.run_controllers(plain)
    assert _goes(plan(plain, world.observed, sync), "Secret", "shop-frontend-tickets")
