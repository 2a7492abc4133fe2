"""What a user does with a PBACluster: makes it, looks at it, edits it, deletes it."""

from __future__ import annotations

import json
from typing import Any

from pba_standin.standin import StandIn

from pba_hack.apiserver import ApiServer
from pba_hack.conditions import condition
from pba_operator.kube import kinds

Object = dict[str, Any]


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
