"""From EndpointSlices to the nodes: pure.

What must stay true: a node is one pod, under one name, however many slices tell of it and in whatever order;
a pod that terminates drains at once, whatever another slice still says of it; input that makes no sense is
left out and never stops the rest.

Source of the rules: Kubernetes' API reference of `discovery.k8s.io/v1` EndpointSlice (an absent `ready` means
true, an absent `serving` means `ready`, an absent `terminating` means false; one endpoint may stand in
several slices for a while), and KEP-1669 (where no node serves, those that terminate and still serve are
used).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
"""A DNS subdomain, which is also a valid name of a server in HAProxy."""

_FAMILIES = ("IPv4", "IPv6")
PORT_MAX = 65535


class NodeState(Enum):
    """What the balancer shall do with a node."""

    SERVING = "serving"
    DRAINING = "draining"
    """No new request; those that run may end until the deadline."""
    UNREADY = "unready"
    """The same, though it was not told to go: it is let in again where no node can serve and it served before."""
    DRAINED = "drained"
    """Drained by hand: no new request, but it stays, and comes back when it is let."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint of one slice, as far as it concerns us."""

    name: str
    address: str
    port: int
    ready: bool
    serving: bool
    terminating: bool


@dataclass(frozen=True, slots=True)
class Node:
    """A backend node: the server's name in HAProxy, where it listens, what to do with it."""

    name: str
    address: str
    port: int
    state: NodeState
    keeps_clients: bool = False
    """Whether clients that are bound to it are sent to it although it drains: it goes, and still serves."""
    proven: bool = True
    """Whether it may get requests before a check has asked it: who told us of it calls it ready."""
    ready_again: bool = False
    """Whether it was not ready a moment ago: what HAProxy's checks have found until then is out of date."""


def records(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects in what should be a list of objects."""
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def _port(raw: Mapping[str, Any], port_name: str) -> int | None:
    """Return the number of the slice's port `port_name`; a slice without it has nothing for us."""
    for port in records(raw.get("ports")):
        number = port.get("port")
        named = port.get("name") == port_name and port.get("protocol", "TCP") == "TCP"
        if named and type(number) is int and 0 < number <= PORT_MAX:
            return number
    return None


def reachable(text: str) -> str | None:
    """Return an address in its canonical form; None if it is none, or none that a node can have."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # Of IPv4 in the notation of IPv6 Python 3.11 does not tell that it is this machine's own: no pod is told so.
    disguised = isinstance(address, ipaddress.IPv6Address) and (address.scope_id or address.ipv4_mapped)
    nobodys = address.is_unspecified or address.is_multicast or address.is_link_local or address.is_loopback
    return None if disguised or nobodys else str(address)


def _address(endpoint: Mapping[str, Any]) -> str | None:
    addresses = endpoint.get("addresses")
    if not isinstance(addresses, list) or not addresses or not isinstance(addresses[0], str):
        return None
    return reachable(addresses[0])


def _name(endpoint: Mapping[str, Any], address: str) -> str:
    """Return the pod's name; an endpoint that is no pod is called after its address."""
    target = endpoint.get("targetRef")
    if isinstance(target, Mapping) and target.get("kind") == "Pod":
        name = target.get("name")
        if isinstance(name, str) and _NAME.fullmatch(name):
            return name
    return "address-" + re.sub(r"[.:]", "-", address).strip("-")


def _flag(conditions: Mapping[str, Any], key: str, *, default: bool) -> bool:
    value = conditions.get(key)
    return value if isinstance(value, bool) else default


def read_slice(raw: Mapping[str, Any], port_name: str) -> tuple[Endpoint, ...]:
    """Return the endpoints of a slice that can be reached at `port_name`.

    Args:
        raw: an EndpointSlice as JSON.
        port_name: the port's name in the Service.
    """
    port = _port(raw, port_name)
    if port is None or raw.get("addressType") not in _FAMILIES:
        return ()
    found = []
    for entry in records(raw.get("endpoints")):
        address = _address(entry)
        if address is None:
            continue
        conditions = entry.get("conditions")
        conditions = conditions if isinstance(conditions, Mapping) else {}
        ready = _flag(conditions, "ready", default=True)
        found.append(
            Endpoint(
                name=_name(entry, address),
                address=address,
                port=port,
                ready=ready,
                serving=_flag(conditions, "serving", default=ready),
                terminating=_flag(conditions, "terminating", default=False),
            )
        )
    return tuple(found)


def _preference(endpoint: Endpoint) -> tuple[bool, bool, str, int]:
    """Order what slices tell of one pod: what serves first, IPv4 first, then any fixed order."""
    return (not endpoint.ready, ":" in endpoint.address, endpoint.address, endpoint.port)


def _merge(told: list[Endpoint]) -> Endpoint:
    """Return one endpoint from all that slices tell of one pod; `terminating` is final, so it wins."""
    return replace(
        min(told, key=_preference),
        terminating=any(endpoint.terminating for endpoint in told),
        ready=any(endpoint.ready for endpoint in told),
        serving=any(endpoint.serving for endpoint in told),
    )


def members(slices: Iterable[Iterable[Endpoint]], *, others: bool = False) -> dict[str, Node]:
    """Return the nodes by name, from all slices of the nodes' Services.

    Args:
        slices: the endpoints of each.
        others: whether there are nodes that no slice tells of, so that a pod that terminates need not serve on.
    """
    told: dict[str, list[Endpoint]] = {}
    for endpoints in slices:
        for endpoint in endpoints:
            told.setdefault(endpoint.name, []).append(endpoint)
    pods = [_merge(told[name]) for name in sorted(told)]
    chosen = {pod.name for pod in pods if pod.ready and not pod.terminating}
    if not chosen and not others:
        chosen = {pod.name for pod in pods if pod.serving and pod.terminating}
    return {
        pod.name: Node(
            name=pod.name,
            address=pod.address,
            port=pod.port,
            state=_state(pod, chosen),
            keeps_clients=pod.serving and pod.terminating,
        )
        for pod in pods
    }


def _state(pod: Endpoint, chosen: Container[str]) -> NodeState:
    if pod.name in chosen:
        return NodeState.SERVING
    return NodeState.DRAINING if pod.terminating else NodeState.UNREADY
