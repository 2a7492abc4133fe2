"""Which address a Service of type LoadBalancer has, and which node answers for it: decided here, done elsewhere."""

import hashlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pba_hack.cluster.local import addresses

__all__ = [
    "PROXY_HEALTH_PORT",
    "Endpoint",
    "Service",
    "address_in_status",
    "allocate",
    "choose",
    "endpoint_of",
    "key_of",
    "was_given",
]

PROXY_HEALTH_PORT = 10256
"""Where kube-proxy says whether it can serve its node."""

Service = dict[str, Any]


@dataclass(frozen=True)
class Endpoint:
    """An address to make reachable, and the port that tells which nodes can serve it."""

    name: str
    address: str
    health_port: int = PROXY_HEALTH_PORT


def allocate(services: Iterable[Service]) -> dict[str, str]:
    """An address for each Service of type LoadBalancer that is ours, by `namespace/name`.

    A Service keeps the address that its status shows. A new one gets `spec.loadBalancerIP` if that is free, or the
    lowest free address.
    """
    ours = {key_of(service): service for service in services if _is_ours(service)}
    network = ipaddress.ip_network(addresses.LOAD_BALANCERS)
    free = [str(address) for address in network.hosts()]
    given: dict[str, str] = {}
    for wish in (address_in_status, _address_in_spec, lambda _: free[0]):
        for key, service in sorted(ours.items()):
            address = wish(service) if key not in given and free else ""
            if address in free:
                free.remove(address)
                given[key] = address
    return given


def endpoint_of(service: Service, address: str) -> Endpoint:
    """What to make reachable for a Service."""
    port = service["spec"].get("healthCheckNodePort") or PROXY_HEALTH_PORT
    return Endpoint(key_of(service), address, port)


def choose(endpoint: Endpoint, current: str | None, healthy: Iterable[str]) -> str | None:
    """The node that answers for an address: the present one as long as it is healthy, so that connections last."""
    candidates = set(healthy)
    if current in candidates:
        return current
    order = sorted(candidates, key=lambda node: hashlib.sha256(f"{endpoint.name} {node}".encode()).digest())
    return order[0] if order else None


def was_given(service: Service) -> bool:
    """Whether the status shows an address of ours."""
    address = address_in_status(service)
    network = ipaddress.ip_network(addresses.LOAD_BALANCERS)
    return bool(address) and ipaddress.ip_address(address) in network


def address_in_status(service: Service) -> str:
    """The address that the status shows; empty when there is none."""
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or [{}]
    return str(ingress[0].get("ip", ""))


def key_of(item: dict[str, Any]) -> str:
    """What tells an object from others of its kind: `namespace/name`."""
    meta = item["metadata"]
    return f"{meta.get('namespace', '')}/{meta['name']}"


def _is_ours(service: Service) -> bool:
    spec = service["spec"]
    return spec.get("type") == "LoadBalancer" and not spec.get("loadBalancerClass")


def _address_in_spec(service: Service) -> str:
    return str(service["spec"].get("loadBalancerIP", ""))
