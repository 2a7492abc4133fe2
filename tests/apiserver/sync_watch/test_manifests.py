"""The frontend's manifests are what Kubernetes takes: strictly, under `restricted`, and without drift afterwards."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from pba_lab.shop import shop
from pba_lab.tls import Authority

from pba_hack.apiserver import ApiServer
from pba_operator.domain import drift
from pba_operator.domain.frontend import SyncImage, manifests
from pba_operator.domain.model import ChildId, Cluster, Manifest, Observed

_PATHS = {
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "Service": "/api/v1/namespaces/{}/services",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
}
Apply = Callable[[Manifest], Manifest]


@pytest.fixture(params=[False, True], ids=["plain", "with TLS"])
def wanted(cluster: Cluster, request: pytest.FixtureRequest) -> list[Manifest]:
    references: dict[ChildId, Manifest | None] = {}
    if request.param:
        tls = {"secretRefs": [{"name": "a"}, {"name": "b.c"}], "redirect": True}
        cluster = shop(cluster.namespace, {"tls": {**tls, "clientCASecretRef": {"name": "d"}}})
        authority = Authority("a test's CA")
        texts = {**authority.issue("shop.example").secret(), "ca.crt": authority.certificate}
        data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        references = {ChildId("Secret", name): {"data": data} for name in ("a", "b.c", "d")}
    found = manifests(cluster, Observed(references=references), SyncImage("sync:1", "Never"))
    assert found[-1]["kind"] == "Deployment"
    return [drift.stamp(manifest) for manifest in found]


@pytest.fixture
def apply(api_server: ApiServer, cluster: Cluster) -> Apply:
    def send(manifest: Manifest) -> Manifest:
        path = f"{_PATHS[manifest['kind']].format(cluster.namespace)}/{manifest['metadata']['name']}"
        query = {"fieldManager": "pba-operator", "force": "true", "fieldValidation": "Strict"}
        answer = api_server.request("PATCH", path, manifest, "application/apply-patch+yaml", **query)
        assert answer.ok, answer.data.decode()
        live: Manifest = answer.body
        return live

    return send


def test_every_field_is_one_and_nothing_differs_afterwards(wanted: list[Manifest], apply: Apply) -> None:
    for manifest in wanted:
        live = apply(manifest)
        assert not drift.differs(live, manifest), manifest["kind"]
        again = apply(manifest)
        assert again["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"], manifest["kind"]


def test_the_pods_meet_the_restricted_standard(
    api_server: ApiServer, cluster: Cluster, wanted: list[Manifest]
) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    changed = api_server.request(
        "PATCH",
        f"/api/v1/namespaces/{cluster.namespace}",
        json.dumps({"metadata": {"labels": labels}}).encode(),
        "application/merge-patch+json",
    )
    assert changed.ok, changed.data.decode()
    template: dict[str, Any] = wanted[-1]["spec"]["template"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template["metadata"], "name": "trial"},
        "spec": template["spec"],
    }
    answer = api_server.request("POST", f"/api/v1/namespaces/{cluster.namespace}/pods", pod)
    assert answer.ok, answer.data.decode()
