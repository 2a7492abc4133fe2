"""The PBACluster whose frontend is tried: with backend nodes and a frontend, and nothing peculiar."""

from __future__ import annotations

from typing import Any

from pba_api.parse import parse_spec
from pba_operator.domain.model import Cluster


def shop(namespace: str, frontend: dict[str, Any] | None = None, **application: Any) -> Cluster:
    """Return it, with these facts of its frontend and of its application."""
    spec = {
        "application": {"image": "app:1", **application},
        "database": {"image": "mysql:9.7.4", "storage": {"size": "1Gi"}},
        "backend": {},
        "frontend": {"image": "haproxy:3.0.11", **(frontend or {})},
    }
    uid = "11111111-2222-3333-4444-555555555555"
    return Cluster(namespace, "shop", uid, 1, False, (), parse_spec(spec), {})
