"""While a PBACluster grows and shrinks: the new way is open before clients are led to it, the old one until they left.

Each write of a plan is a moment of its own, since the operator may stop after any of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pba_policies.zone import OPERATOR, Zone
from pba_simulation.belief import SYNC_IMAGE, World, raw

from pba_operator.domain.cluster import read
from pba_operator.domain.model import (
    Apply,
    ChildId,
    Cluster,
    Delete,
    EnsureAccounts,
    Generate,
    Observed,
    Plan,
)
from pba_operator.domain.network.moments import OPEN_AFTER_SECONDS, OPEN_BEFORE_SECONDS, later
from pba_operator.domain.plan import plan

HAPROXY = {"image": "haproxy:3.0.11"}
WHOLE: Mapping[str, Any] = {"backend": {}, "frontend": HAPROXY}
ALONE: Mapping[str, Any] = {}
BEHIND: Mapping[str, Any] = {"frontend": HAPROXY}
BACKENDS: Mapping[str, Any] = {**WHOLE, "management": {"servesTraffic": False}}


class Growth:
    """One PBACluster whose spec changes, write by write, with a clock."""

    def __init__(self) -> None:
        self.world = World()
        self.spec: Mapping[str, Any] = ALONE
        self.world.settle(self.cluster)

    @property
    def cluster(self) -> Cluster:
        found = read(raw(**self.spec))
        assert isinstance(found, Cluster)
        return found

    @property
    def zone(self) -> Zone:
        return Zone(live for child, live in self.world.children.items() if child.kind == "NetworkPolicy")

    @property
    def led_to(self) -> str:
        service = self.world.children[ChildId("Service", "shop")]
        return str(service["spec"]["selector"]["pba.dev/component"])

    def plan(self) -> Plan:
        return plan(self.cluster, self.world.observed, SYNC_IMAGE, OPERATOR)

    def writes(self) -> Iterator[None]:
        """Carry out what is due; yields after each write."""
        for action in self.plan().actions:
            before = self._ways()
            self.world.carry_out(Plan((action,)))
            if self._ways() != before:
                self.world.paths_unchanged_seconds = 0.0
            assert isinstance(action, Apply | Delete | Generate | EnsureAccounts)
            yield
        self.world.run_controllers(self.cluster)

    def _ways(self) -> list[Any]:
        kinds = ("NetworkPolicy", "Service")
        return [(child, live["spec"]) for child, live in self.world.children.items() if child.kind in kinds]

    def until_rest(self) -> Iterator[None]:
        """Carry out all, with the time that it takes; yields after each write."""
        for _ in range(20):
            decided = self.plan()
            if not decided.actions:
                if decided.requeue_after is None:
                    return
                self.world.paths_unchanged_seconds += decided.requeue_after
            yield from self.writes()
        raise AssertionError("the planner never comes to rest")


def test_clients_are_let_in_wherever_they_are_led_at_every_moment() -> None:
    growth = Growth()
    for spec in (BEHIND, WHOLE, BACKENDS, BEHIND, ALONE, WHOLE, ALONE, BACKENDS, WHOLE):
        growth.spec = spec
        led = {growth.led_to}
        for _ in growth.until_rest():
            led.add(growth.led_to)
            zone = growth.zone
            assert zone.lets("client", growth.led_to, 8080), spec
            if ChildId("Deployment", "shop-frontend") in growth.world.children:
                for node in ("backend", "management"):
                    is_followed = ChildId("Service", f"shop-{node}") in growth.world.children
                    assert not is_followed or zone.lets("frontend", node, 8080), (spec, node)
            assert zone.lets("management", "database", 3306)
        opened = {name for name in ("frontend", "management") if growth.zone.lets("client", name, 8080)}
        assert opened == {growth.led_to} | ({"frontend"} if spec == ALONE else set())
        assert led <= {"frontend", "management"}


def test_the_management_node_stays_open_for_those_who_are_still_led_to_it() -> None:
    growth = Growth()
    growth.spec = WHOLE
    while growth.led_to != "frontend":
        list(growth.writes())
    list(growth.writes())
    decided = growth.plan()
    assert growth.zone.lets("client", "management", 8080)
    assert (decided.actions, decided.requeue_after) == ((), OPEN_AFTER_SECONDS)
    growth.world.paths_unchanged_seconds = OPEN_AFTER_SECONDS
    list(growth.writes())
    assert not growth.zone.lets("client", "management", 8080)
    assert growth.zone.lets("frontend", "management", 8080)


def test_clients_are_led_back_once_the_management_node_has_been_open_for_a_while() -> None:
    growth = Growth()
    growth.spec = WHOLE
    list(growth.until_rest())
    growth.spec = ALONE
    list(growth.writes())
    assert (growth.led_to, growth.zone.lets("client", "management", 8080)) == ("frontend", True)
    decided = growth.plan()
    assert decided.requeue_after == OPEN_BEFORE_SECONDS
    assert not [action for action in decided.actions if isinstance(action, Apply)]
    growth.world.paths_unchanged_seconds = OPEN_BEFORE_SECONDS
    list(growth.writes())
    assert growth.led_to == "management"


def test_an_operator_that_begins_anew_opens_nothing_that_is_closed() -> None:
    growth = Growth()
    growth.spec = WHOLE
    list(growth.until_rest())
    growth.world.paths_unchanged_seconds = 0.0
    assert growth.plan() == Plan(wanted=growth.plan().wanted)


def test_without_policies_nobody_waits() -> None:
    growth = Growth()
    growth.spec = {**WHOLE, "network": {"policies": "Disabled"}}
    list(growth.until_rest())
    growth.spec = {"network": {"policies": "Disabled"}}
    growth.world.paths_unchanged_seconds = 0.0
    list(growth.writes())
    assert growth.led_to == "management"


@pytest.mark.parametrize("somebody_elses", [False, True], ids=["refused", "name taken"])
def test_where_no_policy_of_ours_is_in_the_way_nobody_waits(somebody_elses: bool) -> None:
    growth = Growth()
    growth.spec = WHOLE
    list(growth.until_rest())
    growth.world.children.pop(ChildId("NetworkPolicy", "shop-management"))
    if somebody_elses:
        metadata = {"name": "shop-management", "namespace": "default"}
        growth.world.put({"kind": "NetworkPolicy", "metadata": metadata, "spec": {"ingress": []}})
    growth.spec = ALONE
    growth.world.paths_unchanged_seconds = 0.0
    list(growth.writes())
    assert growth.led_to == "management"


def test_a_management_node_that_leaves_the_rotation_stays_open_to_frontends_for_a_while() -> None:
    growth = Growth()
    growth.spec = WHOLE
    list(growth.until_rest())
    growth.spec = BACKENDS
    list(growth.writes())
    assert ChildId("Service", "shop-management") not in growth.world.children
    assert growth.plan().requeue_after == OPEN_AFTER_SECONDS
    assert growth.zone.lets("frontend", "management", 8080)
    list(growth.until_rest())
    assert not growth.zone.lets("frontend", "management", 8080)


def test_a_management_node_that_must_serve_on_stays_open_to_frontends_however_long_that_takes() -> None:
    growth = Growth()
    growth.spec = BEHIND
    list(growth.until_rest())
    growth.spec = BACKENDS
    for _ in range(3):
        for action in growth.plan().actions:
            growth.world.carry_out(Plan((action,)))
        growth.world.paths_unchanged_seconds = math.inf
    assert ChildId("Service", "shop-management") in growth.world.children, "no backend serves yet"
    assert growth.zone.lets("frontend", "management", 8080)


def test_tls_that_is_taken_away_stays_open_while_a_pod_has_it() -> None:
    growth = Growth()
    growth.spec = WHOLE
    pod = growth.world.put_pod("shop-frontend-old", "frontend")
    ports = [{"name": "http", "containerPort": 8080}, {"name": "https", "containerPort": 8443}]
    pod["spec"]["containers"] = [{"name": "haproxy", "ports": ports}]
    list(growth.until_rest())
    assert growth.zone.lets("client", "frontend", 8443)
    growth.world.children.pop(ChildId("Pod", "shop-frontend-old"))
    list(growth.until_rest())
    assert not growth.zone.lets("client", "frontend", 8443)


def test_what_goes_already_is_not_deleted_again() -> None:
    growth = Growth()
    growth.spec = {"network": {"policies": "Disabled"}}
    going = growth.world.children[ChildId("NetworkPolicy", "shop-mysql")]
    going["metadata"]["deletionTimestamp"] = "2026-11-29T00:00:00Z"
    deleted = [action.target for action in growth.plan().actions if isinstance(action, Delete)]
    assert deleted == [ChildId("NetworkPolicy", "shop-management")]


def test_only_what_is_to_come_is_waited_for() -> None:
    waits = {
        unchanged: [seconds for seconds, _ in later(Observed(paths_unchanged_seconds=unchanged))]
        for unchanged in (0.0, OPEN_BEFORE_SECONDS, OPEN_AFTER_SECONDS, math.inf)
    }
    assert waits == {
        0.0: [OPEN_BEFORE_SECONDS, OPEN_AFTER_SECONDS],
        OPEN_BEFORE_SECONDS: [OPEN_AFTER_SECONDS - OPEN_BEFORE_SECONDS],
        OPEN_AFTER_SECONDS: [],
        math.inf: [],
    }


@pytest.mark.parametrize(("component", "source"), [("backend", "frontend"), ("management", "frontend")])
def test_another_port_is_rolled_out_with_both_open(component: str, source: str) -> None:
    growth = Growth()
    growth.spec = WHOLE
    list(growth.until_rest())
    pod = growth.world.put_pod(f"shop-{component}-old", component)
    pod["spec"]["containers"] = [{"name": "application", "ports": [{"name": "http", "containerPort": 8080}]}]
    growth.spec = {**WHOLE, "application": {"port": 9000}}
    list(growth.until_rest())
    assert {port for port in (8080, 8443, 9000) if growth.zone.lets(source, component, port)} == {8080, 9000}
    growth.world.children.pop(ChildId("Pod", f"shop-{component}-old"))
    list(growth.until_rest())
    assert {port for port in (8080, 8443, 9000) if growth.zone.lets(source, component, port)} == {9000}


@pytest.mark.parametrize("component", ["backend", "frontend"])
def test_a_policy_stays_until_the_last_pod_has_ended(component: str) -> None:
    growth = Growth()
    growth.spec = WHOLE
    list(growth.until_rest())
    growth.world.put_pod(f"shop-{component}-last", component)
    growth.spec = ALONE
    list(growth.until_rest())
    assert ChildId("NetworkPolicy", f"shop-{component}") in growth.world.children
    growth.world.children.pop(ChildId("Pod", f"shop-{component}-last"))
    list(growth.until_rest())
    policies = {child.name for child in growth.world.children if child.kind == "NetworkPolicy"}
    assert policies == {"shop-management", "shop-mysql"}


def test_somebody_elses_policy_stays() -> None:
    growth = Growth()
    theirs = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "theirs", "namespace": "default", "labels": {"pba.dev/cluster": "shop"}},
        "spec": {"podSelector": {}},
    }
    growth.world.put(theirs)
    growth.spec = {"network": {"policies": "Disabled"}}
    list(growth.until_rest())
    policies = [child.name for child in growth.world.children if child.kind == "NetworkPolicy"]
    assert policies == ["theirs"]
    assert math.isfinite(growth.world.paths_unchanged_seconds)
