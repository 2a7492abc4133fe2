"""What NetworkPolicies mean: which pods each selects, and what it allows them, in addresses and ports.

By the API's own words (`k8s.io/api/networking/v1/types.go`); the tests quote them. Rules are combined additively: a pod
that no policy selects for a direction is open in it, any other takes what at least one rule allows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses, ip_network
from typing import Any, Final, Literal

from pba_hack.cluster.local.policies.selectors import matches
from pba_hack.cluster.local.policies.world import Pod, World

__all__ = ["DIRECTIONS", "Direction", "Ports", "Rule", "affects", "rules", "selects"]

Direction = Literal["Ingress", "Egress"]
DIRECTIONS: Final[tuple[Direction, ...]] = ("Egress", "Ingress")
_LAST_PORT = 65535

Policy = Mapping[str, Any]
PortRange = tuple[str, int, int]
"""Protocol, first port, last port."""


@dataclass(frozen=True)
class Ports:
    """What a rule's ports come to."""

    numbers: tuple[PortRange, ...] = ()
    """Without overlaps."""
    named: tuple[tuple[str, str, int], ...] = ()
    """Address of the pod that is spoken to, protocol, and the number that its own name stands for."""


@dataclass(frozen=True)
class Rule:
    """One thing that is allowed: these peers and these ports at once."""

    peers: tuple[IPv4Network, ...] | None
    """None: everybody."""
    ports: Ports | None
    """None: all ports of all protocols."""


def selects(policy: Policy, pod: Pod) -> bool:
    """Tell whether a policy is for a pod: one of its own namespace that its selector takes."""
    selector = policy.get("spec", {}).get("podSelector") or {}
    return policy["metadata"]["namespace"] == pod.namespace and matches(selector, pod.labels)


def affects(policy: Policy, direction: Direction) -> bool:
    """Tell whether a policy isolates the pods that it selects in this direction."""
    spec = policy.get("spec", {})
    types = spec.get("policyTypes")
    if types:
        return direction in types
    return direction == "Ingress" or bool(spec.get("egress"))


def rules(world: World, policy: Policy, direction: Direction) -> list[Rule]:
    """Return what a policy allows the pods that it selects; none: nothing."""
    side = "from" if direction == "Ingress" else "to"
    # A port's name is that of the pod that is spoken to.
    addressed = [pod for pod in world.pods if direction == "Egress" or selects(policy, pod)]
    return [
        Rule(_peers(world, policy, rule.get(side)), _ports(rule.get("ports"), addressed))
        for rule in policy.get("spec", {}).get(direction.lower()) or ()
    ]


def _peers(
    world: World, policy: Policy, peers: Sequence[Mapping[str, Any]] | None
) -> tuple[IPv4Network, ...] | None:
    if not peers:
        return None
    found: list[IPv4Network] = []
    for peer in peers:
        if peer.get("ipBlock"):
            found += _block(peer["ipBlock"])
        else:
            found += [IPv4Network(pod.address) for pod in world.pods if _is_peer(world, policy, peer, pod)]
    return tuple(collapse_addresses(found))


def _is_peer(world: World, policy: Policy, peer: Mapping[str, Any], pod: Pod) -> bool:
    """Tell whether a peer's selectors take a pod; one that is empty takes all, one that is absent says nothing."""
    of_pods, of_namespaces = peer.get("podSelector"), peer.get("namespaceSelector")
    if of_pods is None and of_namespaces is None:
        return False
    if of_namespaces is None:
        if pod.namespace != policy["metadata"]["namespace"]:
            return False
    elif not matches(of_namespaces, world.namespaces.get(pod.namespace, {})):
        return False
    return of_pods is None or matches(of_pods, pod.labels)


def _block(block: Mapping[str, Any]) -> list[IPv4Network]:
    """Return the addresses of a block without its exceptions; of IPv6, which no pod here has, none."""
    whole = ip_network(block["cidr"], strict=False)
    if not isinstance(whole, IPv4Network):
        return []
    left = [whole]
    for words in block.get("except") or ():
        exception = ip_network(words, strict=False)
        if isinstance(exception, IPv4Network):
            left = [part for network in left for part in _without(network, exception)]
    return left


def _without(network: IPv4Network, exception: IPv4Network) -> Iterable[IPv4Network]:
    if network.subnet_of(exception):
        return ()
    return network.address_exclude(exception) if exception.subnet_of(network) else (network,)


def _ports(entries: Sequence[Mapping[str, Any]] | None, addressed: Sequence[Pod]) -> Ports | None:
    if not entries:
        return None
    numbers: list[PortRange] = []
    named: set[tuple[str, str, int]] = set()
    for entry in entries:
        protocol, port = (entry.get("protocol") or "TCP").lower(), entry.get("port")
        if port is None:
            numbers.append((protocol, 0, _LAST_PORT))
        elif isinstance(port, int):
            numbers.append((protocol, port, entry.get("endPort") or port))
        else:
            named |= {
                (pod.address, protocol, its.number)
                for pod in addressed
                for its in pod.ports
                if (its.name, its.protocol) == (port, protocol)
            }
    return Ports(tuple(_merged(numbers)), tuple(sorted(named)))


def _merged(ranges: Iterable[PortRange]) -> list[PortRange]:
    """Join ranges that overlap: nftables refuses them."""
    merged: list[PortRange] = []
    for protocol, first, last in sorted(ranges):
        if merged and merged[-1][0] == protocol and first <= merged[-1][2]:
            merged[-1] = (protocol, merged[-1][1], max(last, merged[-1][2]))
        else:
            merged.append((protocol, first, last))
    return merged
