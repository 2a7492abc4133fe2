"""The sidecar as a process of its own, between a real API server and the real HAProxy.

There are no kubelets: tests write the Service's EndpointSlices by hand, and the nodes are small servers on loopback.
The sidecar reaches the API server through a connection that tests can cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from pba_lab import HAProxyProcess, account
from pba_lab.aside import aside
from pba_lab.blind import Frontend
from pba_lab.rotation import Servers
from pba_lab.shop import shop
from pba_lab.sidecar import Sidecar
from pba_lab.slices import Slices
from pba_lab.wire import Wire

from pba_hack.apiserver import ApiServer
from pba_operator.domain.frontend import haproxy_cfg
from pba_operator.domain.model import Cluster
from pba_sync.haproxy.servers import read_servers


@pytest.fixture
def cluster(namespace: str) -> Cluster:
    return shop(namespace)


@pytest.fixture
def wire(api_server: ApiServer) -> Iterator[Wire]:
    made = Wire(int(api_server.url.rpartition(":")[2]))
    yield made
    made.cut()


@pytest.fixture
def api_port(wire: Wire) -> int:
    """Where the sidecar reaches the API server."""
    return wire.port


@pytest.fixture
def token(api_server: ApiServer, cluster: Cluster) -> Callable[[], str]:
    """A new token of the sidecar's account."""
    account.admit(api_server, cluster)
    return lambda: account.token(api_server, cluster)


@pytest.fixture
def token_folder(token: Callable[[], str], cluster: Cluster, api_server: ApiServer, folder: Path) -> Path:  # noqa: ARG001 - the account is there
    """What the kubelet mounts into the sidecar."""
    return account.mount(api_server, cluster, folder)


@pytest.fixture
def slices(api_server: ApiServer, cluster: Cluster) -> Slices:
    return Slices(api_server, cluster.namespace)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path: a UNIX socket's path has at most 107 characters."""
    with TemporaryDirectory(prefix="lab-") as name:
        yield Path(name)


@pytest.fixture
def haproxy(cluster: Cluster, folder: Path) -> Iterator[HAProxyProcess]:
    process = HAProxyProcess(haproxy_cfg.render(cluster), folder)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def servers(haproxy: HAProxyProcess) -> Servers:
    """The servers that HAProxy has just now."""
    return lambda: read_servers(haproxy.ask("show servers state nodes"))


@pytest.fixture
def new_sidecar(
    haproxy: HAProxyProcess, api_port: int, token_folder: Path, cluster: Cluster, folder: Path
) -> Iterator[Callable[[], Sidecar]]:
    started = []

    def start() -> Sidecar:
        environment = account.environment(cluster, haproxy.socket, token_folder, port=api_port)
        started.append(Sidecar(environment, folder / "sync.log"))
        return started[-1]

    yield start
    for sidecar in started:
        sidecar.end()


@pytest.fixture
def sidecar(new_sidecar: Callable[[], Sidecar]) -> Sidecar:
    return new_sidecar()


@pytest.fixture
def frontend(
    haproxy: HAProxyProcess, new_sidecar: Callable[[], Sidecar], slices: Slices
) -> Iterator[Frontend]:
    """A frontend whose sidecar is to lose its view; nothing serves yet."""
    with aside(haproxy.port) as beside:
        yield Frontend(haproxy, new_sidecar, slices, beside)
