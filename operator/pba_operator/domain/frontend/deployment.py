"""The frontend's pods: HAProxy, and the sync sidecar beside it.

What must stay true:
- the pod is ready when HAProxy itself says so (it holds the full set of nodes, and one could serve since it
  started), so that neither a restarted sidecar nor a lost API server takes a frontend out;
- HAProxy is told to end only when its clients have left; the sidecar ends after it (it is an init container with
  `restartPolicy: Always`, Kubernetes' native sidecar);
- the API token is the sidecar's alone; HAProxy's runtime socket is reachable within the pod only, by one user.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pba_api import names, ports, sidecar
from pba_api.identity import ANNOTATION_CONFIG_HASH, COMPONENT_FRONTEND, selector
from pba_api.types import Frontend
from pba_operator.domain.frontend import affinity, haproxy_cfg, selectors, timing, tls_pod
from pba_operator.domain.frontend.words import CONFIG_FOLDER
from pba_operator.domain.model import Cluster, Manifest
from pba_operator.domain.ownership import metadata
from pba_operator.domain.podspec import (
    MANAGEMENT_DRAIN_SECONDS,
    restricted_container,
    restricted_pod,
    with_settings,
)

CONTAINER: Final = "haproxy"
SIDECAR: Final = "sync"

USER: Final = 65532
"""Of both containers: the runtime socket is open to its owner only."""

_END_SECONDS: Final = 10
"""What is left of the grace period for HAProxy and the sidecar to end in order."""

_TOKEN_SECONDS: Final = 3607
"""As Kubernetes itself asks for the tokens that it mounts into pods (`WarnOnlyBoundTokenExpirationPeriod`)."""

_RUNTIME: Final = "4Mi"
"""The folder of HAProxy's socket, in memory. The sidecar keeps its view there: of 1,000 nodes some 130 kB, and twice
as much while it is written."""


@dataclass(frozen=True)
class SyncImage:
    """The sidecar's image: the operator's configuration names it, not the spec."""

    reference: str
    pull_policy: str


def _probe(path: str, port: int, period: int, timeout: int, failures: int) -> Manifest:
    return {
        "httpGet": {"path": path, "port": port},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    }


def _pod_ips() -> Manifest:
    """Return the variable by which both programs know whether to listen on IPv6, too."""
    return {"name": sidecar.ENV_POD_IPS, "valueFrom": {"fieldRef": {"fieldPath": "status.podIPs"}}}


_ENV_CLIENT_DRAIN_SECONDS: Final = "PBA_CLIENT_DRAIN_SECONDS"
_DRAIN: Final = (
    f"touch {sidecar.RUN_FOLDER}/{sidecar.STOPPING_FILE}; i=0; "
    f"while [ ! -e {sidecar.RUN_FOLDER}/{sidecar.DRAINED_FILE} ] && [ $i -lt $(({_ENV_CLIENT_DRAIN_SECONDS}*5)) ]; "
    "do sleep 0.2; i=$((i+1)); done"
)
"""The preStop hook: says that the pod terminates, and waits until the sidecar has seen the last client leave. How long
at most is a variable of HAProxy's: nothing of a user's stands in what a shell runs."""


def _haproxy(frontend: Frontend) -> Manifest:
    liveness = _probe("/alive", ports.FRONTEND_HEALTH, 5, 3, 3)
    return {
        "name": CONTAINER,
        "image": frontend.image,
        "command": ["haproxy", "-W", "-db", "-f", f"{CONFIG_FOLDER}/{haproxy_cfg.FILE}"],
        "ports": [{"name": ports.HTTP_NAME, "containerPort": ports.FRONTEND_HTTP, "protocol": "TCP"}],
        "env": [
            {"name": _ENV_CLIENT_DRAIN_SECONDS, "value": str(timing.client_drain_seconds(frontend))},
            _pod_ips(),
        ],
        "readinessProbe": _probe("/ready", ports.FRONTEND_HEALTH, 1, 1, 3),
        # One that hangs has no clients to wait for.
        "livenessProbe": {**liveness, "terminationGracePeriodSeconds": 5},
        "lifecycle": {"preStop": {"exec": {"command": ["/bin/sh", "-c", _DRAIN]}}},
        "volumeMounts": [
            {"name": "config", "mountPath": CONFIG_FOLDER, "readOnly": True},
            {"name": "runtime", "mountPath": sidecar.RUN_FOLDER},
        ],
        "securityContext": restricted_container(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _told(frontend: Frontend) -> dict[str, str]:
    """Return what the sidecar is told of `spec.frontend`, as its environment has it."""
    balancing, checks = frontend.balancing, frontend.checks
    numbers = {
        sidecar.ENV_SLOW_START_SECONDS: balancing.slow_start_seconds,
        sidecar.ENV_LATE_PERCENT: balancing.late_percent,
        sidecar.ENV_LATE_MILLISECONDS: balancing.late_milliseconds,
        sidecar.ENV_TRIAL_PERIOD_SECONDS: balancing.trial_period_seconds,
        sidecar.ENV_MAX_OUT_PERCENT: balancing.max_out_percent,
        sidecar.ENV_LEAVE_SECONDS: frontend.timeouts.leave_seconds,
        sidecar.ENV_CHECK_INTERVAL_MILLISECONDS: checks.interval_milliseconds,
        sidecar.ENV_CHECK_FALL: checks.fall,
        sidecar.ENV_CHECK_RISE: checks.rise,
        sidecar.ENV_REQUESTS_PER_NODE: frontend.limits.requests_per_node,
        sidecar.ENV_REQUESTS_PER_CLIENT: frontend.limits.requests_per_client_per_second,
    }
    return {name: str(number) for name, number in numbers.items()}


def _serves_on_seconds(cluster: Cluster) -> int:
    """Return how long a node that goes serves before it is told to stop; the backend's where there is one."""
    backend = cluster.spec.backend
    return MANAGEMENT_DRAIN_SECONDS if backend is None else backend.drain_timeout_seconds


