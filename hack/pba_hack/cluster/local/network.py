"""The cluster's network: a bridge in the hub, a pair of virtual interfaces to each node, and the routes to pods.

All of it is in the cluster's own network namespaces, ends with them, and has no route to anywhere else.
"""

import socket
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.local import addresses
from pba_hack.cluster.local.layout import node_name
from pba_hack.cluster.local.namespaces import in_network_of
from pba_hack.cluster.local.policies import kernel
from pba_hack.cluster.local.policies.ruleset import NOTHING, ruleset
from pba_hack.cluster.waiting import until

__all__ = ["cni_configuration", "connect_node", "disconnect", "make_bridge", "reconnect", "remove"]

_SETTINGS = Path("/proc/sys/net/ipv4")
_GONE_SECONDS = 10.0


def make_bridge(hub: int) -> None:
    """Make the hub's bridge: the API server and the name server listen there, and clients from outside are."""
    lines = [
        "link set lo up",
        f"link add {addresses.BRIDGE} address {addresses.HUB_MAC} type bridge",
        f"address add {addresses.HUB}/24 dev {addresses.BRIDGE}",
        f"address add {addresses.NAME_SERVER}/32 dev {addresses.BRIDGE}",
        f"address add {addresses.OUTSIDER}/32 dev {addresses.BRIDGE}",
        f"link set {addresses.BRIDGE} up",
    ]
    _ip(hub, [*lines, *_pod_routes(range(1, addresses.MAX_NODES + 1))])
    # A new network copies the machine's settings. What a node cannot deliver must not circle between the two.
    _set(hub, {"ip_forward": "0"})


def connect_node(hub: int, node: int, number: int) -> None:
    """Connect a node to the bridge.

    Args:
        hub: The hub's first process.
        node: The node's first process.
        number: The node's number.
    """
    name = node_name(number)
    with in_network_of(hub):
        # The kernel takes the interface of a crashed node away in its own time.
        until(lambda: name not in _links(), _GONE_SECONDS, f"the former {name} disconnected")
    end = f"address {addresses.node_mac(number)} netns {node}"
    _ip(
        hub,
        [f"link add {name} type veth peer name eth0 {end}", f"link set {name} master {addresses.BRIDGE} up"],
    )
    lines = [
        "link set lo up",
        f"address add {addresses.node_address(number)}/24 dev eth0",
        "link set eth0 up",
        # Leads nowhere beyond the hub, but Service addresses need a route before they are translated.
        f"route add default via {addresses.HUB}",
    ]
    others = (other for other in range(1, addresses.MAX_NODES + 1) if other != number)
    _ip(node, [*lines, *_pod_routes(others)])
    # Before anything is connected to it. NetworkPolicies are enforced from here on.
    kernel.apply(node, ruleset(NOTHING, name, addresses.pod_network(number)))
    # A refusal (Service without endpoints) must come at once: by default the kernel tells the hub of a better route
    # first, and then holds the refusal back for a second.
    _set(node, {"ip_forward": "1", "conf/all/send_redirects": "0", "conf/eth0/send_redirects": "0"})


def disconnect(hub: int, node: str) -> None:
    """Take down the hub's end of a node's link: nothing gets in or out any more."""
    _ip(hub, [f"link set {node} down"])


def remove(hub: int, node: str) -> None:
    """Take a node's link away, both of its ends."""
    _ip(hub, [f"link delete {node}"])


def reconnect(hub: int, node: str) -> None:
    """Take a node's link up; nothing happens when it is."""
    _ip(hub, [f"link set {node} up"])


def cni_configuration(number: int) -> dict[str, Any]:
    """How containerd connects the pods of a node: a point-to-point link each, routed by the node."""
    ranges = [[{"subnet": addresses.pod_network(number)}]]
    ipam = {"type": "host-local", "ranges": ranges, "routes": [{"dst": "0.0.0.0/0"}]}
    return {
        "cniVersion": "1.0.0",
        "name": "pba",
        "plugins": [
            {"type": "ptp", "ipMasq": False, "mtu": 1500, "ipam": ipam},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def _pod_routes(numbers: Iterable[int]) -> list[str]:
    """The routes to the pods of nodes, whether the nodes are there yet or not."""
    return [f"route add {addresses.pod_network(node)} via {addresses.node_address(node)}" for node in numbers]


def _set(pid: int, settings: Mapping[str, str]) -> None:
    with in_network_of(pid):
        for name, value in settings.items():
            (_SETTINGS / name).write_text(value)


def _links() -> set[str]:
    """Names of the interfaces in this thread's network."""
    return {name for _, name in socket.if_nameindex()}


def _ip(pid: int, lines: list[str]) -> None:
    with in_network_of(pid):
        done = subprocess.run(
            ["ip", "-batch", "-"], input="\n".join(lines) + "\n", capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise ClusterError(f"the network cannot be made: {done.stderr.strip()}")
