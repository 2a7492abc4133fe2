"""Gives Services of type LoadBalancer an address that works in the hub: what a cloud or MetalLB does elsewhere.

Runs in the hub. Like MetalLB in layer 2 mode, one node answers for each address: the first in the Service's own order
of nodes that is healthy by kube-proxy's health check, or, with `externalTrafficPolicy: Local`, by the Service's own
check. The hub then has a route for the address by that node. The Service network has such a route, too, so programs in
`exec` reach cluster addresses.
"""

import http.client
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pba_hack.cluster.local import addresses
from pba_hack.cluster.local.allocation import (
    Endpoint,
    Service,
    address_in_status,
    allocate,
    choose,
    endpoint_of,
    key_of,
    was_given,
)
from pba_hack.cluster.local.api import Api, ApiError
from pba_hack.cluster.local.follow import Follower

__all__ = ["Health", "main"]

_PERIOD_SECONDS = 1.0
_PROBE_SECONDS = 0.5
_FAILURES_TO_FAIL = 2
_RETRY_SECONDS = 1.0
_ROUTE_MARK = ("proto", "77")
"""Tells our routes from others (a free number of rtnetlink's protocol field)."""


class Health:
    """Which nodes answer a health check; two failures in a row make a node unhealthy."""

    def __init__(self, probe: Callable[[str, int], bool]) -> None:
        self._probe = probe
        self._failures: dict[tuple[str, int], int] = {}
        self._pool = ThreadPoolExecutor(max_workers=addresses.MAX_NODES)

    def check(self, nodes: Iterable[str], ports: Iterable[int]) -> dict[int, list[str]]:
        """Probe every port of every node at once.

        Returns:
            For each port, the addresses of the healthy nodes.
        """
        keys = [(node, port) for port in sorted(set(ports)) for node in sorted(nodes)]
        answers = list(self._pool.map(lambda key: self._probe(*key), keys))
        before, self._failures = self._failures, {}
        healthy: dict[int, list[str]] = {}
        for (node, port), answered in zip(keys, answers, strict=True):
            failures = 0 if answered else before.get((node, port), _FAILURES_TO_FAIL - 1) + 1
            self._failures[node, port] = failures
            if failures < _FAILURES_TO_FAIL:
                healthy.setdefault(port, []).append(node)
        return healthy


class Routes:
    """The hub's routes to the addresses that nodes answer for."""

    def __init__(self) -> None:
        self._by: dict[str, str] = {}
        _ip("route", "flush", *_ROUTE_MARK)

    def node_of(self, address: str) -> str | None:
        """The node that answers for an address now."""
        return self._by.get(address)

    def set(self, wanted: Mapping[str, str]) -> None:
        """Make the routes so, and only those."""
        for address in self._by.keys() - wanted.keys():
            _ip("route", "del", address, *_ROUTE_MARK)
        for address, node in wanted.items():
            if self._by.get(address) != node:
                _ip("route", "replace", address, "via", node, *_ROUTE_MARK)
                print(f"{address} by {node}", flush=True)
        self._by = dict(wanted)


def main(pki: Path) -> None:
    """Run the controller for ever."""
    api = Api(pki, "load-balancer")
    changed = threading.Event()
    services = Follower(api, "/api/v1/services", changed)
    nodes = Follower(api, "/api/v1/nodes", changed)
    services.start()
    nodes.start()
    health, routes = Health(_answers), Routes()
    while True:
        changed.wait(_PERIOD_SECONDS)
        changed.clear()
        try:
            _reconcile(
                api, list(services.objects.values()), _addresses(nodes.objects.values()), health, routes
            )
        except (OSError, ApiError) as error:
            print(error, flush=True)
            time.sleep(_RETRY_SECONDS)


def _reconcile(api: Api, services: list[Service], nodes: list[str], health: Health, routes: Routes) -> None:
    given = allocate(services)
    by_key = {key_of(service): service for service in services}
    endpoints = [endpoint_of(by_key[key], address) for key, address in given.items()]
    endpoints.append(Endpoint("service network", addresses.SERVICE_NETWORK))
    healthy = health.check(nodes, [endpoint.health_port for endpoint in endpoints])
    wanted = {}
    for endpoint in endpoints:
        candidates = healthy.get(endpoint.health_port, [])
        node = choose(endpoint, routes.node_of(endpoint.address), candidates)
        if node:
            wanted[endpoint.address] = node
    routes.set(wanted)
    for key, service in by_key.items():
        address = given.get(key, "")
        if address_in_status(service) != address and (address or was_given(service)):
            _write_status(api, service, address)


def _write_status(api: Api, service: Service, address: str) -> None:
    meta = service["metadata"]
    ingress = [{"ip": address, "ipMode": "VIP"}] if address else None
    path = f"/api/v1/namespaces/{meta['namespace']}/services/{meta['name']}/status"
    api.merge(path, {"status": {"loadBalancer": {"ingress": ingress}}})


def _answers(node: str, port: int) -> bool:
    connection = http.client.HTTPConnection(node, port, timeout=_PROBE_SECONDS)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _addresses(nodes: Iterable[dict[str, Any]]) -> list[str]:
    found = [address for node in nodes for address in node.get("status", {}).get("addresses", [])]
    return [address["address"] for address in found if address["type"] == "InternalIP"]


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
