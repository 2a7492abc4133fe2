"""What the rules are like: closed until known, one for many, the same for the same."""

from __future__ import annotations

import pytest
from pba_policies.making import DENY_ALL, A, policy
from pba_policies.nftables import Packet, Table
from pba_policies.stage import PODS, world

from pba_hack.cluster.local.policies.ruleset import NOTHING, ruleset
from pba_hack.cluster.local.policies.world import Pod, World

NETWORK = "10.244.1.0/24"
XA = PODS["x/a"]
NEIGHBOUR = next(pod for pod in PODS.values() if pod.node == XA.node and pod is not XA)


def table(of: World) -> Table:
    return Table.read(ruleset(of, XA.node, NETWORK))


@pytest.mark.parametrize(
    "packet",
    [
        Packet("eth0", "172.30.0.1", XA.address, "tcp", 80),
        Packet("eth0", PODS["x/b"].address, XA.address, "udp", 80),
        Packet(XA.interface, XA.address, "172.30.0.1", "tcp", 6443),
    ],
    ids=["from the hub", "from a pod elsewhere", "of a pod"],
)
def test_a_node_begins_closed(packet: Packet) -> None:
    assert not table(NOTHING).lets_through(packet)
    assert table(world()).lets_through(packet)


def test_an_address_that_is_nobodys_is_closed() -> None:
    assert not table(world()).lets_through(Packet("eth0", "172.30.0.1", "10.244.1.250", "tcp", 80))


@pytest.mark.parametrize(
    ("interface", "source"),
    [
        (NEIGHBOUR.interface, XA.address),
        (XA.interface, "198.51.100.7"),
        ("veth-of-nobody", "10.244.1.250"),
    ],
    ids=["a neighbour's", "nobody's", "of a pod that is not known"],
)
def test_who_speaks_by_another_address_than_its_own_is_not_heard(interface: str, source: str) -> None:
    for state in ("new", "established"):
        packet = Packet(interface, source, PODS["x/b"].address, "tcp", 80, state)
        assert not table(world()).lets_through(packet)


def test_established_connections_and_what_belongs_to_them_pass() -> None:
    for state in ("established", "related"):
        packet = Packet("eth0", PODS["x/b"].address, XA.address, "tcp", 80, state)
        assert table(world(DENY_ALL)).lets_through(packet)


def test_a_pod_reaches_itself_by_a_service() -> None:
    packet = Packet(XA.interface, XA.address, XA.address, "tcp", 80)
    assert table(world(DENY_ALL)).lets_through(packet)


def many(count: int) -> World:
    pods = [
        Pod("x", f"p{n}", f"10.244.1.{n}", {"pod": "a"}, node="node1", interface=f"veth{n}")
        for n in range(2, count)
    ]
    peers = [{"from": [{"podSelector": {}}], "ports": [{"port": n} for n in range(1, 9, 2)]}]
    return World(pods, {"x": {}}, [policy("p", A, ingress=peers)])


def test_rules_do_not_grow_with_pods_and_ports() -> None:
    few, lots = (ruleset(many(count), "node1", NETWORK).splitlines() for count in (4, 250))
    assert len(few) == len(lots)


def test_pods_of_the_same_policies_share_a_chain() -> None:
    text = ruleset(world(policy("p", {}), policy("q", {}, "z"), policy("r", A, "z")), "node1", NETWORK)
    assert len([line for line in text.splitlines() if "chain ingress-" in line]) == 3


def test_the_order_of_what_is_told_does_not_matter() -> None:
    policies = [policy(name, A, ingress=[{}]) for name in "pq"]
    there = world(*policies)
    back = World(there.pods[::-1], there.namespaces, policies[::-1])
    assert ruleset(there, "node1", NETWORK) == ruleset(back, "node1", NETWORK)


def test_long_names_of_policies_are_cut() -> None:
    text = ruleset(world(policy("p" * 253, A, ingress=[{}])), "node1", NETWORK)
    comments = [line.split('"')[1] for line in text.splitlines() if "comment" in line]
    assert comments
    assert max(map(len, comments)) <= 128
