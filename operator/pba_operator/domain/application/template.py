"""The pod template of the application, the same for management and backend nodes: a clone is a clone."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pba_api import names, ports
from pba_api.identity import ANNOTATION_CONFIG_HASH
from pba_api.reserved import VOLUME_PREFIX
from pba_api.types import Application, PodSettings, Probe
from pba_operator.domain.application.config_files import CA_FILE, secret_key
from pba_operator.domain.database import Connection
from pba_operator.domain.model import Cluster, Manifest
from pba_operator.domain.podspec import restricted_container, restricted_pod, with_settings

CONTAINER = "application"
_CA_VOLUME = f"{VOLUME_PREFIX}database-ca"
_CONFIG_VOLUME = f"{VOLUME_PREFIX}config"


def _environment(application: Application, connection: Connection) -> list[Manifest]:
    env = application.env_names
    return [
        {"name": env.host, "value": connection.host},
        {"name": env.port, "value": str(connection.port)},
        {"name": env.database, "value": connection.database},
        {"name": env.user, "value": connection.user},
        {
            "name": env.password,
            "valueFrom": {
                "secretKeyRef": {"name": connection.password_secret, "key": connection.password_key},
            },
        },
        {"name": env.ca_file, "value": CA_FILE},
        *application.env,
    ]


def _probe(probe: Probe) -> Manifest:
    return {
        "httpGet": {"path": probe.path, "port": ports.HTTP_NAME},
        "periodSeconds": probe.period_seconds,
        "timeoutSeconds": probe.timeout_seconds,
        "failureThreshold": probe.failure_threshold,
    }


def _mounts(application: Application) -> list[Manifest]:
    return [
        {"name": _CA_VOLUME, "mountPath": CA_FILE.rpartition("/")[0], "readOnly": True},
        *(
            {"name": _CONFIG_VOLUME, "mountPath": file.path, "subPath": secret_key(index), "readOnly": True}
            for index, file in enumerate(application.config_files)
        ),
        *application.volume_mounts,
    ]


def _volumes(cluster: Cluster, connection: Connection) -> list[Manifest]:
    application = cluster.spec.application
    volumes: list[Manifest] = [
        {
            "name": _CA_VOLUME,
            "secret": {
                "secretName": connection.ca_secret,
                "items": [{"key": connection.ca_key, "path": CA_FILE.rpartition("/")[2]}],
            },
        },
    ]
    if application.config_files:
        volumes.append(
            {"name": _CONFIG_VOLUME, "secret": {"secretName": names.application_config(cluster.name)}}
        )
    return [*volumes, *application.volumes]


def _own_root(context: Manifest) -> Manifest:
    """Return the context without a read-only root: old applications write beside their code."""
    return {key: value for key, value in context.items() if key != "readOnlyRootFilesystem"}


def _container(application: Application, connection: Connection, drain_seconds: int) -> Manifest:
    container: Manifest = {
        "name": CONTAINER,
        "image": application.image,
        "imagePullPolicy": application.image_pull_policy,
        "ports": [{"name": ports.HTTP_NAME, "containerPort": application.port, "protocol": "TCP"}],
        "env": _environment(application, connection),
        "startupProbe": _probe(application.probes.startup),
        "readinessProbe": _probe(application.probes.readiness),
        "livenessProbe": _probe(application.probes.liveness),
        "volumeMounts": _mounts(application),
        # The node serves on while the balancer (or kube-proxy) stops sending to it: only then SIGTERM.
        "lifecycle": {"preStop": {"sleep": {"seconds": drain_seconds}}},
        "securityContext": {**_own_root(restricted_container()), **application.security_context},
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    optional: dict[str, Any] = {
        "command": list(application.command),
        "args": list(application.args),
        "envFrom": list(application.env_from),
    }
    return {**container, **{key: value for key, value in optional.items() if value}}


def _config_hash(connection: Connection, config: Manifest | None) -> str:
    facts = [connection.fingerprint, config["data"] if config else {}]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def pod_template(
    cluster: Cluster,
    component: str,
    settings: PodSettings,
    connection: Connection,
    config: Manifest | None,
    *,
    drain_seconds: int,
) -> Manifest:
    """Return the pod template of a node of the application.

    Args:
        cluster: whose application it is.
        component: management or backend.
        settings: the role's `pod`.
        connection: how the application reaches its database.
        config: the Secret with the rendered files, if there are any.
        drain_seconds: how long a node that goes serves on before it is told to stop.
    """
    application = cluster.spec.application
    template: Manifest = {
        "metadata": {"annotations": {ANNOTATION_CONFIG_HASH: _config_hash(connection, config)}},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {**restricted_pod(), **application.pod_security_context},
            "terminationGracePeriodSeconds": drain_seconds + application.termination_grace_period_seconds,
            "containers": [_container(application, connection, drain_seconds)],
            "volumes": _volumes(cluster, connection),
        },
    }
    return with_settings(template, settings, cluster, component, container=CONTAINER)
