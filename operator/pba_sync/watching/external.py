"""From what the operator declares to nodes outside of the cluster: pure.

What must stay true: the name of such a node in HAProxy can be no pod's, and says where the node is. So one that moves
to another address is another node: the old one drains, and HAProxy itself knows the last address of a host whose name
cannot be resolved just now.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pba_api.sidecar import NODES_DRAINED, NODES_EXTERNAL, NODES_KEY
from pba_sync.watching.membership import PORT_MAX, Node, NodeState, reachable, records

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PREFIX: Final = "external_"
"""No pod's name has an underscore in it; HAProxy allows it."""


@dataclass(frozen=True, slots=True)
class External:
    """A node outside of the cluster, as the PBACluster names it."""

    name: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Declared:
    """What the operator tells of nodes beside what EndpointSlices do."""

    external: tuple[External, ...] = ()
    drained: frozenset[str] = frozenset()
    """Names of nodes that are drained by hand: pods', and those by which the PBACluster knows nodes outside."""


def _external(raw: Mapping[str, Any]) -> External | None:
    name, host, port = raw.get("name"), raw.get("host"), raw.get("port")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or not isinstance(host, str) or not host:
        return None
    return External(name, host, port) if type(port) is int and 0 < port <= PORT_MAX else None


def read_declared(raw: Mapping[str, Any]) -> Declared | None:
    """Return what a ConfigMap declares; None if it makes no sense. An entry that makes none is left out.

    Args:
        raw: the ConfigMap as JSON.
    """
    data = raw.get("data")
    try:
        content = json.loads(data[NODES_KEY]) if isinstance(data, Mapping) else None
    except (KeyError, TypeError, ValueError):
        return None
    if not isinstance(content, Mapping):
        return None
    found = {entry.name: entry for entry in map(_external, records(content.get(NODES_EXTERNAL))) if entry}
    drained = content.get(NODES_DRAINED)
    names = (name for name in drained if isinstance(name, str)) if isinstance(drained, list) else ()
    return Declared(tuple(found[name] for name in sorted(found)), frozenset(names))


def hosts(declared: Declared) -> frozenset[str]:
    """Return the hosts that are names, and have to be resolved."""
    return frozenset(node.host for node in declared.external if not _is_address(node.host))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def choose(known: str | None, answers: Iterable[str]) -> str | None:
    """Return the address of a host from all that its name resolves to: the known one as long as it is among them.

    Name servers give several addresses in changing order, and a node is one machine: it must not move with them.

    Args:
        known: the address so far.
        answers: what the name resolves to now.

    Returns:
        The known one, else the first in order, IPv4 before IPv6; None if no node can have any of them.
    """
    found = {address for address in map(reachable, answers) if address is not None}
    if known in found:
        return known
    return min(
        found, key=lambda address: (":" in address, ipaddress.ip_address(address).packed), default=None
    )


def server_name(node: External, address: str) -> str:
    """Return the node's name in HAProxy."""
    return f"{_PREFIX}{node.name}_{address}:{node.port}"


def is_outside(server: str) -> bool:
    """Tell whether HAProxy's server is an external node."""
    return server.startswith(_PREFIX)


def is_of(server: str, name: str) -> bool:
    """Tell whether HAProxy's server is the external node `name`, at whatever address."""
    return server.startswith(f"{_PREFIX}{name}_")


def nodes(declared: Declared, addresses: Mapping[str, str]) -> dict[str, Node]:
    """Return the declared nodes whose addresses are known, by their names in HAProxy: nobody calls them ready.

    Args:
        declared: what the operator declares.
        addresses: of hosts that are names, as far as they are known.
    """
    found = {}
    for entry in declared.external:
        address = reachable(entry.host) if _is_address(entry.host) else addresses.get(entry.host)
        if address is not None:
            name = server_name(entry, address)
            state = NodeState.DRAINED if entry.name in declared.drained else NodeState.SERVING
            found[name] = Node(name, address, entry.port, state, proven=False)
    return found


def by_hand(pods: Mapping[str, Node], drained: Collection[str]) -> dict[str, Node]:
    """Return the pods with those drained that are so by hand; what drains because it goes, goes."""
    return {
        name: replace(pod, state=NodeState.DRAINED)
        if name in drained and pod.state is NodeState.SERVING
        else pod
        for name, pod in pods.items()
    }


def unresolved(declared: Declared, addresses: Mapping[str, str]) -> frozenset[str]:
    """Return the names of the declared nodes whose hosts' addresses are not known."""
    pending = hosts(declared) - addresses.keys()
    return frozenset(node.name for node in declared.external if node.host in pending)
