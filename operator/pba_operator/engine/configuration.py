"""What the operator is told by its environment; the Helm chart writes it."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from pba_api.ports import OPERATOR_HTTP


@dataclass(frozen=True)
class Configuration:
    """The operator's own settings."""

    namespaces: tuple[str, ...]
    """The namespaces to watch; empty: all."""
    lease_namespace: str
    lease_name: str
    identity: str
    """Unlike that of any other process: the pod's name, and a random part."""
    http_port: int
    sync_image: str
    """The image of the sidecar in the frontend's pods."""
    sync_image_pull_policy: str
    log_level: str


def from_environment(environ: Mapping[str, str] = os.environ) -> Configuration:
    """Return the configuration that the environment holds.

    Raises:
        ValueError: a number is none.
    """
    host = environ.get("POD_NAME") or socket.gethostname()
    return Configuration(
        namespaces=tuple(
            sorted({name.strip() for name in environ.get("PBA_WATCH_NAMESPACES", "").split(",")} - {""})
        ),
        lease_namespace=environ.get("POD_NAMESPACE", "default"),
        lease_name=environ.get("PBA_LEASE_NAME", "pba-operator"),
        identity=f"{host}_{uuid.uuid4()}",
        http_port=int(environ.get("PBA_HTTP_PORT", OPERATOR_HTTP)),
        sync_image=environ.get("PBA_SYNC_IMAGE", ""),
        sync_image_pull_policy=environ.get("PBA_SYNC_IMAGE_PULL_POLICY", "IfNotPresent"),
        log_level=environ.get("PBA_LOG_LEVEL", "INFO"),
    )
