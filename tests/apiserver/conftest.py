"""A real API server for the tests of this tier: one for the whole run, a fresh namespace for each test."""

import copy
import itertools
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from pba_standin.pods import LivePods, through
from pba_standin.standin import StandIn

from pba_hack.apiserver import Answer, ApiServer, running
from pba_hack.binaries import binary
from pba_hack.crd import NAME, install
from pba_hack.generate.manifests import NAMESPACE, render
from pba_operator.kube import kinds

ROOT = Path(__file__).parents[2]
APPLY = "application/apply-patch+yaml"
CLUSTER_WIDE = {
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "Namespace": "/api/v1/namespaces",
}
_numbers = itertools.count(1)

MINIMAL: Mapping[str, Any] = {
    "application": {"image": "registry.example/shop:1"},
    "database": {"image": "mysql:9.7.4", "storage": {"size": "1Gi"}},
}
"""The least that a PBACluster's spec must say."""


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """etcd and an API server on free loopback ports, with an administrator's token and an audit log."""
    with running(binary("kubernetes"), tmp_path_factory.mktemp("apiserver")) as server:
        yield server


@pytest.fixture(scope="session")
def crd(api_server: ApiServer) -> str:
    """The CRD, installed and served; its name."""
    install(api_server)
    return NAME


@pytest.fixture(scope="session")
def stand_in(api_server: ApiServer) -> Iterator[StandIn]:
    """The MySQL of all members that the API server knows."""
    with StandIn(LivePods(through(api_server))) as made:
        yield made


@pytest.fixture
def mysql(stand_in: StandIn) -> Iterator[StandIn]:
    """The same, for a test that fails if MySQL is asked what the stand-in does not know."""
    before = len(stand_in.unknown)
    yield stand_in
    assert stand_in.unknown[before:] == []


@pytest.fixture
def namespace(api_server: ApiServer) -> str:
    """A fresh namespace; nothing here would ever finish deleting it, so it stays until the server ends."""
    name = f"test-{next(_numbers)}"
    made = api_server.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    assert made.ok, made.data.decode()
    return name


@dataclass(frozen=True)
class Clusters:
    """The PBAClusters of one namespace, as kubectl reads and writes them."""

    server: ApiServer
    namespace: str

    @property
    def path(self) -> str:
        return f"/apis/pba.dev/v1alpha1/namespaces/{self.namespace}/pbaclusters"

    def create(self, spec: Mapping[str, Any], name: str = "shop", **query: str) -> Answer:
        """Create one, refusing unknown fields as `kubectl create` does."""
        return self.server.request(
            "POST", self.path, self._manifest(spec, name), fieldValidation="Strict", **query
        )

    def apply(self, spec: Mapping[str, Any], name: str = "shop", **query: str) -> Answer:
        """Apply one on the server's side, as `kubectl apply --server-side` does."""
        query = {"fieldManager": "kubectl", "fieldValidation": "Strict", **query}
        return self.server.request("PATCH", f"{self.path}/{name}", self._manifest(spec, name), APPLY, **query)

    def get(self, name: str = "shop", subresource: str = "") -> Any:
        return self.server.request("GET", f"{self.path}/{name}/{subresource}".rstrip("/")).body

    def patch(self, body: Any, name: str = "shop", subresource: str = "", **query: str) -> Answer:
        path = f"{self.path}/{name}/{subresource}".rstrip("/")
        return self.server.request("PATCH", path, body, "application/merge-patch+json", **query)

    def _manifest(self, spec: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        return {
            "apiVersion": "pba.dev/v1alpha1",
            "kind": "PBACluster",
            "metadata": {"name": name},
            "spec": spec,
        }


@pytest.fixture
def clusters(api_server: ApiServer, namespace: str, crd: str) -> Clusters:  # noqa: ARG001 - must be installed
    """The PBAClusters of a fresh namespace."""
    return Clusters(api_server, namespace)


@pytest.fixture(scope="session")
def dry(api_server: ApiServer, crd: str) -> Clusters:  # noqa: ARG001 - must be installed
    """PBAClusters of a namespace that all tests share, for requests that change nothing."""
    return Clusters(api_server, "default")


@pytest.fixture
def minimal() -> dict[str, Any]:
    """The least spec, to be changed at will."""
    return copy.deepcopy(dict(MINIMAL))


@dataclass(frozen=True)
class Charts:
    """The charts, rendered as Helm does, and applied as it does."""

    server: ApiServer

    def helm(self, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        command = [binary("helm"), *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    def rendered(self, chart: Path, *options: str, release: str = "") -> list[dict[str, Any]]:
        text = render(chart, f"--namespace={NAMESPACE}", *options, release=release)
        return [document for document in yaml.load_all(text, yaml.CSafeLoader) if document]

    def apply(self, manifest: dict[str, Any], server: ApiServer | None = None, **query: str) -> Answer:
        query = {"fieldManager": "helm", "fieldValidation": "Strict", "force": "true", **query}
        return (server or self.server).request("PATCH", self._path(manifest), manifest, APPLY, **query)

    def _path(self, manifest: dict[str, Any]) -> str:
        metadata = manifest["metadata"]
        if manifest["kind"] in CLUSTER_WIDE:
            return f"{CLUSTER_WIDE[manifest['kind']]}/{metadata['name']}"
        kind = kinds.BY_NAME[manifest["kind"]]
        assert kind.api_version == manifest["apiVersion"]
        return kind.path(metadata["namespace"], metadata["name"])


@pytest.fixture(scope="session")
def charts(api_server: ApiServer, crd: str) -> Charts:  # noqa: ARG001 - must be installed
    """The charts, and the namespaces that their tests speak of, in which pods must be restricted."""
    for name in (NAMESPACE, "one", "two"):
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        made = api_server.request(
            "POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}}
        )
        assert made.ok, made.data.decode()
    return Charts(api_server)
