"""A real API server instead of the simulated one: what a user sees of it, and what stands for nodes.

The operator runs beside it, in a thread.

What must stay true: nothing here does for the operator what Kubernetes itself would not do.
"""

from __future__ import annotations

import asyncio
import http
import json
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pba_standin.standin import StandIn

from pba_hack.apiserver import ApiServer
from pba_hack.audit import READS, AuditLog
from pba_hack.conditions import condition
from pba_hack.loopback import free_port
from pba_hack.waiting import wait_for
from pba_operator.engine.assembly import Engine
from pba_operator.engine.configuration import Configuration
from pba_operator.engine.metrics import Metrics
from pba_operator.engine.process import Process
from pba_operator.kube import kinds
from pba_operator.kube.client import Client
from pba_operator.kube.clock import Clock, SystemClock
from pba_operator.kube.credentials import load
from pba_operator.mysql.accounts import MySQLAccounts
from pba_operator.mysql.material import Material
from pba_operator.program import domain_for
from pba_operator.shell.run import run
from pba_simulation.load_balancer import load_balancer_status

Object = dict[str, Any]
PATIENCE = 60.0
"""Seconds until a condition must hold: the machine may be busy."""


def eventually(holds: Callable[[], Any], what: str = "", seconds: float = PATIENCE) -> Any:
    """Return what `holds` returns as soon as it is true."""
    return wait_for(what or "the condition to hold", holds, seconds, poll_seconds=0.05)


def pbacluster(**spec: Any) -> Object:
    """Return a small valid PBACluster `shop`, as a user applies it; `spec` replaces or adds its fields."""
    whole = {
        "application": {"image": "app:1"},
        "database": {"image": "mysql:9.7.4", "storage": {"size": "1Gi"}},
    }
    return {
        "apiVersion": kinds.CLUSTER.api_version,
        "kind": kinds.CLUSTER.name,
        "metadata": {"name": "shop"},
        "spec": {**whole, **spec},
    }


class Namespace:
    """One namespace of the API server, as a user sees and changes it, and the MySQL behind its members' names."""

    def __init__(self, server: ApiServer, name: str, mysql: StandIn) -> None:
        self.server = server
        self.name = name
        self.mysql = mysql

    def get(self, kind: str, name: str) -> Object | None:
        answer = self.server.request("GET", kinds.BY_NAME[kind].path(self.name, name))
        found: Object | None = answer.body if answer.ok else None
        return found

    def list(self, kind: str) -> list[Object]:
        items = self.server.request("GET", kinds.BY_NAME[kind].path(self.name)).body["items"]
        found: list[Object] = [{"kind": kind, **item} for item in items]
        return found

    def changes(self, kind: str, since: Object) -> tuple[Object, ...]:
        """Return what became of the objects of a kind after one of them was read."""
        path = kinds.BY_NAME[kind].path(self.name)
        version = since["metadata"]["resourceVersion"]
        told = self.server.request("GET", path, watch="true", resourceVersion=version, timeoutSeconds="1")
        return tuple(json.loads(line)["object"] for line in told.data.splitlines())

    def create(self, manifest: Object) -> Object:
        manifest["metadata"].setdefault("namespace", self.name)
        return self._change("POST", kinds.of(manifest).path(self.name), manifest)

    def patch(self, kind: str, name: str, patch: Object, subresource: str = "") -> Object:
        path = kinds.BY_NAME[kind].path(self.name, name, subresource)
        return self._change("PATCH", path, patch, "application/merge-patch+json")

    def delete(self, kind: str, name: str) -> None:
        self._change("DELETE", kinds.BY_NAME[kind].path(self.name, name), None)

    def _change(self, method: str, path: str, body: Any, content_type: str = "application/json") -> Object:
        answer = self.server.request(method, path, body, content_type, fieldManager="user")
        assert answer.ok, answer.data.decode()
        found: Object = answer.body
        return found

    def condition(self, type_: str, name: str = "shop") -> Object | None:
        return condition(self.get("PBACluster", name) or {}, type_)

    def is_ready(self, name: str = "shop") -> bool:
        live, ready = self.get("PBACluster", name), self.condition("Ready", name)
        if live is None or ready is None:
            return False
        return bool(
            ready["status"] == "True" and ready["observedGeneration"] == live["metadata"]["generation"]
        )


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


class RunningOperator:
    """The operator with kopf, in a thread of its own (kopf ends every task of its event loop)."""

    def __init__(self, namespace: Namespace, identity: str = "test", *, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._accounts = MySQLAccounts(connect=namespace.mysql.connect)
        self.configuration = Configuration(
            namespaces=(namespace.name,),
            lease_namespace=namespace.name,
            lease_name="pba-operator",
            identity=identity,
            http_port=free_port(),
            sync_image="sync:1",
            sync_image_pull_policy="IfNotPresent",
            log_level="INFO",
        )
        self.process: Process | None = None
        self.code: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="operator")

    async def _run(self) -> None:
        def build(client: Client) -> Engine:
            return Engine(
                kube=client,
                domain=domain_for(self.configuration),
                accounts=self._accounts,
                material=Material(),
                clock=self._clock,
                jitter=random.random,
                metrics=Metrics(),
                namespaces=self.configuration.namespaces,
            )

        self._loop = asyncio.get_running_loop()
        self.process = Process(self.configuration, load(), self._clock, build)
        self.code = await run(self.process)

    @property
    def leads(self) -> bool:
        return self.process is not None and self.process.engine.health.acting

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the operator to stop, and wait for it."""
        if self._thread.is_alive() and self._loop is not None and self.process is not None:
            self._loop.call_soon_threadsafe(self.process.died.set)
        self._thread.join(PATIENCE)
        self._accounts.close()
        assert not self._thread.is_alive()


class OperatorsRequests:
    """What the operator asks of a namespace from a point in time on, by the API server's audit log."""

    def __init__(self, path: Path, namespace: str) -> None:
        self._log = AuditLog(path)
        self._namespace = namespace

    def requests(self) -> list[Object]:
        """Return what it has asked since then, its watches and its Lease apart."""
        return [
            entry
            for entry in self._log.entries()
            if "pba-operator" in entry.get("userAgent", "")
            and entry.get("objectRef", {}).get("namespace") == self._namespace
            and entry["objectRef"].get("resource") != "leases"
            and entry["verb"] != "watch"
        ]

    def writes(self) -> list[str]:
        """Return the writes that succeeded."""
        return [
            f"{entry['verb']} {entry['objectRef']['resource']}/{entry['objectRef'].get('name', '')}"
            for entry in self.requests()
            if entry["verb"] not in READS and entry["responseStatus"]["code"] < 400
        ]
