"""The rules of a NetworkPolicy, in the words of Kubernetes.

Ports are numbers: some engines of networks take a rule with a port's name for all ports.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any, Final

from pba_api import identity
from pba_operator.domain.model import Manifest

Rule = dict[str, Any]

NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"
"""The label of each namespace that holds its name; the API server sees to it."""

_DNS: Final = 53
_API_SERVER: Final = (443, 6443)


def tcp(*numbers: int) -> list[Manifest]:
    """Return these ports, in their order, none twice."""
    return [{"port": number, "protocol": "TCP"} for number in sorted(set(numbers))]


def pods_of(cluster: str, component: str) -> Manifest:
    """Return the peer that is a component's pods."""
    return {"podSelector": {"matchLabels": identity.selector(cluster, component)}}


def block(network: str) -> Manifest:
    """Return the peer that is an address or a network, of whichever family."""
    return {"ipBlock": {"cidr": str(ipaddress.ip_network(network, strict=False))}}


def dns() -> Rule:
    """Return the rule by which name servers are reached.

    At any address: they are pods here, a program of each machine's or a service of the cloud's there.
    """
    return {"ports": [{"port": _DNS, "protocol": "TCP"}, {"port": _DNS, "protocol": "UDP"}]}


def api_server(cidrs: Iterable[str]) -> Rule:
    """Return the rule by which the API server is reached; see `network.apiServerCIDRs`."""
    peers = [block(cidr) for cidr in cidrs]
    return {"to": peers, "ports": [{"protocol": "TCP"}]} if peers else {"ports": tcp(*_API_SERVER)}


def as_stored(rules: Iterable[Any]) -> list[Any]:
    """Return rules of a user's as the API server keeps them: what is left out of a port is filled in.

    What has another shape (it was stored before a schema refused it) stays as it is: Kubernetes says what is wrong.
    """
    return [_with_ports(rule) if isinstance(rule, dict) else rule for rule in rules]


def _with_ports(rule: Rule) -> Rule:
    ports = rule.get("ports")
    if not isinstance(ports, list | tuple) or not ports:
        return rule
    filled = [{"protocol": "TCP", **port} if isinstance(port, dict) else port for port in ports]
    return {**rule, "ports": filled}