def _node_drain_seconds(cluster: Cluster) -> int:
    """Return how long a node that goes may take for what it has begun.

    It serves for its drain timeout, then is told to stop and finishes.
    """
    serves_on = max(MANAGEMENT_DRAIN_SECONDS, _serves_on_seconds(cluster))
    return serves_on + cluster.spec.application.termination_grace_period_seconds


def _sidecar(cluster: Cluster, frontend: Frontend, image: SyncImage) -> Manifest:
    bound = affinity.environment(
        frontend.session_affinity, _serves_on_seconds(cluster), MANAGEMENT_DRAIN_SECONDS, cluster.uid
    )
    return {
        "name": SIDECAR,
        "image": image.reference,
        "imagePullPolicy": image.pull_policy,
        "restartPolicy": "Always",
        "command": ["pba-sync"],
        "ports": [{"name": "sync-http", "containerPort": ports.SYNC_HTTP, "protocol": "TCP"}],
        "env": [
            {"name": sidecar.ENV_NAMESPACE, "value": cluster.namespace},
            {"name": sidecar.ENV_SERVICES, "value": ",".join(selectors.followed(cluster.name))},
            {"name": sidecar.ENV_PORT_NAME, "value": ports.HTTP_NAME},
            {"name": sidecar.ENV_NODES_CONFIG_MAP, "value": names.nodes(cluster.name)},
            {"name": sidecar.ENV_FRONTEND_SERVICE, "value": names.service(cluster.name)},
            {"name": sidecar.ENV_MANAGEMENT_PREFIX, "value": f"{names.management(cluster.name)}-"},
            {"name": sidecar.ENV_FRONTEND_PREFIX, "value": f"{names.frontend(cluster.name)}-"},
            {"name": sidecar.ENV_DRAIN_SECONDS, "value": str(_node_drain_seconds(cluster))},
            *({"name": name, "value": value} for name, value in _told(frontend).items()),
            {"name": sidecar.ENV_HAPROXY_SOCKET, "value": sidecar.SOCKET},
            {"name": sidecar.ENV_TOKEN_FOLDER, "value": sidecar.TOKEN_FOLDER},
            {"name": sidecar.ENV_HTTP_PORT, "value": str(ports.SYNC_HTTP)},
            *({"name": name, "value": value} for name, value in bound.items()),
            _pod_ips(),
        ],
        "livenessProbe": _probe(sidecar.HEALTHZ_PATH, ports.SYNC_HTTP, 10, 5, 3),
        "resources": {"requests": {"cpu": "10m", "memory": "48Mi"}, "limits": {"memory": "128Mi"}},
        "volumeMounts": [
            {"name": "runtime", "mountPath": sidecar.RUN_FOLDER},
            {"name": "token", "mountPath": sidecar.TOKEN_FOLDER, "readOnly": True},
        ],
        "securityContext": restricted_container(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _volumes(cluster: Cluster) -> list[Manifest]:
    token: list[Manifest] = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": _TOKEN_SECONDS}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    return [
        {"name": "config", "configMap": {"name": names.frontend(cluster.name)}},
        {"name": "runtime", "emptyDir": {"medium": "Memory", "sizeLimit": _RUNTIME}},
        {"name": "token", "projected": {"sources": token}},
    ]


def _template(
    cluster: Cluster, frontend: Frontend, read_at_start: Mapping[str, str], image: SyncImage
) -> Manifest:
    read = json.dumps(read_at_start, sort_keys=True)
    digest = hashlib.sha256(read.encode()).hexdigest()[:16]
    spec: dict[str, Any] = {
        "serviceAccountName": names.frontend(cluster.name),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": restricted_pod(USER, USER),
        "terminationGracePeriodSeconds": timing.client_drain_seconds(frontend) + _END_SECONDS,
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": selector(cluster.name, COMPONENT_FRONTEND)},
                # Those of the template before are about to go: counted, they would have the new ones meet on a machine.
                "matchLabelKeys": ["pod-template-hash"],
            },
        ],
        "initContainers": [tls_pod.with_sidecar(_sidecar(cluster, frontend, image), frontend.tls)],
        "containers": [tls_pod.with_haproxy(_haproxy(frontend), frontend.tls)],
        "volumes": [*_volumes(cluster), *tls_pod.volumes(cluster, frontend.tls)],
    }
    template: Manifest = {"metadata": {"annotations": {ANNOTATION_CONFIG_HASH: digest}}, "spec": spec}
    return with_settings(template, frontend.pod, cluster, COMPONENT_FRONTEND, container=CONTAINER)


def manifest(
    cluster: Cluster, frontend: Frontend, read_at_start: Mapping[str, str], image: SyncImage
) -> Manifest:
    """Return the Deployment `NAME-frontend`.

    Args:
        cluster: the PBACluster.
        frontend: its `spec.frontend`.
        read_at_start: what HAProxy reads at its start only, by name: pods that have read something else are replaced.
        image: the sidecar's image.
    """
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(cluster, names.frontend(cluster.name), COMPONENT_FRONTEND),
        "spec": {
            "replicas": frontend.replicas,
            "selector": {"matchLabels": selector(cluster.name, COMPONENT_FRONTEND)},
            "revisionHistoryLimit": 3,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": _template(cluster, frontend, read_at_start, image),
        },
    }
