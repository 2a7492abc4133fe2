"""A PBACluster and its children in every state that the planner may meet."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from pba_simulation import secrets

from pba_api.conditions import ConditionType
from pba_api.parse import parse_spec
from pba_operator.domain import database, drift
from pba_operator.domain.model import (
    AccountState,
    Action,
    Apply,
    ChildId,
    Cluster,
    DatabaseObservation,
    Delete,
    EnsureAccounts,
    Generate,
    Manifest,
    Observed,
    Problem,
)

UID = "8f2f0c52-6c1e-4a0e-a9f6-1f9a3a1d4c11"


def make_cluster(*, uid: str = UID, status: Manifest | None = None, **database_spec: Any) -> Cluster:
    top: Manifest = {
        key: database_spec.pop(key) for key in ("childMetadata", "paused") if key in database_spec
    }
    spec: Manifest = {
        "application": {"image": "app:1"},
        "database": {"image": "mysql:9.7.4", "storage": {"size": "1Gi"}} | database_spec,
        **top,
    }
    return Cluster("default", "shop", uid, 1, False, (), parse_spec(spec), status or {})


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@dataclass
class World:
    """The live children, changed as the API server and its controllers would."""

    cluster: Cluster
    children: dict[ChildId, Manifest] = field(default_factory=dict)
    references: dict[ChildId, Manifest | None] = field(default_factory=dict)
    answer: DatabaseObservation = field(default_factory=DatabaseObservation)
    version: int = 0

    @property
    def observed(self) -> Observed:
        return Observed(copy.deepcopy(self.children), dict(self.references), self.answer)

    def put(self, kind: str, name: str, **parts: Any) -> Manifest:
        """Put an object there, or change parts of it."""
        self.version += 1
        child = ChildId(kind, name)
        live = self.children.setdefault(child, {"kind": kind, "metadata": {"name": name}})
        for part, value in parts.items():
            live[part] = {**live.get(part, {}), **value} if isinstance(value, dict) else value
        live["metadata"].setdefault("uid", f"uid-{self.version}")
        live["metadata"].setdefault("labels", {})
        live["metadata"]["resourceVersion"] = str(self.version)
        return live

    def get(self, kind: str, name: str) -> Manifest:
        return self.children[ChildId(kind, name)]

    def apply(self, manifest: Manifest) -> None:
        before = copy.deepcopy(self.children.get(ChildId.of(manifest), {}))
        parts = {key: value for key, value in manifest.items() if key != "kind"}
        live = self.put(manifest["kind"], manifest["metadata"]["name"], **copy.deepcopy(parts))
        if before.get("spec") != live.get("spec"):
            live["metadata"]["generation"] = before.get("metadata", {}).get("generation", 0) + 1

    def generate(self, action: Generate) -> None:
        issuer = None if action.issuer is None else self.children[action.issuer]
        data = secrets.encoded(secrets.content(action, issuer, salt=str(self.version)))
        manifest = {key: value for key, value in action.manifest.items() if key not in ("kind", "stringData")}
        self.put("Secret", action.manifest["metadata"]["name"], **copy.deepcopy(manifest), data=data)

    def act(self, action: Action) -> None:
        match action:
            case Apply():
                self.apply(action.manifest)
            case Generate():
                self.generate(action)
            case Delete():
                assert self.children[action.target]["metadata"]["uid"] == action.uid
                del self.children[action.target]
            case EnsureAccounts():
                self.answer = DatabaseObservation(AccountState.READY, action, "9.7.4")
            case _:
                pytest.fail(f"not an action of the database: {action}")

    def due(self) -> list[Action]:
        """Return what the planner would do: secrets, manifests that differ, the rest."""
        observed = self.observed
        if database.blocked(self.cluster, observed):
            return []
        steps = database.actions(self.cluster, observed)
        stamped = [drift.stamp(manifest) for manifest in database.manifests(self.cluster, observed)]
        changed: list[Action] = [
            Apply(manifest)
            for manifest in stamped
            if drift.differs(observed.children.get(ChildId.of(manifest)), manifest)
        ]
        made: list[Action] = [step for step in steps if isinstance(step, Generate)]
        return [*made, *changed, *(step for step in steps if not isinstance(step, Generate))]

    def settle(self) -> None:
        for _round in range(20):
            self.run_controllers()
            due = self.due()
            if not due:
                return
            for action in due:
                self.act(action)
        pytest.fail(f"never comes to rest: {due}")

    def run_controllers(self) -> None:
        """Do what the StatefulSet's controller, the volume's provisioner and the kubelet do."""
        owner = self.children.get(ChildId("StatefulSet", "shop-mysql"))
        claim = self.children.get(ChildId("PersistentVolumeClaim", "data-shop-mysql-0"))
        if claim is not None:
            claim["status"] = {"phase": "Bound", "capacity": claim["spec"]["resources"]["requests"]}
        if owner is None:
            return
        revision = f"r{owner['metadata']['generation']}"
        owner["status"] = {
            "observedGeneration": owner["metadata"]["generation"],
            "updateRevision": revision,
        }
        if ChildId("Pod", "shop-mysql-0") not in self.children:
            self.put_pod(revision)

    def put_pod(self, revision: str, *, ready: bool = True) -> Manifest:
        owner = self.get("StatefulSet", "shop-mysql")
        return self.put(
            "Pod",
            "shop-mysql-0",
            metadata={
                "name": "shop-mysql-0",
                "labels": {"controller-revision-hash": revision, "pba.dev/component": "database"},
                "ownerReferences": [{"uid": owner["metadata"]["uid"], "controller": True}],
            },
            spec={"nodeName": "w1"},
            status={
                "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
                "containerStatuses": [{"name": "mysql", "restartCount": 0, "ready": ready, "started": True}],
            },
        )

    def leave(self, uid: str = "0a0a0a0a-0000-4000-8000-000000000002") -> None:
        """Delete the PBACluster under Retain, and make one of the same name: only the kept set is left."""
        self.children = {
            child: live
            for child, live in self.children.items()
            if child.kind in ("Secret", "PersistentVolumeClaim") and "ownerReferences" not in live["metadata"]
        }
        self.cluster = replace(self.cluster, uid=uid)
        self.answer = DatabaseObservation()

    def problems(self, evidence: str = "") -> list[Problem]:
        """Return what keeps the database from being ready: whole sentences, told as the database's."""
        found = database.problems(self.cluster, replace(self.observed, evidence=evidence))
        assert [problem.message for problem in found if not problem.message.endswith(".")] == []
        assert {problem.part for problem in found} <= {ConditionType.DATABASE}
        return found

    def reasons(self) -> list[str]:
        return [problem.reason for problem in self.problems()]


@pytest.fixture(scope="session")
def cluster() -> Callable[..., Cluster]:
    return make_cluster


@pytest.fixture(scope="session")
def new_world() -> Callable[..., World]:
    """Return a maker of worlds in which nothing exists."""

    def make(**database_spec: Any) -> World:
        return World(make_cluster(**database_spec))

    return make


@pytest.fixture
def settled(new_world: Callable[..., World]) -> World:
    """A world in which the database serves."""
    world = new_world()
    world.settle()
    return world
