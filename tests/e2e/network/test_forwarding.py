"""What truth tables of pods do not show: nodes, outsiders, Services, replies, and what is not known yet."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
from collections.abc import Iterator

import pytest
from pba_policies.making import DENY_ALL, A, policy
from pba_policies.stage import PODS, world
from pba_wires.stage import SILENCE_SECONDS, Wires, connected, run, wires

from pba_hack.cluster.local import addresses
from pba_hack.cluster.local.namespaces import in_network_of
from pba_hack.cluster.local.policies.world import Pod

XA, XB, XC = PODS["x/a"], PODS["x/b"], PODS["x/c"]
FROM_HUB = policy("hub", A, ingress=[{"from": [{"ipBlock": {"cidr": f"{addresses.HUB}/32"}}]}])


@pytest.fixture(scope="module", autouse=True)
def servers(stage: Wires) -> Iterator[None]:
    """A server at port 80 of every pod; the kernel accepts for it."""
    ends = [stage.listener(process, 80) for process in stage.pods.values()]
    yield
    for end in ends:
        end.close()


def test_a_node_reaches_its_own_pods_whatever_the_policies(stage: Wires) -> None:
    stage.enforce(world(DENY_ALL))
    assert stage.answers(stage.nodes[XA.node], XA.address)


def test_a_pod_reaches_its_own_node_whatever_the_policies(stage: Wires) -> None:
    stage.enforce(world(DENY_ALL))
    with stage.listener(stage.nodes[XA.node], 10250):
        node = addresses.node_address(stage.numbers[XA.node])
        assert stage.answers(stage.pods["x/a"], node, 10250)


def test_another_node_and_the_hub_are_peers_by_their_addresses(stage: Wires) -> None:
    other = next(process for node, process in stage.nodes.items() if node != XA.node)
    stage.enforce(world())
    assert stage.answers(other, XA.address)
    assert stage.answers(stage.hub, XA.address)
    stage.enforce(world(FROM_HUB))
    assert not stage.answers(other, XA.address)
    assert stage.answers(stage.hub, XA.address)


def test_egress_counts_for_addresses_that_are_no_pods(stage: Wires) -> None:
    with stage.listener(stage.hub, 6443):
        stage.enforce(world(policy("none", A, policyTypes=["Egress"])))
        assert not stage.answers(stage.pods["x/a"], addresses.HUB, 6443)
        api = {"to": [{"ipBlock": {"cidr": f"{addresses.HUB}/32"}}], "ports": [{"port": 6443}]}
        stage.enforce(world(policy("api", A, policyTypes=["Egress"], egress=[api])))
        assert stage.answers(stage.pods["x/a"], addresses.HUB, 6443)


def test_the_hubs_hardware_address_is_not_that_of_a_link_which_may_go(stage: Wires) -> None:
    links = {link["ifname"]: link["address"] for link in json.loads(run(stage.hub, "ip", "-json", "link"))}
    hub = links.pop(addresses.BRIDGE)
    assert links.keys() >= set(stage.nodes)
    assert hub not in links.values()


def test_the_name_server_is_a_pod_for_policies_and_not_the_api_server(stage: Wires) -> None:
    peer = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
    rules = world(policy("names", A, policyTypes=["Egress"], egress=[{"to": [peer]}]))
    rules = type(rules)(rules.pods, {**rules.namespaces, "kube-system": {}}, rules.policies)
    stage.enforce(rules)
    with stage.listener(stage.hub, 53):
        assert stage.answers(stage.pods["x/a"], addresses.NAME_SERVER, 53)
        assert not stage.answers(stage.pods["x/a"], addresses.HUB, 53)


def exchange(connection: socket.socket, far: socket.socket) -> bool:
    """Tell whether both ends still hear each other."""
    for one, other in ((connection, far), (far, connection)):
        one.settimeout(5)
        other.settimeout(5)
        one.sendall(b"?")
        if other.recv(1) != b"?":
            return False
    return True


def test_connections_go_on_when_a_policy_comes(stage: Wires) -> None:
    stage.enforce(world())
    with stage.listener(stage.pods["x/a"], 9000) as server:
        connection = stage.connects(stage.pods["x/b"], XA.address, 9000)
        assert connection
        far, _ = server.accept()
        with connection, far:
            stage.enforce(world(DENY_ALL))
            assert exchange(connection, far)
            assert not stage.answers(stage.pods["x/b"], XA.address, 9000)


def test_replies_pass_where_a_question_of_ones_own_would_not(stage: Wires) -> None:
    stage.enforce(world(policy("out", A, policyTypes=["Egress"]), policy("in", {}, "y", ingress=[])))
    assert stage.answers(stage.pods["y/a"], XA.address), "x/a answers, and may ask nobody"
    assert not stage.answers(stage.pods["x/a"], PODS["z/a"].address)
    assert not stage.answers(stage.pods["z/a"], PODS["y/a"].address), "y/a takes nothing, and may ask"


def test_a_refusal_comes_back_to_who_may_ask(stage: Wires) -> None:
    stage.enforce(world(policy("out", A, policyTypes=["Egress"], egress=[{}])))
    with pytest.raises(ConnectionRefusedError):
        stage.connects(stage.pods["x/a"], XB.address, 4444)


def pings(process: int, target: str, number: int) -> bool:
    """Tell whether an echo request (RFC 792) of its own number is answered."""
    with in_network_of(process), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.settimeout(SILENCE_SECONDS)
        raw.sendto(struct.pack("!BBHHH", 8, 0, 0xFFFF - 0x0800 - 1 - number, number, 1), (target, 0))
        with contextlib.suppress(TimeoutError):
            return raw.recv(64)[20] == 0
    return False


def test_pings_need_a_rule_without_ports(stage: Wires) -> None:
    stage.enforce(world(policy("all", A, ingress=[{}])))
    assert pings(stage.pods["x/b"], XA.address, 1)
    stage.enforce(world(policy("tcp", A, ingress=[{"ports": [{"protocol": "TCP"}]}])))
    assert not pings(stage.pods["x/b"], XA.address, 2)


SERVICE = """
table ip services {{ }}
delete table ip services
table ip services {{
  chain translated {{
    type nat hook prerouting priority dstnat;
    ip daddr {service} tcp dport 8080 dnat to {pod}:80
    fib daddr type local tcp dport 30080 dnat to {pod}:80
  }}
  chain masqueraded {{
    type nat hook postrouting priority srcnat;
    ct status dnat ip saddr != 10.244.0.0/16 masquerade
    ip saddr {pod} ip daddr {pod} masquerade
  }}
}}
"""
CLUSTER_IP = "10.96.7.7"


@pytest.fixture
def service(stage: Wires) -> Iterator[None]:
    """What kube-proxy does for a Service of x/a with a cluster address and a node port."""
    text = SERVICE.format(service=CLUSTER_IP, pod=XA.address)
    for node in stage.nodes.values():
        run(node, "nft", "-f", "-", text=text)
    run(
        stage.hub,
        "ip",
        "route",
        "add",
        f"{CLUSTER_IP}/32",
        "via",
        addresses.node_address(stage.numbers[XA.node]),
    )
    yield
    run(stage.hub, "ip", "route", "del", f"{CLUSTER_IP}/32")
    for node in stage.nodes.values():
        run(node, "nft", "delete", "table", "ip", "services")


@pytest.mark.usefixtures("service")
def test_behind_a_service_the_pods_own_port_counts_at_both_ends(stage: Wires) -> None:
    def may(egress_port: int, ingress_port: int) -> bool:
        stage.enforce(
            world(
                policy("out", {"matchLabels": {"pod": "b"}}, policyTypes=["Egress"],
                       egress=[{"to": [{"podSelector": A}], "ports": [{"port": egress_port}]}]),
                policy("in", A, ingress=[{"from": [{"podSelector": {}}], "ports": [{"port": ingress_port}]}]),
            )
        )  # fmt: skip
        return stage.answers(stage.pods["x/b"], CLUSTER_IP, 8080)

    assert may(80, 80)
    assert not may(8080, 80)
    assert not may(80, 8080)


@pytest.mark.usefixtures("service")
def test_behind_a_service_the_real_peer_is_seen(stage: Wires) -> None:
    stage.enforce(world(policy("b", A, ingress=[{"from": [{"podSelector": {"matchLabels": {"pod": "b"}}}]}])))
    assert stage.answers(stage.pods["x/b"], CLUSTER_IP, 8080)
    assert not stage.answers(stage.pods["x/c"], CLUSTER_IP, 8080)
    assert not stage.answers(stage.hub, CLUSTER_IP, 8080)
    stage.enforce(world(FROM_HUB))
    assert stage.answers(stage.hub, CLUSTER_IP, 8080), "before it is masqueraded"
    node = addresses.node_address(stage.numbers[XA.node])
    assert stage.answers(stage.hub, node, 30080)
    assert not stage.answers(stage.pods["z/c"], node, 30080)


@pytest.mark.usefixtures("service")
def test_a_pod_meets_itself_behind_a_service(stage: Wires) -> None:
    stage.enforce(world(DENY_ALL))
    assert stage.answers(stage.pods["x/a"], CLUSTER_IP, 8080)


def test_what_is_not_known_is_closed_in_both_directions_until_it_is(stage: Wires) -> None:
    everybody = world()
    stage.enforce(type(everybody)([pod for pod in everybody.pods if pod is not XA], everybody.namespaces, ()))
    assert not stage.answers(stage.pods["x/b"], XA.address)
    assert not stage.answers(stage.hub, XA.address)
    assert not stage.answers(stage.pods["x/a"], XB.address)
    assert stage.answers(stage.nodes[XA.node], XA.address), "its node's probes"
    stage.enforce(everybody)
    assert stage.answers(stage.pods["x/b"], XA.address)
    assert stage.answers(stage.pods["x/a"], XB.address)


def test_nobody_speaks_in_anothers_name(stage: Wires) -> None:
    """Neither in a neighbour's, whom the policy lets in, nor in that of a pod elsewhere."""
    stage.enforce(world(policy("b", A, ingress=[{"from": [{"podSelector": {}}]}])))
    with stage.udp(stage.pods["x/a"], ("", 7000)) as server:
        server.settimeout(SILENCE_SECONDS)
        for liar, name in (("z/a", XC.address), ("y/a", XB.address), ("y/b", "198.51.100.7")):
            run(stage.pods[liar], "ip", "address", "add", f"{name}/32", "dev", "lo")
            with stage.udp(stage.pods[liar], (name, 0)) as client:
                client.sendto(b"lie", (XA.address, 7000))
        for honest in ("x/b", "x/c"):
            with stage.udp(stage.pods[honest]) as client:
                client.sendto(honest.encode(), (XA.address, 7000))
        taken = sorted(server.recv(16) for _ in range(2))
        with pytest.raises(TimeoutError):
            server.recv(16)
    assert taken == [b"x/b", b"x/c"]


def test_a_node_begins_closed() -> None:
    """As `hack/cluster` connects it, before anybody knows of it."""
    pods = [Pod("x", name, f"10.244.3.{number}", node="node3", interface=f"veth{number}")
            for number, name in enumerate("ab", 2)]  # fmt: skip
    with (
        wires({"node3": 3}) as fresh,
        connected(fresh, pods[0]) as server,
        connected(fresh, pods[1]) as client,
        fresh.listener(server, 80),
    ):
        assert not fresh.answers(client, pods[0].address)
        assert not fresh.answers(fresh.hub, pods[0].address)
        assert fresh.answers(fresh.nodes["node3"], pods[0].address)
