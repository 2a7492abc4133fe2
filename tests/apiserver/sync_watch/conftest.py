"""The sidecar as a process of its own, between a real API server and the real HAProxy.

There are no kubelets: tests write the Service's EndpointSlices by hand, and the nodes are small servers on loopback.
The sidecar reaches the API server through a connection that tests can cut.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from pba_lab import HAProxyProcess

from pba_api.parse import parse_spec
from pba_hack.apiserver import ApiServer
from pba_hack.loopback import free_port
from pba_hack.waiting import wait_for
from pba_operator.domain.frontend import access, backends, haproxy_cfg
from pba_operator.domain.model import Cluster
from pba_sync.balancer.servers import Server, read_servers

DEADLINE_SECONDS = 30.0
SPEC = {
    "application": {"image": "app:1"},
    "database": {"image": "mysql:9.7.4", "storage": {"size": "1Gi"}},
    "backend": {},
    "frontend": {"image": "haproxy:3.0.11"},
}
SERVICE = "shop-backend"
_PATHS = {
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Service": "/api/v1/namespaces/{}/services",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
}


class Wire:
    """A TCP connection to the API server that can be cut (nobody answers) or silenced (nothing passes)."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.port = free_port()
        self.silent = False
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.mend()

    def mend(self) -> None:
        """Let connections through (again)."""
        self.silent = False
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """Refuse new connections, and end those that are open or about to be."""
        with self._lock:
            if self._listener is not None:
                self._listener.shutdown(socket.SHUT_RDWR)
                self._listener.close()
                self._listener = None
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()
                continue
            with self._lock:
                if self._listener is not listener:  # cut while this one was being put through
                    client.close()
                    server.close()
                    return
                self._pairs.append((client, server))
            threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        ends = {client: server, server: client}
        with client, server:
            while True:
                try:
                    for end in select.select(list(ends), [], [], 0.05)[0]:
                        if self.silent:
                            time.sleep(0.02)
                            continue
                        data = end.recv(65536)
                        if not data:
                            return
                        ends[end].sendall(data)
                except (OSError, ValueError):
                    return


@pytest.fixture(scope="session")
def eventually() -> Callable[..., None]:
    """Wait for a condition; fail at the deadline."""

    def wait(condition: Callable[[], Any], seconds: float = DEADLINE_SECONDS) -> None:
        wait_for("the condition to hold", condition, seconds, poll_seconds=0.005)

    return wait


@pytest.fixture
def cluster(namespace: str) -> Cluster:
    return Cluster(
        namespace, "shop", "11111111-2222-3333-4444-555555555555", 1, False, (), parse_spec(SPEC), {}
    )


@pytest.fixture
def wire(api_server: ApiServer) -> Iterator[Wire]:
    made = Wire(int(api_server.url.rpartition(":")[2]))
    yield made
    made.cut()


@pytest.fixture
def token(api_server: ApiServer, cluster: Cluster) -> Callable[[], str]:
    """A new token of the sidecar's account, which may do what the operator's Role says and nothing else."""
    for manifest in (*access.manifests(cluster), backends.service(cluster)):
        made = api_server.request("POST", _PATHS[manifest["kind"]].format(cluster.namespace), manifest)
        assert made.ok, made.data

    def make() -> str:
        path = f"/api/v1/namespaces/{cluster.namespace}/serviceaccounts/shop-frontend/token"
        answer = api_server.request("POST", path, {"spec": {"expirationSeconds": 3600}})
        assert answer.ok, answer.data
        return str(answer.body["status"]["token"])

    return make


@pytest.fixture
def token_folder(token: Callable[[], str], cluster: Cluster, api_server: ApiServer, folder: Path) -> Path:
    """What the kubelet mounts into the sidecar."""
    mounted = folder / "token"
    mounted.mkdir()
    (mounted / "token").write_text(token())
    (mounted / "namespace").write_text(cluster.namespace)
    shutil.copy(api_server.ca_file, mounted / "ca.crt")
    return mounted


class Slices:
    """The EndpointSlices of the backends' Service, written as Kubernetes' controller writes them."""

    def __init__(self, server: ApiServer, namespace: str) -> None:
        self._server = server
        self._path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"

    def write(self, name: str, states: dict[str, str], *, port: int, service: str = SERVICE) -> None:
        """Write a slice of pods on 127.0.0.1:`port`; states are ready, unready and terminating."""
        conditions = {
            "ready": {"ready": True, "serving": True, "terminating": False},
            "unready": {"ready": False, "serving": False, "terminating": False},
            "terminating": {"ready": False, "serving": True, "terminating": True},
        }
        endpoints = [
            {
                "addresses": [f"10.9.{number // 250}.{number % 250 + 1}"],
                "conditions": conditions[state],
                "targetRef": {"kind": "Pod", "name": pod, "namespace": "x"},
            }
            for number, (pod, state) in enumerate(states.items())
        ]
        self.put(name, endpoints, port=port, service=service)

    def put(self, name: str, endpoints: list[dict[str, Any]], *, port: int, service: str = SERVICE) -> None:
        """Write a slice with these endpoints."""
        manifest = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": service}},
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
        }
        query = {"fieldManager": "tests", "force": "true"}
        answer = self._server.request(
            "PATCH", f"{self._path}/{name}", manifest, "application/apply-patch+yaml", **query
        )
        assert answer.ok, answer.data

    def delete(self, name: str) -> None:
        """Delete a slice."""
        answer = self._server.request("DELETE", f"{self._path}/{name}")
        assert answer.ok, answer.data


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
def servers(haproxy: HAProxyProcess) -> Callable[[], dict[str, Server]]:
    """The servers that HAProxy has just now."""
    return lambda: read_servers(haproxy.ask("show servers state nodes"))


class Sidecar:
    """The sidecar's process, and its pages."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.port = free_port()
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pba_sync"],
                env={**os.environ, **environment, "PBA_HTTP_PORT": str(self.port)},
                stdout=output,
                stderr=output,
            )

    def get(self, path: str) -> tuple[int, str]:
        """Return status and text of a page; status 0: nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str) -> float:
        """Return a metric's value; 0 where it is not there (yet)."""
        match = re.search(rf"(?m)^{re.escape(name)} (\S+)$", self.get("/metrics")[1])
        return float(match[1]) if match else 0.0

    def memory_mebibytes(self) -> float:
        """Return the resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        match = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert match is not None
        return int(match[1]) / 1024

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End the process; return its status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(20)


@pytest.fixture
def new_sidecar(
    haproxy: HAProxyProcess, wire: Wire, token_folder: Path, cluster: Cluster, folder: Path
) -> Iterator[Callable[[], Sidecar]]:
    started = []

    def start() -> Sidecar:
        environment = {
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(wire.port),
            "PBA_NAMESPACE": cluster.namespace,
            "PBA_BACKEND_SERVICE": SERVICE,
            "PBA_BACKEND_PORT_NAME": "http",
            "PBA_HAPROXY_SOCKET": str(haproxy.socket),
            "PBA_TOKEN_FOLDER": str(token_folder),
            "PBA_DRAIN_SECONDS": "5",
            "PBA_POD_IPS": "127.0.0.1",
        }
        started.append(Sidecar(environment, folder / "sync.log"))
        return started[-1]

    yield start
    for sidecar in started:
        sidecar.end()


@pytest.fixture
def sidecar(new_sidecar: Callable[[], Sidecar]) -> Sidecar:
    return new_sidecar()
