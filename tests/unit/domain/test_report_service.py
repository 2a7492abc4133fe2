"""The status of the clients' one address: what is told is what they can use, and it is waited for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pba_simulation.belief import condition, states

from pba_operator.domain import service
from pba_operator.domain.model import ChildId, Cluster, Manifest

MakeCluster = Callable[..., Cluster]


def test_the_addresses_are_those_that_clients_can_use(world: Any, whole: Cluster) -> None:
    world.settle(whole)
    live = world.children[ChildId("Service", "shop")]
    live["spec"]["clusterIPs"] = ["10.96.0.7", "fd00::7"]
    assert world.status(whole)["service"] == {"name": "shop", "addresses": ["10.96.0.7", "fd00::7"]}
    live["spec"]["type"] = "LoadBalancer"
    assert world.status(whole)["service"]["addresses"] == []
    live["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}, {"hostname": "lb.example"}]}}
    assert world.status(whole)["service"]["addresses"] == ["192.0.2.1", "lb.example"]


LOAD_BALANCED = {"service": {"type": "LoadBalancer"}}
BALANCED = {"backend": {}, "frontend": {"image": "haproxy:3"}}


@pytest.mark.parametrize(("part", "spec"), [("FrontendReady", BALANCED), ("ManagementReady", {})])
@pytest.mark.parametrize(
    "status",
    [{}, {"loadBalancer": {}}, {"loadBalancer": {"ingress": []}}, {"loadBalancer": {"ingress": [{}]}}],
)
def test_a_service_without_an_address_keeps_its_part_from_being_ready(
    world: Any, cluster: MakeCluster, part: str, spec: Manifest, status: Manifest
) -> None:
    asked = cluster(**LOAD_BALANCED, **spec)
    world.settle(asked)
    assert states(world.status(asked))["Ready"] == "True"
    world.children[ChildId("Service", "shop")]["status"] = status
    told = world.status(asked)
    found = states(told)
    assert {name for name, state in found.items() if state == "False"} == {"Ready", part}
    assert found["Reconciling"] == "True"
    assert "Stalled" not in found, "that time goes by is no evidence of failure"
    waiting = condition(told, part)
    assert waiting is not None
    assert waiting["reason"] == "AwaitingAddress"
    assert waiting["message"] == (
        'No load balancer has given Service "shop" an address: install one, or set spec.service.type to NodePort '
        "or ClusterIP (from there, to LoadBalancer again with another loadBalancerClass)."
    )


def test_the_class_that_gives_no_address_is_named(world: Any, cluster: MakeCluster) -> None:
    asked = cluster(service={"type": "LoadBalancer", "loadBalancerClass": "example.org/lb"})
    world.settle(asked)
    del world.children[ChildId("Service", "shop")]["status"]
    waiting = condition(world.status(asked), "ManagementReady")
    assert waiting is not None
    assert waiting["message"].startswith(
        'No load balancer of class "example.org/lb" has given Service "shop" an address: '
    )


def test_only_a_load_balancer_that_serves_our_service_is_waited_for(world: Any, cluster: MakeCluster) -> None:
    plain, balanced = cluster(), cluster(**LOAD_BALANCED)
    world.settle(plain)
    assert states(world.status(plain))["Ready"] == "True"
    edited = condition(world.status(balanced), "ManagementReady")
    assert edited is not None
    assert edited["reason"] == "Applying", "nobody was asked for an address yet"
    world.settle(balanced)
    del world.children[ChildId("Service", "shop")]["status"]
    back = condition(world.status(plain), "ManagementReady")
    assert back is not None
    assert back["reason"] == "Applying", "none is wanted any more"
    assert [problem.reason for problem in service.problems(balanced, world.observed)] == ["AwaitingAddress"]
    ours = world.children.pop(ChildId("Service", "shop"))
    world.put({**ours, "metadata": {"name": "shop", "namespace": "default"}})
    # Asked itself: the status tells of nothing but the conflict of names.
    assert list(service.problems(balanced, world.observed)) == []
    assert "service" not in world.status(balanced), "its addresses lead to somebody else"
