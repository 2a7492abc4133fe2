"""A world in memory that believes every write: enough to ask the planner, alone, what it would do next."""

from __future__ import annotations

import copy
import math
from typing import Any

from pba_operator.domain.cluster import Invalid
from pba_operator.domain.frontend import SyncImage
from pba_operator.domain.model import (
    AccountState,
    Apply,
    ChildId,
    Cluster,
    DatabaseObservation,
    Delete,
    EnsureAccounts,
    Failure,
    Generate,
    Manifest,
    Observed,
    Plan,
)
from pba_operator.domain.plan import plan
from pba_operator.domain.report import report
from pba_simulation.load_balancer import load_balancer_status
from pba_simulation.secrets import content, encoded

SYNC_IMAGE = SyncImage("localhost/pba-sync:test", "IfNotPresent")


def reported(cluster: Cluster | Invalid, observed: Observed, failures: tuple[Failure, ...] = ()) -> Manifest:
    """Return the status of a PBACluster, as after a plan for what is observed."""
    return report(cluster, observed, failures, plan(cluster, observed, SYNC_IMAGE))


UID = "11111111-1111-1111-1111-111111111111"


def merge(base: Manifest, changes: Manifest) -> None:
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = value


def raw(name: str = "shop", *, metadata: Manifest | None = None, **spec: Any) -> Manifest:
    whole: Manifest = {
        "application": {"image": "app:1"},
        "database": {"image": "mysql:9.7.4", "storage": {"size": "1Gi"}},
    }
    merge(whole, spec)
    meta = {"name": name, "namespace": "default", "uid": UID, "generation": 1, **(metadata or {})}
    return {"apiVersion": "pba.dev/v1alpha1", "kind": "PBACluster", "metadata": meta, "spec": whole}


def condition(status: Manifest, kind: str) -> Manifest | None:
    """Return one condition of a status; None if it is not there."""
    return next((entry for entry in status["conditions"] if entry["type"] == kind), None)


def states(status: Manifest) -> dict[str, str]:
    """Return `True`, `False` or `Unknown` for each condition of a status."""
    return {entry["type"]: entry["status"] for entry in status["conditions"]}


class World:
    """Children of one PBACluster, as they would be after every write has been believed."""

    def __init__(self) -> None:
        self.children: dict[ChildId, Manifest] = {}
        self.references: dict[ChildId, Manifest | None] = {}
        self.database = DatabaseObservation()
        self.contested: dict[ChildId, str] = {}
        self.paths_unchanged_seconds = math.inf
        self._counter = 0

    @property
    def observed(self) -> Observed:
        children = copy.deepcopy(self.children)
        return Observed(
            children,
            dict(self.references),
            self.database,
            dict(self.contested),
            paths_unchanged_seconds=self.paths_unchanged_seconds,
        )

    def put(self, manifest: Manifest) -> Manifest:
        self._counter += 1
        child = ChildId.of(manifest)
        old = self.children.get(child, {"metadata": {"uid": f"uid-{self._counter}", "generation": 0}})
        live = copy.deepcopy(self.children.get(child, {}))
        merge(live, copy.deepcopy(manifest))
        live["metadata"]["uid"] = old["metadata"]["uid"]
        live["metadata"]["resourceVersion"] = str(self._counter)
        live["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        if "status" in old:
            live.setdefault("status", old["status"])
        self.children[child] = live
        return live

    def carry_out(self, decided: Plan) -> None:
        for action in decided.actions:
            match action:
                case Apply():
                    self.put(action.manifest)
                case Generate():
                    issuer = None if action.issuer is None else self.children[action.issuer]
                    self.put({**action.manifest, "data": encoded(content(action, issuer))})
                case Delete():
                    self.children.pop(action.target, None)
                case EnsureAccounts():
                    self.database = DatabaseObservation(AccountState.READY, action, "9.7.4")

    def settle(self, cluster: Cluster | Invalid, rounds: int = 12) -> None:
        """Plan and carry out until there is nothing left to do, pods and controllers included."""
        for _ in range(rounds):
            decided = plan(cluster, self.observed, SYNC_IMAGE)
            if not decided.actions:
                return
            self.carry_out(decided)
            self.run_controllers(cluster)
        raise AssertionError(f"the planner never comes to rest: {decided.actions}")

    def run_controllers(self, cluster: Cluster | Invalid) -> None:
        for child, live in list(self.children.items()):
            if child.kind == "Deployment":
                self._run_deployment(live)
            if child.kind == "StatefulSet":
                self._run_database(cluster.name, live)
            if child.kind == "Service":
                live["status"] = load_balancer_status(live)

    def _run_deployment(self, live: Manifest) -> None:
        wanted = live["spec"]["replicas"]
        numbers = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas", "readyReplicas"), wanted)
        live["status"] = {"observedGeneration": live["metadata"]["generation"], **numbers}

    def _run_database(self, name: str, live: Manifest) -> None:
        live["status"] = {
            "observedGeneration": live["metadata"]["generation"],
            "currentRevision": "r1",
            "updateRevision": "r1",
            "replicas": 1,
            "readyReplicas": 1,
        }
        template = live["spec"]["volumeClaimTemplates"][0]
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {**copy.deepcopy(template["metadata"]), "name": f"data-{name}-mysql-0"},
            "spec": copy.deepcopy(template["spec"]),
            "status": {"phase": "Bound", "capacity": dict(template["spec"]["resources"]["requests"])},
        }
        if ChildId("PersistentVolumeClaim", claim["metadata"]["name"]) not in self.children:
            self.put(claim)
        self.put_pod(f"{name}-mysql-0", "database", owner=live, revision="r1")

    def put_pod(
        self,
        name: str,
        component: str,
        *,
        owner: Manifest | None = None,
        revision: str = "",
        ready: bool = True,
    ) -> Manifest:
        cluster = name.split("-", maxsplit=1)[0]
        pod: Manifest = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": "default",
                "labels": {
                    "pba.dev/cluster": cluster,
                    "pba.dev/component": component,
                    "controller-revision-hash": revision,
                },
            },
            "spec": {"nodeName": "node1"},
            "status": {
                "phase": "Running",
                "conditions": [
                    {"type": "PodScheduled", "status": "True"},
                    {"type": "Ready", "status": "True" if ready else "False"},
                ],
                "containerStatuses": [
                    {
                        "name": "mysql",
                        "ready": ready,
                        "started": True,
                        "restartCount": 0,
                        "state": {"running": {}},
                    }
                ],
            },
        }
        if owner is not None:
            reference = {
                "kind": owner["kind"],
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"],
                "controller": True,
            }
            pod["metadata"]["ownerReferences"] = [reference]
        return self.put(pod)

    def deployment(self, name: str) -> Manifest:
        return self.children[ChildId("Deployment", name)]

    def status(self, cluster: Cluster | Invalid) -> Manifest:
        """Return the status; whatever it tells the user is told in whole sentences."""
        found = reported(cluster, self.observed)
        messages = [entry["message"] for entry in found["conditions"]]
        assert [message for message in messages if message and message[-1] not in ".…"] == []
        return found
