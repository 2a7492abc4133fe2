"""The PBACluster whose frontend is tried: with backend nodes and a frontend, and nothing peculiar.

Its clients are not bound to nodes, unless a test says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pba_api.parse import parse_spec
from pba_api.types import Frontend
from pba_operator.domain.model import Cluster
from pba_sync.haproxy.commands import Check

UID: Final = "11111111-2222-3333-4444-555555555555"
UNBOUND: Final[Mapping[str, Any]] = {"type": "None"}


def shop(
    namespace: str,
    frontend: Mapping[str, Any] | None = None,
    *,
    affinity: Mapping[str, Any] = UNBOUND,
    **application: Any,
) -> Cluster:
    """Return it, with these facts of its frontend and of its application."""
    spec: dict[str, Any] = {
        "application": {"image": "app:1", **application},
        "database": {"image": "mysql:9.7.4", "storage": {"size": "1Gi"}},
        "backend": {},
        "frontend": {"image": "haproxy:3.0.11", "sessionAffinity": dict(affinity), **(frontend or {})},
    }
    return Cluster(namespace, "shop", UID, 1, False, (), parse_spec(spec), {})


def frontend_of(cluster: Cluster) -> Frontend:
    """Return its frontend."""
    assert cluster.spec.frontend is not None
    return cluster.spec.frontend


def check_of(cluster: Cluster) -> Check:
    """Return how the sidecar has its nodes checked."""
    checks = frontend_of(cluster).checks
    return Check(checks.interval_milliseconds, checks.fall, checks.rise)
