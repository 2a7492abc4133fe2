"""The Deployments of the application: one management node, any number of backend nodes."""

from __future__ import annotations

from typing import Any

from pba_api import names
from pba_api.identity import COMPONENT_BACKEND, COMPONENT_MANAGEMENT, selector
from pba_api.types import Backend
from pba_operator.domain.application.template import pod_template
from pba_operator.domain.database import Connection
from pba_operator.domain.model import Cluster, Manifest
from pba_operator.domain.ownership import metadata
from pba_operator.domain.podspec import MANAGEMENT_DRAIN_SECONDS

_REVISIONS = 3


def _deployment(cluster: Cluster, name: str, component: str, spec: dict[str, Any]) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(cluster, name, component),
        "spec": {
            "selector": {"matchLabels": selector(cluster.name, component)},
            "revisionHistoryLimit": _REVISIONS,
            **spec,
        },
    }


def management(cluster: Cluster, connection: Connection, config: Manifest | None) -> Manifest:
    """Return the management node's Deployment; a new node is ready before the old one goes."""
    template = pod_template(
        cluster,
        COMPONENT_MANAGEMENT,
        cluster.spec.management.pod,
        connection,
        config,
        drain_seconds=MANAGEMENT_DRAIN_SECONDS,
    )
    spec = {
        "replicas": 1,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": template,
    }
    return _deployment(cluster, names.management(cluster.name), COMPONENT_MANAGEMENT, spec)


def backend(cluster: Cluster, wanted: Backend, connection: Connection, config: Manifest | None) -> Manifest:
    """Return the backend nodes' Deployment."""
    template = pod_template(
        cluster,
        COMPONENT_BACKEND,
        wanted.pod,
        connection,
        config,
        drain_seconds=max(1, wanted.drain_timeout_seconds),
    )
    rollout = {"maxSurge": wanted.rollout.max_surge, "maxUnavailable": wanted.rollout.max_unavailable}
    spec = {
        "replicas": wanted.replicas,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": rollout},
        "template": template,
    }
    return _deployment(cluster, names.backend(cluster.name), COMPONENT_BACKEND, spec)
