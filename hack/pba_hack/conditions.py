"""The conditions of live objects: how Kubernetes tells of anything (a node, a pod, a PBACluster) how it is.

An object that nobody has looked at yet has no status, or one without conditions: it has none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def condition(live: Mapping[str, Any], kind: str) -> dict[str, Any] | None:
    """Return an object's condition of a type (`Ready`); None if it has none, whatever generation it speaks of."""
    found = live.get("status", {}).get("conditions", ())
    return next((dict(entry) for entry in found if entry["type"] == kind), None)


def is_ready(live: Mapping[str, Any]) -> bool:
    """Tell whether an object's condition `Ready` is true."""
    ready = condition(live, "Ready")
    return ready is not None and ready["status"] == "True"
