"""Who reaches whom at each stage: whole tables, read by an oracle of the API's words and written down by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pba_policies.zone import COMPONENTS, OPERATOR, OTHERS, OURS, PORTS, SECOND, TWIN, Flow, Zone, flows
from pba_simulation.belief import SYNC_IMAGE, World, raw
from pba_simulation.children import certificate

from pba_operator.domain.cluster import read
from pba_operator.domain.model import Apply, ChildId, Cluster
from pba_operator.domain.network.rules import as_stored
from pba_operator.domain.plan import plan

HAPROXY = {"image": "haproxy:3.0.11"}
WHOLE = {"backend": {}, "frontend": HAPROXY}
MEMBERS = {"database", SECOND}
FRONTENDS = {"frontend", TWIN}


def settled(spec: Mapping[str, Any]) -> World:
    world, cluster = World(), read(raw(**spec))
    assert isinstance(cluster, Cluster)
    world.references[ChildId("Secret", "shop-tls")] = certificate()
    for _ in range(12):
        decided = plan(cluster, world.observed, SYNC_IMAGE, OPERATOR)
        if not decided.actions:
            return world
        world.carry_out(decided)
        world.run_controllers(cluster)
    raise AssertionError("the planner never comes to rest")


def zone(spec: Mapping[str, Any]) -> Zone:
    return Zone(live for child, live in settled(spec).children.items() if child.kind == "NetworkPolicy")


@pytest.mark.parametrize(
    ("spec", "opened", "behind", "absent"),
    [
        ({}, {"management"}, set(), {*FRONTENDS, "backend"}),
        ({"frontend": HAPROXY}, FRONTENDS, {"management"}, {"backend"}),
        (WHOLE, FRONTENDS, {"management", "backend"}, set()),
        ({**WHOLE, "management": {"servesTraffic": False}}, FRONTENDS, {"backend"}, set()),
    ],
    ids=["standalone", "one node behind frontends", "backends and the management node", "backends alone"],
)
def test_the_whole_table_of_a_stage(
    spec: Mapping[str, Any], opened: set[str], behind: set[str], absent: set[str]
) -> None:
    """What no component asks for, pods with the labels of one that is not there yet, is nobody's business here."""
    found = {flow for flow in zone(spec).table() if not {flow[0], flow[1]} & absent}
    present = OURS - absent
    assert found == {
        flow
        for flow in (
            *flows(OTHERS, opened, {8080}),
            *flows(FRONTENDS, behind, {8080}),
            *flows(FRONTENDS, FRONTENDS, {8404, 8405}),
            *flows({"management", "backend", "operator"}, MEMBERS, {3306}),
            *flows(MEMBERS, MEMBERS, {3306, 33061}),
            *flows(present, OTHERS, {53}),
            *flows(FRONTENDS, OTHERS, {443, 6443}),
        )
        if not {flow[0], flow[1]} & absent
    }


def more(network: Mapping[str, Any], **spec: Any) -> set[Flow]:
    """Return what gets through beside what does without the fields."""
    changed = {**WHOLE, **spec, "network": network}
    before, after = zone(WHOLE).table(), zone(changed).table()
    assert before <= after
    return after - before


def test_disabled_there_are_none() -> None:
    everything = {flow for flow in flows(OURS | OTHERS, OURS | OTHERS, PORTS) if {*flow[:2]} & OURS}
    assert zone({**WHOLE, "network": {"policies": "Disabled"}}).table() == everything


def test_egress_of_the_application_is_what_its_user_says() -> None:
    application = {"management", "backend"}
    rule = {"to": [{"ipBlock": {"cidr": "198.51.100.7/32"}}], "ports": [{"port": 587}]}
    assert more({"applicationEgress": [rule]}) == flows(application, {"mail server"}, {587})
    opened = flows(application, OTHERS, {*PORTS} - {53}) | flows(application, FRONTENDS, {8080})
    assert more({"applicationEgress": [{}]}) == opened, "and what the others let in"


def test_metrics_are_read_by_those_who_are_named() -> None:
    prometheus = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
        "podSelector": {"matchLabels": {"app": "prometheus"}},
    }
    assert more({"monitoring": [prometheus]}) == flows({"prometheus"}, FRONTENDS, {8404})


def test_the_api_server_is_asked_where_it_is() -> None:
    table = zone({**WHOLE, "network": {"apiServerCIDRs": ["172.30.0.1/32"]}}).table()
    reached = {flow for flow in table if flow[0] == "frontend" and flow[1] in OTHERS}
    assert reached == flows({"frontend"}, {"API server"}, PORTS) | flows({"frontend"}, OTHERS, {53})


def test_a_network_is_written_as_kubernetes_wants_it_and_a_port_as_it_is_stored() -> None:
    network = {
        "apiServerCIDRs": ["10.0.0.7/24", "2001:db8::7/64"],
        "applicationEgress": [{"ports": [{"port": 25}]}],
    }
    policies = {
        live["metadata"]["name"]: live["spec"]["egress"]
        for child, live in settled({**WHOLE, "network": network}).children.items()
        if child.kind == "NetworkPolicy"
    }
    blocks = [{"ipBlock": {"cidr": cidr}} for cidr in ("10.0.0.0/24", "2001:db8::/64")]
    assert policies["shop-frontend"][-1] == {"to": blocks, "ports": [{"protocol": "TCP"}]}
    assert policies["shop-backend"][-1] == {"ports": [{"port": 25, "protocol": "TCP"}]}


@pytest.mark.parametrize("rule", [7, None, {"ports": 7}, {"ports": [7, None]}, {"to": "everybody"}])
def test_a_rule_that_is_none_is_left_to_kubernetes(rule: Any) -> None:
    """It was stored before a schema refused it."""
    assert as_stored([rule]) == [rule]


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("192.0.2.80", {"old machine"}),
        ("2001:db8::9", {"client by IPv6"}),
        ("old.example", OTHERS),
    ],
)
def test_a_machine_outside_is_reached_at_its_port_and_at_its_address_if_that_is_known(
    host: str, reached: set[str]
) -> None:
    backend = {"external": [{"name": "old", "host": host, "port": 81}]}
    assert more({}, backend=backend) == flows(FRONTENDS, reached, {81})


def test_tls_opens_its_port() -> None:
    secure = {**HAPROXY, "tls": {"secretRefs": [{"name": "shop-tls"}]}}
    assert more({}, frontend=secure) == flows(OTHERS, FRONTENDS, {8443})


def test_names_are_asked_for_by_udp() -> None:
    found = zone(WHOLE)
    for component in COMPONENTS:
        assert found.lets(component, "other pod of ops", 53, "udp")
        assert not found.lets(component, "other pod of ops", 443, "udp")


def test_the_policies_are_there_before_the_pods() -> None:
    actions = plan(read(raw("shop", **WHOLE)), World().observed, SYNC_IMAGE, OPERATOR).actions
    kinds = [action.manifest["kind"] for action in actions if isinstance(action, Apply)]
    assert kinds[:4] == ["NetworkPolicy"] * 4
    assert "NetworkPolicy" not in kinds[4:]


def test_an_operator_that_no_label_tells_of_is_let_in_nowhere() -> None:
    world, cluster = World(), read(raw())
    world.settle(cluster)
    policy = world.children[ChildId("NetworkPolicy", "shop-mysql")]
    assert not Zone([policy]).lets("operator", "database", 3306)
