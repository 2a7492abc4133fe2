"""A machine that Kubernetes does not manage, behind the same frontends: by name, drained by hand, moved, and gone.

The machine is a pod that no part of the PBACluster knows; its name is one that the cluster's DNS answers.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from pba_nodes.frontends import haproxy_identity, none_fails_in

from pba_hack.kubectl import Kubectl, wait_for
from pba_hack.traffic import Load
from pba_hack.traffic.shopper import Shopper

Json = dict[str, Any]

pytestmark = pytest.mark.usefixtures("restored")

ANSWERS = 200


def _machine(shop: Kubectl, name: str) -> Json:
    """Return a pod that runs what the management node runs, with nothing in it by which it could be one of ours."""
    deployment = shop.get("deployment", "shop-management")
    assert deployment is not None
    spec = copy.deepcopy(deployment["spec"]["template"]["spec"])
    metadata = {"name": name, "labels": {"machine": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _leads_to(machine: str) -> Json:
    """Return the Service by whose name the machine is found: it is headless, so DNS tells the address itself."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "machine"},
        "spec": {"clusterIP": "None", "selector": {"machine": machine}, "ports": [{"port": 8080}]},
    }


def _lets_machines_ask_the_database() -> Json:
    """Return a NetworkPolicy of a user's own, which adds to those of the operator."""
    machines = {"matchExpressions": [{"key": "machine", "operator": "Exists"}]}
    database = {"matchLabels": {"pba.dev/cluster": "shop", "pba.dev/component": "database"}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "machines"},
        "spec": {
            "podSelector": database,
            "ingress": [{"from": [{"podSelector": machines}], "ports": [{"port": 3306}]}],
        },
    }


@pytest.fixture
def machines(shop: Kubectl) -> Iterator[tuple[str, str]]:
    """Two machines that serve; the name `machine` is the first one's."""
    names = ("machine-1", "machine-2")
    shop.apply(
        _lets_machines_ask_the_database(), _leads_to(names[0]), *(_machine(shop, name) for name in names)
    )
    try:
        shop("wait", "pod", *names, "--for=condition=Ready", "--timeout=100s")
        yield names
    finally:
        shop("delete", "service/machine", "networkpolicy/machines", "--ignore-not-found")
        shop("delete", "pod", *names, "--ignore-not-found", "--wait=false")


def _answering(load: Load) -> set[str]:
    """Return the nodes that give the next answers, none of which may fail."""
    before = load.tally.snapshot().by_node
    assert none_fails_in(load, ANSWERS), load.tally.snapshot().by_failure
    after = load.tally.snapshot().by_node
    return {node for node, count in after.items() if count > before.get(node, 0)}


def _pods(shop: Kubectl, component: str) -> set[str]:
    selector = f"pba.dev/cluster=shop,pba.dev/component={component}"
    return {pod["metadata"]["name"] for pod in shop.items("pods", selector)}


def _ask(shop: Kubectl, field: str, value: Json | list[Any] | None) -> None:
    shop.merge("pbacluster", "shop", {"spec": {"backend": {field: value}}})


def test_a_machine_serves_is_drained_moves_and_leaves_without_a_lost_request(
    shop: Kubectl, address: str, machines: tuple[str, str]
) -> None:
    first, second = machines
    frontends = {pod: haproxy_identity(shop, pod) for pod in _pods(shop, "frontend")}
    ours = _pods(shop, "backend") | _pods(shop, "management")
    shopper = Shopper()
    with Load(address, 80, shopper.visit) as load:
        wait_for("all pods to answer", lambda: _answering(load) == ours)
        host = f"machine.{shop.namespace}.svc"
        _ask(shop, "external", [{"name": "old", "host": host, "port": 8080}])
        wait_for("the machine to answer beside the pods", lambda: _answering(load) == ours | {first})
        _ask(shop, "drainedNodes", ["old"])
        wait_for("it to be drained", lambda: _answering(load) == ours)
        _ask(shop, "drainedNodes", None)
        wait_for("it to answer again", lambda: _answering(load) == ours | {first})
        shop.apply(_leads_to(second))
        wait_for("the name to lead to the other machine", lambda: _answering(load) == ours | {second})
        _ask(shop, "external", None)
        wait_for("only pods to answer", lambda: _answering(load) == ours)
    counts = load.tally.snapshot()
    assert counts.failed == 0, counts.by_failure
    assert counts.sent == counts.answered
    assert {pod: haproxy_identity(shop, pod) for pod in _pods(shop, "frontend")} == frontends
