"""What Kubernetes' controllers, kubelets and volume provisioners do, where none of them runs."""

from __future__ import annotations

import http

from pba_operator.kube import kinds
from pba_simulation.load_balancer import load_balancer_status
from pba_simulation.real.namespace import Namespace, Object


class Hands:
    """What Kubernetes' controllers and nodes would do, as far as the operator looks at it."""

    def __init__(self, namespace: Namespace, *, sees_templates: bool = False) -> None:
        """Make them.

        Args:
            namespace: where they work.
            sees_templates: whether a member's pod is not current after a change of what its template is annotated with.
        """
        self._sees_templates = sees_templates
        self._namespace = namespace

    def work(self) -> None:
        """Bring everything one step further."""
        for live in self._namespace.list("StatefulSet"):
            self._stateful_set(live)
        for live in self._namespace.list("Deployment"):
            wanted = live["spec"]["replicas"]
            numbers = dict.fromkeys(
                ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), wanted
            )
            self._status(live, {"observedGeneration": live["metadata"]["generation"], **numbers})
        for live in self._namespace.list("PersistentVolumeClaim"):
            size = live["spec"]["resources"]["requests"]["storage"]
            self._status(live, {"phase": "Bound", "capacity": {"storage": size}})
        for live in self._namespace.list("Service"):
            self._status(live, load_balancer_status(live))

    def collect_garbage(self) -> int:
        """Delete what is owned by what is gone; return how much."""
        everything = [live for kind in kinds.WATCHED for live in self._namespace.list(kind.name)]
        living = {live["metadata"]["uid"] for live in everything}
        doomed = []
        for live in everything:
            owners = {owner["uid"] for owner in live["metadata"].get("ownerReferences", ())}
            if owners and not owners & living:
                doomed.append(live)
        for live in doomed:
            self._namespace.delete(live["kind"], live["metadata"]["name"])
        return len(doomed)

    def _stateful_set(self, live: Object) -> None:
        name = f"{live['metadata']['name']}-0"
        template = live["spec"]["template"]
        labels = {**template["metadata"]["labels"], "controller-revision-hash": "r1"}
        owner = {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "name": live["metadata"]["name"],
            "controller": True,
        }
        pod = self._namespace.get("Pod", name)
        if pod is not None and pod["metadata"]["ownerReferences"][0]["uid"] != live["metadata"]["uid"]:
            self._namespace.delete("Pod", name)  # garbage: another StatefulSet of this name has made it
            pod = None
        if pod is None:
            metadata = {
                "name": name,
                "labels": labels,
                "annotations": template["metadata"].get("annotations", {}),
                "ownerReferences": [{**owner, "uid": live["metadata"]["uid"]}],
            }
            volumes = [
                *template["spec"].get("volumes", []),
                {"name": "data", "persistentVolumeClaim": {"claimName": f"data-{name}"}},
            ]
            spec = {**template["spec"], "volumes": volumes}
            made = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
            pod = self._namespace.create(made)
        container = {"name": "mysql", "ready": True, "restartCount": 0, "image": "i", "imageID": "i"}
        status = {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{**container, "state": {"running": {}}}],
        }
        if pod.get("status", {}).get("phase") != "Running":
            self._run(name, {"status": status})
        numbers = {"replicas": 1, "readyReplicas": 1, "currentReplicas": 1, "updatedReplicas": 1}
        is_current = pod["metadata"].get("annotations", {}) == template["metadata"].get("annotations", {})
        revisions = {
            "currentRevision": "r1",
            "updateRevision": "r1" if is_current or not self._sees_templates else "r2",
        }
        self._status(live, {"observedGeneration": live["metadata"]["generation"], **numbers, **revisions})

    def _run(self, pod: str, status: Object) -> None:
        """Have a pod run, unless the operator has just deleted it."""
        path = kinds.BY_NAME["Pod"].path(self._namespace.name, pod, "status")
        answer = self._namespace.server.request("PATCH", path, status, "application/merge-patch+json")
        assert answer.ok or answer.status == http.HTTPStatus.NOT_FOUND, answer.data.decode()

    def _status(self, live: Object, status: Object) -> None:
        known = live.get("status", {})
        if any(known.get(field) != value for field, value in status.items()):
            self._namespace.patch(live["kind"], live["metadata"]["name"], {"status": status}, "status")
