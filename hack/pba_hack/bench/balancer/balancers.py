"""The balancers that are measured: the operator's HAProxy with the sidecar, and the same with a static file."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pba_lab import HAProxyProcess, account
from pba_lab.patience import eventually
from pba_lab.shop import check_of, shop
from pba_lab.sidecar import Sidecar
from pba_lab.slices import Slices, endpoint

from pba_api.sidecar import HAPROXY_BACKEND
from pba_hack.apiserver import ApiServer, running
from pba_hack.binaries import binary
from pba_hack.process_usage import processor_seconds
from pba_operator.domain.frontend import haproxy_cfg
from pba_operator.domain.model import Cluster
from pba_sync.balancer.servers import read_servers

NAMESPACE: Final = "bench"


@dataclass(frozen=True)
class Balancer:
    """A balancer that runs: where it is asked, and the processes that it consists of."""

    target: str
    pids: Sequence[int]

    def processor_seconds(self) -> float:
        """Return the processor time of all of it so far."""
        return sum(map(processor_seconds, self.pids))


def cluster(namespace: str) -> Cluster:
    """Return the PBACluster whose frontend is measured."""
    # What one node fails is not to be made good by another: the cases count it.
    return shop(namespace, {"retries": {"budgetPercent": 0}}, probes={"readiness": {"path": "/healthz"}})


@contextlib.contextmanager
def static(addresses: Sequence[str], *, balance: str = "leastconn", options: str = "") -> Iterator[Balancer]:
    """Run HAProxy with the nodes in its file until the block ends: nothing else is there.

    Args:
        addresses: HOST:PORT of each node.
        balance: HAProxy's algorithm.
        options: what else each server is told.
    """
    whole = haproxy_cfg.render(cluster("static")).rstrip()
    # the nodes' backend is the last section of the file
    head, ours, section = whole.rpartition("balance leastconn")
    if not ours:
        raise ValueError("the operator's configuration names another algorithm: say here which to replace")
    words = check_of(cluster("static")).words()
    lines = [
        f"    server node-{number} {address} {words} {options}".rstrip() + "\n"
        for number, address in enumerate(addresses)
    ]
    with _haproxy(f"{head}balance {balance}{section}\n{''.join(lines)}") as process:
        _await_nodes(process, len(addresses))
        yield Balancer(f"127.0.0.1:{process.port}", (process.pid,))


@contextlib.contextmanager
def prepared(folder: Path) -> Iterator[ApiServer]:
    """Run an API server that knows the sidecar's account until the block ends; `folder` is made, for its files."""
    folder.mkdir()
    with running(binary("kubernetes"), folder) as server:
        made = server.request("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        if not made.ok:
            raise RuntimeError(made.data.decode())
        account.admit(server, cluster(NAMESPACE))
        yield server


@contextlib.contextmanager
def followed(server: ApiServer, addresses: Sequence[str]) -> Iterator[Balancer]:
    """Run HAProxy and the sidecar until the block ends; the nodes are told by an EndpointSlice.

    Args:
        server: that was prepared.
        addresses: HOST:PORT of each node, all with one port.
    """
    followed_cluster = cluster(NAMESPACE)
    endpoints = [
        endpoint(f"node-{number}", address.rpartition(":")[0], "ready")
        for number, address in enumerate(addresses)
    ]
    Slices(server, NAMESPACE).put("nodes", endpoints, port=int(addresses[0].rpartition(":")[2]))
    with _haproxy(haproxy_cfg.render(followed_cluster)) as process:
        mounted = account.mount(server, followed_cluster, process.folder)
        port = int(server.url.rpartition(":")[2])
        sidecar = Sidecar(
            account.environment(followed_cluster, process.socket, mounted, port=port),
            process.folder / "sync.log",
        )
        try:
            _await_nodes(process, len(addresses))
            yield Balancer(f"127.0.0.1:{process.port}", (process.pid, sidecar.process.pid))
        finally:
            sidecar.end()


@contextlib.contextmanager
def _haproxy(configuration: str) -> Iterator[HAProxyProcess]:
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        process = HAProxyProcess(configuration, Path(folder))
        process.start()
        try:
            yield process
        finally:
            process.stop()


def _await_nodes(process: HAProxyProcess, count: int) -> None:
    def serving() -> bool:
        servers = read_servers(process.ask(f"show servers state {HAPROXY_BACKEND}"))
        return sum(server.usable for server in servers.values()) == count

    eventually(serving)
