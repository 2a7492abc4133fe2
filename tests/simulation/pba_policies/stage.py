"""The nine pods that Kubernetes' own tests of NetworkPolicies have: a, b and c in the namespaces x, y and z.

(kubernetes, test/e2e/network/netpol.) They are spread over two nodes, so that both a neighbour and a pod of another
node are in every table.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

from pba_hack.cluster.local import addresses
from pba_hack.cluster.local.policies.ruleset import ruleset
from pba_hack.cluster.local.policies.world import NAME_SERVER, NamedPort, Pod, World

NODES = {"node1": 1, "node2": 2}
NAMESPACES = {name: {"ns": name, "kubernetes.io/metadata.name": name} for name in "xyz"}
PROTOCOLS = ("tcp", "udp", "sctp")
PORTS = (80, 81)


@dataclass(frozen=True, order=True)
class Flow:
    """One pod that speaks to another; both by `namespace/name`."""

    source: str
    target: str
    protocol: str
    port: int


def _pod(number: int, namespace: str, name: str) -> Pod:
    node = f"node{number % len(NODES) + 1}"
    address = f"10.244.{NODES[node]}.{number + 2}"
    own = [NamedPort(f"serve-{port}-{protocol}", protocol, port) for port in PORTS for protocol in PROTOCOLS]
    # A name that stands for another number in every pod c.
    own.append(NamedPort("web", "tcp", 81 if name == "c" else 80))
    return Pod(namespace, name, address, {"pod": name}, tuple(own), node, f"veth{number}")


PODS = {
    f"{namespace}/{name}": _pod(number, namespace, name)
    for number, (namespace, name) in enumerate(product("xyz", "abc"))
}
FLOWS = tuple(
    Flow(source, target, protocol, port)
    for source, target in product(PODS, PODS)
    if source != target
    for protocol, port in product(PROTOCOLS, PORTS)
)
"""Every pod to every other pod, every port."""


def world(*policies: dict[str, Any]) -> World:
    """Return the nine pods under some policies."""
    return World([NAME_SERVER, *PODS.values()], NAMESPACES, policies)


def rulesets(of: World) -> dict[str, str]:
    """Return the rules of each node."""
    return {node: ruleset(of, node, addresses.pod_network(number)) for node, number in NODES.items()}
