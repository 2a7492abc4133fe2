"""Kubernetes' own controllers, in simple form: pods for workloads, volumes, garbage collection."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

from pba_hack.conditions import is_ready
from pba_operator.kube import kinds
from pba_operator.kube.store import Address, address_of
from pba_simulation.apiserver import SimulatedApi
from pba_simulation.load_balancer import load_balancer_status

Object = dict[str, Any]
MANAGER = "kube-controller-manager"


class Controllers:
    """Bring the simulated cluster one step further; each step is a fixed point away from the end."""

    def __init__(self, api: SimulatedApi) -> None:
        self._api = api
        self.unready: set[str] = set()
        """Names of images whose pods never become ready."""

    def run(self) -> bool:
        """Do all that is to be done now; tell whether anything was."""
        before = len(self._api.events)
        self._collect_garbage()
        for live in list(self._api.of_kind("Deployment")):
            self._deployment(live)
        for live in list(self._api.of_kind("StatefulSet")):
            self._stateful_set(live)
        for live in list(self._api.of_kind("PersistentVolumeClaim")):
            self._volume(live)
        for live in list(self._api.of_kind("Service")):
            self._set_status(live, load_balancer_status(live))
        return len(self._api.events) > before

    def _collect_garbage(self) -> None:
        uids = {live["metadata"]["uid"] for live in self._api.objects.values()}
        for address, live in list(self._api.objects.items()):
            owners = live["metadata"].get("ownerReferences") or []
            if owners and not any(owner["uid"] in uids for owner in owners):
                self._api.delete_as(address)

    def _pods(self, owner: Object) -> list[Object]:
        uid = owner["metadata"]["uid"]
        return sorted(
            (
                pod
                for pod in self._api.of_kind("Pod")
                if any(reference["uid"] == uid for reference in pod["metadata"].get("ownerReferences", ()))
            ),
            key=lambda pod: pod["metadata"]["name"],
        )

    def _deployment(self, live: Object) -> None:
        if "deletionTimestamp" in live["metadata"]:
            return
        template = live["spec"]["template"]
        revision = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:8]
        wanted = {
            f"{live['metadata']['name']}-{revision}-{index}" for index in range(live["spec"]["replicas"])
        }
        for pod in self._pods(live):
            if pod["metadata"]["name"] not in wanted:
                self._api.delete_as(address_of(pod))
        have = {pod["metadata"]["name"] for pod in self._pods(live)}
        for name in sorted(wanted - have):
            self._pod(live, template, name)
        ready = sum(is_ready(pod) for pod in self._pods(live))
        numbers = {"replicas": len(wanted), "updatedReplicas": len(wanted)}
        if ready:
            numbers |= {"readyReplicas": ready, "availableReplicas": ready}
        self._set_status(live, {"observedGeneration": live["metadata"]["generation"], **numbers})

    def _stateful_set(self, live: Object) -> None:
        if "deletionTimestamp" in live["metadata"]:
            return
        name, template = live["metadata"]["name"], live["spec"]["template"]
        revision = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:8]
        for index in range(live["spec"]["replicas"]):
            for claim in live["spec"].get("volumeClaimTemplates", ()):
                self._claim(live, claim, f"{claim['metadata']['name']}-{name}-{index}")
            if Address("Pod", live["metadata"]["namespace"], f"{name}-{index}") not in self._api.objects:
                self._pod(live, template, f"{name}-{index}", {"controller-revision-hash": revision})
        ready = sum(is_ready(pod) for pod in self._pods(live))
        status = {
            "observedGeneration": live["metadata"]["generation"],
            "replicas": live["spec"]["replicas"],
            "readyReplicas": ready,
            "currentReplicas": ready,
            "updatedReplicas": ready,
            "updateRevision": revision,
            "currentRevision": revision,
        }
        self._set_status(live, status)

    def _pod(self, owner: Object, template: Object, name: str, labels: dict[str, str] | None = None) -> None:
        metadata = {
            "name": name,
            "namespace": owner["metadata"]["namespace"],
            "labels": {**template.get("metadata", {}).get("labels", {}), **(labels or {})},
            "annotations": dict(template.get("metadata", {}).get("annotations", {})),
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": owner["kind"],
                    "name": owner["metadata"]["name"],
                    "uid": owner["metadata"]["uid"],
                    "controller": True,
                }
            ],
        }
        spec = {**copy.deepcopy(template["spec"]), "nodeName": "w1"}
        pod = self._api.create_as(
            MANAGER, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        )
        images = {container["image"] for container in spec["containers"]}
        ready = not images & self.unready
        statuses = [
            {"name": container["name"], "ready": ready, "restartCount": 0, "state": {"running": {}}}
            for container in spec["containers"]
        ]
        conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
        self._set_status(
            pod,
            {
                "phase": "Running",
                "conditions": conditions,
                "containerStatuses": statuses,
                "podIP": "10.244.0.1",
            },
        )

    def _claim(self, owner: Object, claim: Object, name: str) -> None:
        namespace = owner["metadata"]["namespace"]
        if Address("PersistentVolumeClaim", namespace, name) in self._api.objects:
            return
        metadata = {"name": name, "namespace": namespace, "labels": dict(claim["metadata"].get("labels", {}))}
        kind = kinds.BY_NAME["PersistentVolumeClaim"]
        self._api.create_as(
            MANAGER,
            {
                "apiVersion": kind.api_version,
                "kind": kind.name,
                "metadata": metadata,
                "spec": copy.deepcopy(claim["spec"]),
            },
        )

    def _volume(self, live: Object) -> None:
        size = live["spec"]["resources"]["requests"]["storage"]
        self._set_status(live, {"phase": "Bound", "capacity": {"storage": size}})

    def _set_status(self, live: Object, status: Object) -> None:
        if live.get("status") != status:
            self._api.status_as(MANAGER, address_of(live), status)
