"""Where the fields that say who may reach whom must be seen: in the NetworkPolicies."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pba_mutation.planning import NAME, Children
from pba_operator.domain.model import ChildId

Json = Mapping[str, Any]
Look = Callable[[Any, Json, Children], Iterator[str]]

_POLICY: Final = "NetworkPolicy"


def _policies(value: Any, _spec: Json, children: Children) -> Iterator[str]:
    """There is one for each part, also for one that runs and is not asked for any more; or none."""
    parts = ("backend", "frontend", "management", "mysql")
    wanted = [f"{NAME}-{part}" for part in parts] if value == "Enabled" else []
    seen = sorted(child.name for child in children if child.kind == _POLICY)
    if seen != wanted:
        yield f"the policies are {seen}, wanted {wanted}"


def _has(component: str, side: str, rule: Json, children: Children) -> Iterator[str]:
    policy = children.get(ChildId(_POLICY, f"{NAME}-{component}"))
    if policy is not None and rule not in policy["spec"][side]:
        yield f"{NAME}-{component} lacks {rule} in {side}"


def _egress(value: Any, _spec: Json, children: Children) -> Iterator[str]:
    """The application's nodes may do what the rules say."""
    for rule in value:
        ports = [{"protocol": "TCP", **port} for port in rule.get("ports", [])]
        wanted = {**rule, "ports": ports} if ports else rule
        for component in ("management", "backend"):
            yield from _has(component, "egress", wanted, children)


def _monitoring(value: Any, _spec: Json, children: Children) -> Iterator[str]:
    """Those peers, and nobody else, read the metrics."""
    if value:
        rule = {"from": value, "ports": [{"port": 8404, "protocol": "TCP"}]}
        yield from _has("frontend", "ingress", rule, children)


def _api_server(value: Any, _spec: Json, children: Children) -> Iterator[str]:
    """The sidecar may ask there, and elsewhere only where nothing is said."""
    blocks = [{"ipBlock": {"cidr": str(ipaddress.ip_network(cidr, strict=False))}} for cidr in value]
    anywhere = {"ports": [{"port": 443, "protocol": "TCP"}, {"port": 6443, "protocol": "TCP"}]}
    rule = {"to": blocks, "ports": [{"protocol": "TCP"}]} if blocks else anywhere
    yield from _has("frontend", "egress", rule, children)


PLACES: Final[Mapping[str, Look]] = {
    "network.policies": _policies,
    "network.apiServerCIDRs": _api_server,
    "network.applicationEgress": _egress,
    "network.monitoring": _monitoring,
}
"""By the path of the field."""
