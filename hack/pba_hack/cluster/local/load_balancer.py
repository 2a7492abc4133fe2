"""Gives Services of type LoadBalancer an address that works in the hub: what a cloud or MetalLB does elsewhere.

Runs in the hub. Like MetalLB in layer 2 mode, one node answers for each address: the first in the Service's own order
of nodes that is healthy by kube-proxy's health check, or, with `externalTrafficPolicy: Local`, by the Service's own
check. The hub then has a route for the address by that node. The Service network has such a route, too, so programs in
`exec` reach cluster addresses.
"""

import hashlib
import http.client
import ipaddress
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pba_hack.cluster.local import addresses
from pba_hack.cluster.local.api import Api, ApiError

__all__ = ["Endpoint", "allocate", "choose", "endpoint_of", "main"]

_PROXY_HEALTH_PORT = 10256
_PERIOD_SECONDS = 1.0
_PROBE_SECONDS = 0.5
_FAILURES_TO_FAIL = 2
_WATCH_SECONDS = 240
_RETRY_SECONDS = 1.0
_ROUTE_MARK = ("proto", "77")
"""Tells our routes from others (a free number of rtnetlink's protocol field)."""

Service = dict[str, Any]


@dataclass(frozen=True)
class Endpoint:
    """An address to make reachable, and the port that tells which nodes can serve it."""

    name: str
    address: str
    health_port: int = _PROXY_HEALTH_PORT


def allocate(services: Iterable[Service]) -> dict[str, str]:
    """An address for each Service of type LoadBalancer that is ours, by `namespace/name`.

    A Service keeps the address that its status shows. A new one gets `spec.loadBalancerIP` if that is free, or the
    lowest free address.
    """
    ours = {_key(service): service for service in services if _is_ours(service)}
    network = ipaddress.ip_network(addresses.LOAD_BALANCERS)
    free = [str(address) for address in network.hosts()]
    given: dict[str, str] = {}
    for wish in (_address_in_status, _address_in_spec, lambda _: free[0]):
        for key, service in sorted(ours.items()):
            address = wish(service) if key not in given and free else ""
            if address in free:
                free.remove(address)
                given[key] = address
    return given


def endpoint_of(service: Service, address: str) -> Endpoint:
    """What to make reachable for a Service."""
    port = service["spec"].get("healthCheckNodePort") or _PROXY_HEALTH_PORT
    return Endpoint(_key(service), address, port)


def choose(endpoint: Endpoint, current: str | None, healthy: Iterable[str]) -> str | None:
    """The node that answers for an address: the present one as long as it is healthy, so that connections last."""
    candidates = set(healthy)
    if current in candidates:
        return current
    order = sorted(candidates, key=lambda node: hashlib.sha256(f"{endpoint.name} {node}".encode()).digest())
    return order[0] if order else None


class Follower(threading.Thread):
    """Keeps a list of objects as the API server has it."""

    def __init__(self, api: Api, path: str, changed: threading.Event) -> None:
        super().__init__(daemon=True)
        self.objects: dict[str, Any] = {}
        self._api = api
        self._path = path
        self._changed = changed

    def run(self) -> None:
        """List and watch, for ever."""
        while True:
            try:
                self._follow()
            except (OSError, ApiError, ValueError, http.client.HTTPException) as error:
                print(f"{self._path}: {error}", flush=True)
                time.sleep(_RETRY_SECONDS)

    def _follow(self) -> None:
        listed = self._api.get(self._path)
        self.objects = {_key(item): item for item in listed["items"]}
        self._changed.set()
        for event in self._api.watch(self._path, listed["metadata"]["resourceVersion"], _WATCH_SECONDS):
            item = event["object"]
            if event["type"] == "ERROR":
                return
            if event["type"] == "DELETED":
                self.objects.pop(_key(item), None)
            elif event["type"] != "BOOKMARK":
                self.objects = {**self.objects, _key(item): item}
            self._changed.set()


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
    by_key = {_key(service): service for service in services}
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
        if _address_in_status(service) != address and (address or _was_ours(service)):
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


def _is_ours(service: Service) -> bool:
    spec = service["spec"]
    return spec.get("type") == "LoadBalancer" and not spec.get("loadBalancerClass")


def _was_ours(service: Service) -> bool:
    address = _address_in_status(service)
    network = ipaddress.ip_network(addresses.LOAD_BALANCERS)
    return bool(address) and ipaddress.ip_address(address) in network


def _address_in_status(service: Service) -> str:
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or [{}]
    return str(ingress[0].get("ip", ""))


def _address_in_spec(service: Service) -> str:
    return str(service["spec"].get("loadBalancerIP", ""))


def _key(item: dict[str, Any]) -> str:
    meta = item["metadata"]
    return f"{meta.get('namespace', '')}/{meta['name']}"


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
