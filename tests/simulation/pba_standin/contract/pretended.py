"""The stand-in as a subject: one member's pod, kept as an API server would keep it."""

from __future__ import annotations

import base64
from typing import Final

from pba_api import ports
from pba_operator.domain import database
from pba_operator.domain.database import members, statefulset
from pba_operator.domain.model import ChildId, Cluster, Observed
from pba_standin.contract.member import cluster, with_secrets
from pba_standin.contract.subject import SPOILED, Subject
from pba_standin.pods import LivePods, Object
from pba_standin.standin import StandIn

_OTHER_NAME: Final = "shop-mysql-0.elsewhere.default.svc"


class PretendedMember(Subject):
    """A member whose mysqld is the stand-in's."""

    wrong_host = _OTHER_NAME
    port = ports.MYSQL

    def __init__(self, image: str = "mysql:9.7.4", **config: str) -> None:
        self.cluster: Cluster = cluster(image, **config)
        self.observed: Observed = with_secrets(self.cluster)
        self.host = members.host(self.cluster)
        self.restarts = 0
        self.volume = "1"
        self.is_running = True
        self.gone: set[ChildId] = set()
        """Secrets that somebody has deleted."""
        self.stand_in = StandIn(LivePods(self.get))
        self.connect = self.stand_in.connect

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """Return an object as an API server would."""
        assert namespace == self.cluster.namespace
        if kind == "Secret":
            return self._secret(ChildId(kind, name))
        if kind == "Pod":
            return self._pod() if name == "shop-mysql-0" else None
        if kind == "PersistentVolumeClaim":
            return {"metadata": {"name": name, "uid": self.volume}}
        made = database.manifests(self.cluster, self.observed)
        return next(found for found in made if (found["kind"], found["metadata"]["name"]) == (kind, name))

    def _secret(self, child: ChildId) -> Object | None:
        live = None if child in self.gone else self.observed.children.get(child)
        if live is None or self.spoiled not in live["data"]:
            return live
        return {**live, "data": {**live["data"], self.spoiled: base64.b64encode(SPOILED).decode()}}

    def _pod(self) -> Object:
        owner = statefulset.manifest(self.cluster, self.observed)
        assert owner is not None
        template = owner["spec"]["template"]["spec"]
        claim = {"name": "data", "persistentVolumeClaim": {"claimName": "data-shop-mysql-0"}}
        status = {"name": members.CONTAINER, "restartCount": self.restarts}
        return {
            "metadata": {"name": "shop-mysql-0", "namespace": self.cluster.namespace, "uid": "pod"},
            "spec": {**template, "volumes": [*template["volumes"], claim]},
            "status": {
                "phase": "Running" if self.is_running else "Pending",
                "containerStatuses": [status, {"name": "other", "restartCount": 7}],
            },
        }

    def freeze(self) -> None:
        """Have it answer nobody."""
        self.stand_in.server(self.host).freeze()

    def thaw(self) -> None:
        """Have it go on."""
        self.stand_in.server(self.host).thaw()

    def end(self) -> None:
        """End it as Kubernetes does."""
        self.is_running = False
        self.stand_in.port(self.host, self.port)

    def begin(self) -> None:
        """Start it again, with the same volume."""
        self.is_running = True
        self.restarts += 1

    def remake_admin(self) -> None:
        """Delete the admin Secret and have it made anew."""
        children = {key: value for key, value in self.observed.children.items() if "admin" not in key.name}
        self.observed = with_secrets(self.cluster, Observed(children))
