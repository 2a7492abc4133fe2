"""What is measured: the operator's HAProxy with its sidecar, which follows an EndpointSlice of a real API server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pba_lab import account
from pba_lab.haproxy import started
from pba_lab.shop import shop
from pba_lab.sidecar import Sidecar
from pba_lab.slices import Slices, endpoint

from pba_api.sidecar import HAPROXY_BACKEND
from pba_hack.apiserver import ApiServer, running
from pba_hack.bench.balancer.balancers import Balancer
from pba_hack.bench.balancer.peers.haproxy import await_nodes
from pba_hack.binaries import binary
from pba_operator.domain.frontend import haproxy_cfg
from pba_operator.domain.model import Cluster
from pba_sync.haproxy.runtime import HAProxy

NAMESPACE: Final = "bench"
READY: Final = "ready"
TERMINATING: Final = "terminating"
ONCE: Final[Mapping[str, Any]] = {"retries": {"budgetPercent": 0}}
"""What one node fails is not made good by another: for cases that count it. Clients are not bound to nodes."""
RETRYING: Final[Mapping[str, Any]] = {}
"""What is safe is tried again, as it is unless the user says otherwise."""
COOKIE: Final[Mapping[str, Any]] = {"sessionAffinity": {"type": "Cookie"}}
"""Clients stay on their nodes by a cookie; what is safe is tried again."""
SLICE_SIZE: Final = 100
"""Endpoints in one EndpointSlice: what Kubernetes' controller puts into one."""
_ANSWER_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Pod:
    """A node as an EndpointSlice tells it; all have one port."""

    name: str
    address: str
    """HOST:PORT."""
    state: str = READY


def pods(addresses: Sequence[str]) -> list[Pod]:
    """Return a node at each address, all ready."""
    return [Pod(f"node-{place}", address) for place, address in enumerate(addresses)]


def cluster(settings: Mapping[str, Any]) -> Cluster:
    """Return the PBACluster whose frontend is measured, with these fields of its frontend."""
    return shop(NAMESPACE, settings, probes={"readiness": {"path": "/healthz"}})


@contextlib.contextmanager
def prepared(folder: Path) -> Iterator[ApiServer]:
    """Run an API server that knows the sidecar's account until the block ends; `folder` is made, for its files."""
    folder.mkdir()
    with running(binary("kubernetes"), folder) as server:
        made = server.request("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        if not made.ok:
            raise RuntimeError(made.data.decode())
        account.admit(server, cluster(ONCE))
        yield server


@contextlib.contextmanager
def followed(
    server: ApiServer, pods: Sequence[Pod], settings: Mapping[str, Any] = ONCE
) -> Iterator[Balancer]:
    """Run HAProxy and the sidecar until the block ends; the nodes are told by EndpointSlices.

    Args:
        server: that was prepared.
        pods: the nodes at its beginning.
        settings: what the PBACluster says of its frontend.
    """
    announce(server, pods)
    followed_cluster = cluster(settings)
    with started(haproxy_cfg.render(followed_cluster)) as process:
        mounted = account.mount(server, followed_cluster, process.folder)
        port = int(server.url.rpartition(":")[2])
        sidecar = Sidecar(
            account.environment(followed_cluster, process.socket, mounted, port=port),
            process.folder / "sync.log",
        )
        try:
            await_nodes(process, sum(pod.state == READY for pod in pods), HAPROXY_BACKEND)
            own = sidecar.process.pid
            yield Balancer((f"127.0.0.1:{process.port}",), (process.pid, own), (own,), (process.socket,))
        finally:
            sidecar.end()


def rotation(socket: Path) -> set[str]:
    """Return the nodes to which the HAProxy with this runtime socket sends requests."""
    servers = HAProxy(socket, _ANSWER_SECONDS, lambda _verb, _succeeded: None).uncounted_servers()
    return {name for name, server in servers.items() if server.usable}


def announce(server: ApiServer, pods: Sequence[Pod]) -> None:
    """Tell the nodes by EndpointSlices. Slices that were filled before and are not now stay as they are."""
    slices = Slices(server, NAMESPACE)
    endpoints = [endpoint(pod.name, pod.address.rpartition(":")[0], pod.state) for pod in pods]
    port = int(pods[0].address.rpartition(":")[2])
    for first in range(0, len(endpoints), SLICE_SIZE):
        slices.put(f"nodes-{first // SLICE_SIZE}", endpoints[first : first + SLICE_SIZE], port=port)
