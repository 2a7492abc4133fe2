"""The database's manifests on a real API server: taken strictly, no drift, adopted and grown as the same objects."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, replace
from typing import Any

import pytest

from pba_api.parse import parse_spec
from pba_hack.apiserver import ApiServer
from pba_operator.domain import database, drift
from pba_operator.domain.model import Action, Apply, ChildId, Cluster, Delete, Generate, Manifest, Observed
from pba_operator.kube import kinds
from pba_operator.mysql.material import Material

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
CHILDREN = (
    *(ChildId("Secret", f"shop-mysql-{name}") for name in ("admin", "app", "ca", "tls")),
    ChildId("PersistentVolumeClaim", "data-shop-mysql-0"),
    ChildId("ConfigMap", "shop-mysql"),
    ChildId("Service", "shop-mysql"),
    ChildId("Service", "shop-mysql-primary"),
    ChildId("StatefulSet", "shop-mysql"),
)
CLAIM = ChildId("PersistentVolumeClaim", "data-shop-mysql-0")
SECRETS = CHILDREN[:3]
STRICT = {"fieldValidation": "Strict", "fieldManager": "pba-operator"}


@dataclass
class Operator:
    """Does what the engine does, for the database alone."""

    server: ApiServer
    cluster: Cluster

    def path(self, child: ChildId, subresource: str = "") -> str:
        return kinds.BY_NAME[child.kind].path(self.cluster.namespace, child.name, subresource)

    @property
    def children(self) -> dict[ChildId, Manifest]:
        answers = {child: self.server.request("GET", self.path(child)) for child in CHILDREN}
        return {child: answer.body for child, answer in answers.items() if answer.ok}

    def due(self) -> list[Action]:
        observed = Observed(self.children)
        if database.blocked(self.cluster, observed):
            return []
        changed = [
            Apply(stamped)
            for manifest in database.manifests(self.cluster, observed)
            if drift.differs(
                observed.children.get(ChildId.of(manifest)),
                stamped := drift.stamp(manifest),
            )
        ]
        return [*changed, *database.actions(self.cluster, observed)]

    def act(self, action: Action) -> None:
        match action:
            case Apply(manifest):
                child = ChildId.of(manifest)
                query = {**STRICT, "force": "true"}
                answer = self.server.request("PATCH", self.path(child), manifest, APPLY, **query)
            case Generate():
                issuer = None if action.issuer is None else self.children[action.issuer]
                content = asyncio.run(Material()(action, issuer))
                collection = kinds.BY_NAME["Secret"].path(self.cluster.namespace)
                given = action.manifest.get("stringData", {})
                made = {**action.manifest, "stringData": {**given, **content}}
                answer = self.server.request("POST", collection, made, **STRICT)
            case Delete():
                answer = self.server.request("DELETE", self.path(action.target))
            case _:
                pytest.fail(f"unexpected without pods: {action}")
        assert answer.ok, answer.data.decode()

    def settle(self) -> int:
        """Act until nothing is due; return the number of writes."""
        writes = 0
        for _round in range(8):
            due = self.due()
            if not due:
                return writes
            for action in due:
                self.act(action)
            writes += len(due)
        pytest.fail(f"never comes to rest: {self.due()}")

    def change(self, **spec: Any) -> None:
        self.cluster = replace(self.cluster, spec=parse_spec(merged(**spec)))

    def bind(self) -> None:
        """Say of the claim what the provisioner would."""
        requests = self.children[CLAIM]["spec"]["resources"]["requests"]
        status = {"status": {"phase": "Bound", "capacity": requests}}
        assert self.server.request("PATCH", self.path(CLAIM, "status"), status, MERGE).ok


def merged(**spec: Any) -> dict[str, Any]:
    base = {"image": "mysql:9.7.4", "storage": {"size": "1Gi", "storageClassName": "growing"}}
    return {"application": {"image": "app:1"}, **spec, "database": {**base, **spec.get("database", {})}}


@pytest.fixture
def operator(api_server: ApiServer, namespace: str) -> Operator:
    storage_class = {
        "metadata": {"name": "growing"},
        "provisioner": "example.com/none",
        "allowVolumeExpansion": True,
    }
    api_server.request("POST", "/apis/storage.k8s.io/v1/storageclasses", storage_class)
    uid = "8f2f0c52-6c1e-4a0e-a9f6-1f9a3a1d4c11"
    return Operator(api_server, Cluster(namespace, "shop", uid, 1, False, (), parse_spec(merged()), {}))


def test_everything_is_taken_and_then_nothing_is_left_to_do(operator: Operator) -> None:
    operator.settle()
    assert set(operator.children) == set(CHILDREN)
    versions = {child: live["metadata"]["resourceVersion"] for child, live in operator.children.items()}
    assert operator.settle() == 0
    assert {
        child: live["metadata"]["resourceVersion"] for child, live in operator.children.items()
    } == versions


def test_settings_and_image_of_a_statefulset_that_exists_can_be_changed(operator: Operator) -> None:
    operator.settle()
    pod = {"nodeSelector": {"disk": "fast"}, "resources": {"limits": {"cpu": "0.5", "memory": "1024Mi"}}}
    operator.change(database={"image": "mysql:9.8.0", "pod": pod, "config": {"max_connections": "500"}})
    operator.settle()
    operator.change()
    operator.settle()
    template = operator.children[ChildId("StatefulSet", "shop-mysql")]["spec"]["template"]
    assert "nodeSelector" not in template["spec"]
    assert template["spec"]["containers"][0].get("resources", {}) == {}


def test_a_volume_grows_once_it_is_bound_and_is_left_alone_before(operator: Operator) -> None:
    operator.settle()
    operator.change(database={"storage": {"size": "2Gi", "storageClassName": "growing"}})
    assert operator.settle() == 0
    operator.bind()
    uid = operator.children[CLAIM]["metadata"]["uid"]
    operator.settle()
    grown = operator.children[CLAIM]
    assert grown["spec"]["resources"]["requests"]["storage"] == "2Gi"
    assert grown["metadata"]["uid"] == uid
    assert operator.settle() == 0


def test_a_kept_set_is_taken_back_as_the_same_objects_with_their_content(operator: Operator) -> None:
    operator.settle()
    operator.bind()
    before = operator.children
    for child in CHILDREN:
        if child not in (*SECRETS, CLAIM):
            assert operator.server.request("DELETE", operator.path(child)).ok
    operator.cluster = replace(operator.cluster, uid="0a0a0a0a-0000-4000-8000-000000000002")
    operator.settle()
    after = operator.children
    assert set(after) == set(CHILDREN)
    for child in (*SECRETS, CLAIM):
        assert after[child]["metadata"]["uid"] == before[child]["metadata"]["uid"]
        assert after[child].get("data") == before[child].get("data")
        assert after[child]["metadata"]["labels"]["pba.dev/cluster-uid"] == operator.cluster.uid
    assert operator.settle() == 0


def test_a_label_for_all_children_reaches_each_and_leaves_each(operator: Operator) -> None:
    operator.settle()
    content = {child: operator.children[child]["data"] for child in SECRETS}

    def with_label() -> set[ChildId]:
        return {child for child, live in operator.children.items() if "team" in live["metadata"]["labels"]}

    operator.change(childMetadata={"labels": {"team": "billing"}, "annotations": {"note": "x"}})
    operator.settle()
    assert with_label() == set(CHILDREN)
    operator.change()
    operator.settle()
    assert with_label() == set()
    assert {child: operator.children[child]["data"] for child in SECRETS} == content
    assert operator.settle() == 0


def test_a_step_for_an_object_that_was_replaced_touches_nothing(operator: Operator) -> None:
    operator.settle()
    operator.cluster = replace(operator.cluster, uid="0a0a0a0a-0000-4000-8000-000000000002")
    for child in CHILDREN:
        if child not in (*SECRETS, CLAIM):
            assert operator.server.request("DELETE", operator.path(child)).ok
    for taken_back_first in operator.due():
        operator.act(taken_back_first)
    steps = [step for step in operator.due() if isinstance(step, Apply) and step.manifest["kind"] == "Secret"]
    (step,) = (step for step in steps if step.manifest["metadata"]["name"] == "shop-mysql-app")
    path = operator.path(ChildId("Secret", "shop-mysql-app"))
    assert operator.server.request("DELETE", path).ok
    theirs = {
        "metadata": {"name": "shop-mysql-app"},
        "data": {"password": base64.b64encode(b"theirs").decode()},
    }
    for made_again in (False, True):
        if made_again:
            collection = kinds.BY_NAME["Secret"].path(operator.cluster.namespace)
            assert operator.server.request("POST", collection, theirs).ok
        query = {**STRICT, "force": "true"}
        answer = operator.server.request("PATCH", path, step.manifest, APPLY, **query)
        assert answer.status in (409, 422)
    assert "labels" not in operator.server.request("GET", path).body["metadata"]
