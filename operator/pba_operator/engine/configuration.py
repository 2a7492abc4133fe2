"""What the operator is told by its environment; the Helm chart writes it."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pba_api.ports import OPERATOR_HTTP

PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
PORT_MAX: Final = 65535
POD_LABELS: Final = {
    "PBA_POD_NAME_LABEL": "app.kubernetes.io/name",
    "PBA_POD_INSTANCE_LABEL": "app.kubernetes.io/instance",
}
"""Variables that hold labels of the operator's own pods; one that the pods do not have is empty."""


class ConfigurationError(Exception):
    """A setting is missing or makes no sense; says which, and what is expected."""


@dataclass(frozen=True)
class Configuration:
    """The operator's own settings."""

    namespaces: tuple[str, ...]
    """The namespaces to watch; empty: all."""
    lease_namespace: str
    """Where the operator's own pods are, too."""
    lease_name: str
    identity: str
    """Unlike that of any other process that runs: the pod's name and UID; outside a pod, a random part.

    A container is started again only when its last process is gone. So the new one may take up the Lease that the
    last one held at once, instead of waiting until it runs out.
    """
    http_port: int
    sync_image: str
    """The image of the sidecar in the frontend's pods."""
    sync_image_pull_policy: str
    log_level: str
    pod_labels: Mapping[str, str] = field(default_factory=dict)
    """By what its own pods are known; empty outside of pods."""


def from_environment(environ: Mapping[str, str] = os.environ) -> Configuration:
    """Return the configuration that the environment holds.

    Raises:
        ConfigurationError: a setting is missing or makes no sense.
    """
    host = environ.get("POD_NAME") or socket.gethostname()
    return Configuration(
        namespaces=tuple(
            sorted({name.strip() for name in environ.get("PBA_WATCH_NAMESPACES", "").split(",")} - {""})
        ),
        lease_namespace=environ.get("POD_NAMESPACE", "default"),
        lease_name=environ.get("PBA_LEASE_NAME", "pba-operator"),
        identity=f"{host}_{environ.get('POD_UID') or uuid.uuid4()}",
        http_port=_port(environ.get("PBA_HTTP_PORT", str(OPERATOR_HTTP))),
        sync_image=_image(environ.get("PBA_SYNC_IMAGE", "")),
        sync_image_pull_policy=_one_of(
            "PBA_SYNC_IMAGE_PULL_POLICY",
            environ.get("PBA_SYNC_IMAGE_PULL_POLICY", "IfNotPresent"),
            PULL_POLICIES,
        ),
        log_level=_one_of("PBA_LOG_LEVEL", environ.get("PBA_LOG_LEVEL", "INFO").upper(), LOG_LEVELS),
        pod_labels=_pod_labels(environ),
    )


def _pod_labels(environ: Mapping[str, str]) -> Mapping[str, str]:
    told = {label: environ.get(variable, "") for variable, label in POD_LABELS.items()}
    return {label: value for label, value in told.items() if value}


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= PORT_MAX:
        raise ConfigurationError(f"PBA_HTTP_PORT must be a port, 1 to {PORT_MAX}, not {text!r}")
    return int(text)


def _image(text: str) -> str:
    if not text.strip():
        raise ConfigurationError(
            "PBA_SYNC_IMAGE is not set: it names the image of the sidecar in the frontend's pods (the Helm chart "
            "writes it from the value syncImage)"
        )
    return text.strip()


def _one_of(name: str, text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise ConfigurationError(f"{name} must be one of {', '.join(allowed)}, not {text!r}")
    return text
