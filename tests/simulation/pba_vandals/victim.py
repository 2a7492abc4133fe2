"""A whole PBACluster with every child that the planner can make, and an operator that takes care of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pba_faults.judge import Judge
from pba_simulation import children
from pba_simulation.real import Hands, Namespace, RunningOperator, eventually, pbacluster

from pba_hack.apiserver import ApiServer
from pba_operator.domain.cluster import read
from pba_operator.domain.model import ChildId, Cluster
from pba_operator.kube import kinds
from pba_vandals.eyes import Eyes
from pba_vandals.sweep import CLUSTER, Vandal

__all__ = ["CLUSTER", "Victim", "makeable", "prepare", "whole"]

Object = dict[str, Any]
TEMPLATES: Final = "templates"
PROVIDED: Final = (TEMPLATES, children.PAGES, *children.CERTIFICATES)
"""What is the user's own."""
_PRIORITY: Final = "shop"
SECONDS: Final = 15.0


def whole() -> Object:
    """Return a PBACluster that uses every field, and has the operator make every child."""
    asked = children.spec("every-field")
    del asked["database"]["user"]["passwordSecretRef"]  # the user's own: the operator makes one Secret less
    asked["application"]["image"] = "app:1"
    asked["database"]["image"] = "mysql:9.7.4"
    return pbacluster(**asked)


def makeable() -> set[ChildId]:
    """Return what the planner makes for any of the PBAClusters whose writes are kept as text."""
    return {
        ChildId.of(done["manifest"])
        for name in children.NAMES
        for done in json.loads(children.children(name))
        if "manifest" in done
    }


@dataclass
class Victim:
    """A namespace with one PBACluster, and who is at work there."""

    place: Namespace
    hands: Hands
    eyes: Eyes
    vandal: Vandal
    operator: RunningOperator
    judge: Judge

    def settle(self, what: str = "ready", seconds: float = SECONDS) -> None:
        """Let nodes and controllers work until the PBACluster is ready and the operator at rest."""
        self.until(lambda: self.place.is_ready() and self.is_idle(), what, seconds)

    def until(self, holds: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
        """Wait for a condition while nodes and controllers work."""

        def working() -> Any:
            self.hands.work()
            return holds()

        try:
            return eventually(working, what, seconds)
        except Exception as error:
            error.add_note(json.dumps(self.place.condition("Ready")))
            raise

    def is_idle(self) -> bool:
        """Tell whether the operator has nothing on its desk."""
        process = self.operator.process
        return process is not None and process.engine.queue.idle

    @property
    def cluster(self) -> Cluster:
        """The PBACluster, as the planner reads it."""
        found = read(self.place.get("PBACluster", "shop") or {})
        assert isinstance(found, Cluster)
        return found

    def children(self) -> list[Object]:
        """Return all live objects that the operator has made."""
        return [
            live
            for kind in kinds.CHILDREN
            if kind.name != "Pod"
            for live in self.place.list(kind.name)
            if live["metadata"]["name"] not in PROVIDED
        ]

    def live(self, child: ChildId) -> Object:
        """Return one of them."""
        found = self.place.get(child.kind, child.name)
        assert found is not None, child
        return found

    def stalled(self) -> tuple[str, str]:
        """Return reason and message of `Stalled`, empty while nothing stalls."""
        found = self.place.condition("Stalled") or {"reason": "", "message": ""}
        return found["reason"], found["message"]


def prepare(server: ApiServer, place: Namespace) -> None:
    """Make what the user must provide for the whole PBACluster, and itself."""
    priority = {"metadata": {"name": _PRIORITY}, "value": 1}
    server.request("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", priority)
    template = {"db.conf": "${host} ${port} ${user} ${password}"}
    for name, data in ((TEMPLATES, template), (children.PAGES, children.PAGE)):
        place.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
    for name in children.CERTIFICATES:
        place.create(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, **children.certificate()}
        )
    place.create(whole())
