"""The StatefulSet of the members.

What can never be changed later is right from the first day: `podManagementPolicy: Parallel` (after an outage of
all, none may wait for another's readiness), `updateStrategy: OnDelete` (we decide who restarts and when),
`serviceName` and the claim template's name.

No liveness probe: a server that recovers, or that is overloaded, would be killed and have to recover again; one
that does not answer gets unready instead, and takes no traffic. For the same reason the startup probe has a day,
and the end has minutes. Readiness asks through the socket, as an account that may do nothing: a frozen server
(connections are accepted by the kernel, never answered) is out after three times five seconds.
"""

from __future__ import annotations

import hashlib
from typing import Final

from pba_api import names, ports
from pba_api.identity import ANNOTATION_CONFIG_HASH, COMPONENT_DATABASE, selector
from pba_operator.domain import secret_keys
from pba_operator.domain.database import claims, configuration, layout, members, secrets
from pba_operator.domain.database.services import PORT_NAME
from pba_operator.domain.model import Cluster, Manifest, Observed
from pba_operator.domain.ownership import metadata
from pba_operator.domain.podspec import restricted_container, restricted_pod, with_settings

_GRACE_SECONDS: Final = 300
_STARTUP_SECONDS: Final = 86_400


def manifest(cluster: Cluster, observed: Observed) -> Manifest | None:
    """Return the StatefulSet; None while what its pods need is not there and no StatefulSet is, either.

    With a Secret missing, one that exists keeps its template: the Secret comes back first.
    """
    start_hash = _start_hash(cluster, observed)
    if start_hash is None:
        return None
    template: Manifest = {
        "metadata": {"annotations": {ANNOTATION_CONFIG_HASH: start_hash}},
        "spec": _pod(cluster),
    }
    settings = cluster.spec.database.pod
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata(cluster, names.database(cluster.name), COMPONENT_DATABASE),
        "spec": {
            "replicas": 1,
            "serviceName": names.database(cluster.name),
            "podManagementPolicy": "Parallel",
            "updateStrategy": {"type": "OnDelete"},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "selector": {"matchLabels": selector(cluster.name, COMPONENT_DATABASE)},
            "template": with_settings(
                template, settings, cluster, COMPONENT_DATABASE, container=members.CONTAINER
            ),
            "volumeClaimTemplates": [claims.template(cluster, observed)],
        },
    }


def _start_hash(cluster: Cluster, observed: Observed) -> str | None:
    """Return the hash of all that mysqld reads only at its start."""
    if secrets.are_complete(cluster, observed):
        facts = configuration.fingerprint(cluster) + secrets.fingerprint(cluster, observed)
        return hashlib.sha256(facts.encode()).hexdigest()[:16]
    owner = members.statefulset(cluster, observed)
    if owner is None:
        return None
    annotations: dict[str, str] = owner["spec"]["template"]["metadata"].get("annotations") or {}
    return annotations.get(ANNOTATION_CONFIG_HASH, "")


def _pod(cluster: Cluster) -> Manifest:
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # The first process of a namespace ignores SIGTERM until it has a handler: a start that is told to end would
        # not hear it, and take the whole grace period.
        "shareProcessNamespace": True,
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "securityContext": restricted_pod(layout.USER, layout.USER, layout.USER),
        "containers": [_container(cluster)],
        "volumes": _volumes(cluster),
    }


def _container(cluster: Cluster) -> Manifest:
    return {
        "name": members.CONTAINER,
        "image": cluster.spec.database.image,
        "command": ["/bin/sh", f"{layout.CONFIG_DIR}/{layout.SCRIPT_FILE}"],
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "PBA_MEMBER_DOMAIN", "value": members.service_domain(cluster)},
            {"name": "PBA_SERVER_ID_BASE", "value": str(configuration.server_id_base(cluster))},
            {"name": "PBA_GROUP_PORT", "value": str(ports.MYSQL_GROUP)},
        ],
        "ports": [{"name": PORT_NAME, "containerPort": ports.MYSQL, "protocol": "TCP"}],
        "startupProbe": {
            "tcpSocket": {"port": PORT_NAME},
            "periodSeconds": 1,
            "failureThreshold": _STARTUP_SECONDS,
        },
        "readinessProbe": {
            "exec": {"command": probe_command()},
            "periodSeconds": 5,
            "timeoutSeconds": 5,
            "failureThreshold": 3,
        },
        "securityContext": restricted_container(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": claims.TEMPLATE, "mountPath": layout.VOLUME_DIR},
            {"name": "config", "mountPath": layout.CONFIG_DIR, "readOnly": True},
            {"name": "admin", "mountPath": layout.ADMIN_DIR, "readOnly": True},
            {"name": "tls", "mountPath": layout.TLS_DIR, "readOnly": True},
            {"name": "tmp", "mountPath": layout.TMP_DIR},
            {"name": "run", "mountPath": layout.RUN_DIR},
        ],
    }


def probe_command() -> list[str]:
    """Return the command that succeeds if mysqld answers on its socket."""
    return [
        "mysqladmin",
        "--no-defaults",
        f"--socket={layout.SOCKET}",
        f"--user={layout.PROBE_USER}",
        "--connect-timeout=4",
        "ping",
    ]


def _volumes(cluster: Cluster) -> list[Manifest]:
    read_by_group = 0o440
    return [
        {"name": "config", "configMap": {"name": names.database(cluster.name), "defaultMode": 0o444}},
        {
            "name": "admin",
            "secret": {
                "secretName": names.database_admin_secret(cluster.name),
                "items": [{"key": secret_keys.ADMIN_SQL, "path": secret_keys.ADMIN_SQL}],
                "defaultMode": read_by_group,
            },
        },
        {
            "name": "tls",
            "secret": {"secretName": names.database_tls_secret(cluster.name), "defaultMode": read_by_group},
        },
        {"name": "tmp", "emptyDir": {}},
        # In memory: the SQL in it has the operator's password.
        {"name": "run", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
    ]
