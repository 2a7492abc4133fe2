"""What a test of a real Ingress controller is given: Contour with its Envoy, and frontends that it is told of.

There are no nodes: what a cluster's controllers would write (EndpointSlices) is written here.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from pba_hack import apiserver
from pba_hack.apiserver import ApiServer
from pba_hack.binaries import binary
from pba_hack.cluster.binaries import CONTOUR
from pba_hack.loopback import free_port
from pba_lab import account
from pba_lab.aside import Aside, own_address
from pba_lab.haproxy import started
from pba_lab.pages import get
from pba_lab.patience import eventually
from pba_lab.sidecar import Sidecar
from pba_lab.slices import Slices, endpoint
from pba_operator.domain.frontend import haproxy_cfg
from pba_operator.domain.model import Cluster

NAMESPACE: Final = "default"
APPLY: Final = "application/apply-patch+yaml"
SERVICE: Final = "shop"
NODES: Final = ("backend-0", "backend-1")
_LISTS: Final = {
    "Service": "/api/v1/namespaces/{}/services",
    "Namespace": "/api/v1/namespaces",
    "Ingress": "/apis/networking.k8s.io/v1/namespaces/{}/ingresses",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "GatewayClass": "/apis/gateway.networking.k8s.io/v1/gatewayclasses",
    "Gateway": "/apis/gateway.networking.k8s.io/v1/namespaces/{}/gateways",
    "HTTPRoute": "/apis/gateway.networking.k8s.io/v1/namespaces/{}/httproutes",
}
_GATEWAY: Final = {"gateway": {"gatewayRef": {"name": "edge", "namespace": NAMESPACE}}}


def listener_port(port: int) -> int:
    """Return what a Gateway's listener must say so that Contour has Envoy listen at `port`: it adds 8000."""
    return port - 8000


def apply(server: ApiServer, manifest: dict[str, Any]) -> None:
    """Write an object."""
    meta = manifest["metadata"]
    path = _LISTS[manifest["kind"]].format(meta.get("namespace", NAMESPACE))
    query = {"fieldManager": "tests", "force": "true"}
    answer = server.request("PATCH", f"{path}/{meta['name']}", manifest, APPLY, **query)
    assert answer.ok, answer.data


def install(server: ApiServer) -> None:
    """Have the API server know the kinds of the Gateway API and of Contour, which Contour's module brings."""
    asked = ["go", "mod", "download", "-json", f"github.com/projectcontour/contour@v{CONTOUR}"]
    found = subprocess.run(asked, check=True, stdout=subprocess.PIPE, text=True).stdout
    examples = Path(json.loads(found)["Dir"]) / "examples"
    for file in ("contour/01-crds.yaml", "gateway/00-crds.yaml"):
        for manifest in yaml.safe_load_all((examples / file).read_text()):
            if manifest and manifest["kind"] == "CustomResourceDefinition":
                apply(server, manifest)
    routes = _LISTS["HTTPRoute"].format(NAMESPACE)
    eventually(lambda: server.request("GET", routes).ok)


class Frontend:
    """One frontend's pod: HAProxy, and the sidecar as a process of its own."""

    def __init__(self, server: ApiServer, cluster: Cluster, ended: ExitStack) -> None:
        text, files = haproxy_cfg.render(cluster), haproxy_cfg.files(cluster)
        self.process = ended.enter_context(started(text, files, pod_ips=f"{own_address()},::1"))
        folder = self.process.folder
        mounted = account.mount(server, cluster, folder)
        port = int(server.url.rpartition(":")[2])
        environment = account.environment(cluster, self.process.socket, mounted, port=port)
        self.sidecar = Sidecar(environment, folder / "sync.log")
        ended.callback(self.sidecar.end)

    def is_ready(self) -> bool:
        """Tell whether the kubelet would find it ready."""
        return get(self.process.health_port, "/ready")[0] == 200


@dataclass(frozen=True)
class Shop:
    """What runs in front of, and behind, Contour."""

    aside: Aside
    frontends: list[Frontend]
    slices: Slices
    port: int

    def tell(self, number: int, state: str) -> None:
        """Write what Kubernetes would of a frontend's pod; states are ready, unready and terminating."""
        frontend = self.frontends[number]
        pod = endpoint(f"shop-frontend-{number}", own_address(), state)
        self.slices.put(f"shop-{number}", [pod], port=frontend.process.port, service=SERVICE)


@contextlib.contextmanager
def contour_and_envoy(server: ApiServer, folder: Path) -> Iterator[int]:
    """Run both until the block ends; give the port at which Envoy serves what Ingresses say."""
    (folder / "contour.yaml").write_text(json.dumps(_GATEWAY))
    xds, http, https, health, metrics, admin = (free_port() for _ in range(6))
    contour = str(binary("contour"))
    local = "127.0.0.1"
    serve = [
        *(contour, "serve", "--insecure", "--kubeconfig", str(server.kubeconfig)),
        *("--xds-address", local, "--xds-port", str(xds), "--config-path", str(folder / "contour.yaml")),
        *("--envoy-service-http-address", local, "--envoy-service-http-port", str(http)),
        *("--envoy-service-https-address", local, "--envoy-service-https-port", str(https)),
        *("--health-address", local, "--health-port", str(health)),
        *("--http-address", local, "--http-port", str(metrics), "--stats-address", local),
        *("--stats-port", str(admin), "--debug-http-address", local, "--debug-http-port", str(free_port())),
        *("--disable-leader-election", "--ingress-class-name", "contour"),
    ]
    bootstrap = folder / "envoy.json"
    options = ("--xds-address", local, "--xds-port", str(xds), "--admin-address", str(folder / "admin.sock"))
    subprocess.run([contour, "bootstrap", str(bootstrap), *options], check=True)
    envoy = [str(binary("envoy")), "-c", str(bootstrap), "--concurrency", "1", "--disable-hot-restart"]
    identity = ("--service-cluster", "contour", "--service-node", "envoy", "--log-level", "warning")
    with (
        apiserver.process(serve, folder / "contour.log"),
        apiserver.process([*envoy, *identity], folder / "envoy.log"),
    ):
        yield http
