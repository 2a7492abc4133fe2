"""What the API's reference says of one connection, word for word, without addresses, sets or nodes.

Slow and plain: it is what the rules are compared with for policies that nobody thought of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from pba_hack.cluster.local.policies.world import Pod, World

Spec = Mapping[str, Any]


def allowed(world: World, source: Pod, target: Pod, protocol: str, port: int) -> bool:
    """Tell whether a pod may open a connection to another: both ends must allow it."""
    out = _side(world, "Egress", source, target, target, protocol, port)
    return out and _side(world, "Ingress", target, source, target, protocol, port)


def _side(world: World, kind: str, subject: Pod, peer: Pod, server: Pod, protocol: str, port: int) -> bool:
    selecting = [
        policy
        for policy in world.policies
        if policy["metadata"]["namespace"] == subject.namespace
        and _selected(policy["spec"].get("podSelector", {}), subject.labels)
        and kind in _types(policy["spec"])
    ]
    if not selecting:
        return True
    for policy in selecting:
        for rule in policy["spec"].get(kind.lower(), []):
            peers, ports = rule.get("from" if kind == "Ingress" else "to", []), rule.get("ports", [])
            is_peer = not peers or any(_is_peer(world, policy, entry, peer) for entry in peers)
            if is_peer and (not ports or any(_is_port(entry, server, protocol, port) for entry in ports)):
                return True
    return False


def _types(spec: Spec) -> Sequence[str]:
    named: Sequence[str] = spec.get("policyTypes", [])
    if named:
        return named
    return ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _is_peer(world: World, policy: Spec, entry: Spec, peer: Pod) -> bool:
    if "ipBlock" in entry:
        address, block = ip_address(peer.address), entry["ipBlock"]
        excepted = any(address in ip_network(one) for one in block.get("except", []))
        return address in ip_network(block["cidr"]) and not excepted
    if "namespaceSelector" in entry:
        if not _selected(entry["namespaceSelector"], world.namespaces[peer.namespace]):
            return False
    elif peer.namespace != policy["metadata"]["namespace"]:
        return False
    return "podSelector" not in entry or _selected(entry["podSelector"], peer.labels)


def _is_port(entry: Spec, server: Pod, protocol: str, port: int) -> bool:
    if entry.get("protocol", "TCP").lower() != protocol:
        return False
    wanted = entry.get("port")
    if wanted is None:
        return True
    if isinstance(wanted, str):
        return any((one.name, one.protocol, one.number) == (wanted, protocol, port) for one in server.ports)
    return bool(wanted <= port <= entry.get("endPort", wanted))


def _selected(selector: Spec, labels: Mapping[str, str]) -> bool:
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for requirement in selector.get("matchExpressions", []):
        present = requirement["key"] in labels
        among = labels.get(requirement["key"]) in requirement.get("values", [])
        holds = {"In": among, "NotIn": not among, "Exists": present, "DoesNotExist": not present}
        if not holds[requirement["operator"]]:
            return False
    return True
