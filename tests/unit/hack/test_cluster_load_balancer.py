"""Which address a Service gets, and which node answers for it."""

from __future__ import annotations

from typing import Any

import pytest

from pba_hack.cluster.local.allocation import Endpoint, allocate, choose, endpoint_of, was_given
from pba_hack.cluster.local.load_balancer import Health

NODES = ["172.30.0.11", "172.30.0.12", "172.30.0.13"]


def service(name: str, address: str = "", **spec: Any) -> dict[str, Any]:
    ingress = [{"ip": address}] if address else []
    return {
        "metadata": {"namespace": "shop", "name": name},
        "spec": {"type": "LoadBalancer", **spec},
        "status": {"loadBalancer": {"ingress": ingress}},
    }


def test_each_service_gets_an_address_of_its_own() -> None:
    given = allocate([service("b"), service("a")])
    assert given == {"shop/a": "172.30.1.1", "shop/b": "172.30.1.2"}


def test_an_address_stays() -> None:
    given = allocate([service("a"), service("b", "172.30.1.1")])
    assert given == {"shop/a": "172.30.1.2", "shop/b": "172.30.1.1"}


def test_a_wish_is_granted_if_free() -> None:
    given = allocate(
        [service("a"), service("b", loadBalancerIP="172.30.1.9"), service("c", loadBalancerIP="172.30.1.9")]
    )
    assert given == {"shop/a": "172.30.1.1", "shop/b": "172.30.1.9", "shop/c": "172.30.1.2"}


def test_a_wish_outside_of_our_addresses_is_not_granted() -> None:
    assert allocate([service("a", loadBalancerIP="8.8.8.8")]) == {"shop/a": "172.30.1.1"}


def test_an_address_that_two_show_goes_to_one() -> None:
    given = allocate([service("a", "172.30.1.1"), service("b", "172.30.1.1")])
    assert sorted(given.values()) == ["172.30.1.1", "172.30.1.2"]


@pytest.mark.parametrize("spec", [{"type": "ClusterIP"}, {"loadBalancerClass": "example.com/other"}])
def test_others_are_left_alone(spec: dict[str, str]) -> None:
    assert allocate([service("a", **spec)]) == {}


def test_when_all_addresses_are_given_the_rest_wait() -> None:
    given = allocate([service(f"s{number:03}") for number in range(300)])
    assert len(given) == len(set(given.values())) == 254


def test_a_local_service_has_its_own_health_check() -> None:
    assert endpoint_of(service("a", healthCheckNodePort=31000), "172.30.1.1").health_port == 31000
    assert endpoint_of(service("a"), "172.30.1.1").health_port == 10256


def test_the_present_node_answers_as_long_as_it_is_healthy() -> None:
    endpoint = Endpoint("shop/a", "172.30.1.1")
    for node in NODES:
        assert choose(endpoint, node, NODES) == node
    replacement = choose(endpoint, NODES[0], NODES[1:])
    assert replacement in NODES[1:]
    assert choose(endpoint, None, []) is None


def test_services_are_spread_over_nodes() -> None:
    chosen = {choose(Endpoint(f"shop/{number}", ""), None, NODES) for number in range(30)}
    assert chosen == set(NODES)


def test_an_address_of_ours_is_taken_back_and_a_foreign_one_is_not() -> None:
    assert was_given(service("a", "172.30.1.7", type="ClusterIP"))
    assert not was_given(service("a", "203.0.113.1", type="ClusterIP"))
    assert not was_given(service("a", type="ClusterIP"))


def test_one_missed_probe_does_not_move_a_service() -> None:
    answers = {"n1": True, "n2": True}
    health = Health(lambda node, _port: answers[node])
    assert health.check(answers, [10256]) == {10256: ["n1", "n2"]}
    answers["n2"] = False
    assert health.check(answers, [10256]) == {10256: ["n1", "n2"]}
    assert health.check(answers, [10256]) == {10256: ["n1"]}
    answers["n2"] = True
    assert health.check(answers, [10256]) == {10256: ["n1", "n2"]}


def test_a_node_that_never_answered_is_not_healthy() -> None:
    assert Health(lambda _node, _port: False).check(["n1"], [10256]) == {}
