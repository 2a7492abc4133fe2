"""When a way is opened and when it is closed, while clients are led from one component to another.

What must stay true: whoever is led to pods may reach them. Policies and Services act on each machine when its own
programs have heard of them, and nobody tells the operator of that; so a way is open for some seconds before anybody is
led to it, and stays open for some after the last one was led elsewhere.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pba_api import names
from pba_api.identity import COMPONENT_FRONTEND, selector
from pba_api.types.network import ENABLED
from pba_operator.domain.model import ChildId, Cluster, Manifest, Observed

OPEN_BEFORE_SECONDS: Final = 5.0
"""So long a way must have been open before clients are led to it. Our own choice: engines of networks act within a
second or two."""
OPEN_AFTER_SECONDS: Final = 30.0
"""So long a way stays open once clients are led elsewhere: for those whose machine does not know yet, and for what
they have begun."""


def is_policed(cluster: Cluster) -> bool:
    """Tell whether there shall be NetworkPolicies."""
    return cluster.spec.network.policies == ENABLED


def from_frontends(cluster: Cluster) -> Manifest:
    """Return the peer that is this PBACluster's frontends."""
    return {"podSelector": {"matchLabels": selector(cluster.name, COMPONENT_FRONTEND)}}


def _ingress(cluster: Cluster, observed: Observed) -> list[Manifest]:
    """Return the live rules on who reaches the management node."""
    live = observed.children.get(ChildId("NetworkPolicy", names.management(cluster.name))) or {}
    rules: list[Manifest] = live.get("spec", {}).get("ingress") or []
    return rules


def _admits_anybody(cluster: Cluster, observed: Observed) -> bool:
    """Tell whether the live policy lets anybody reach the management node."""
    return any(not rule.get("from") for rule in _ingress(cluster, observed))


def may_be_led_to_management(cluster: Cluster, observed: Observed) -> bool:
    """Tell whether clients who are led to the management node from now on reach it."""
    if not is_policed(cluster):
        return True
    long_enough = observed.paths_unchanged_seconds >= OPEN_BEFORE_SECONDS
    return long_enough and _admits_anybody(cluster, observed)


def still_admits_anybody(cluster: Cluster, observed: Observed) -> bool:
    """Tell whether the management node must stay open to anybody who was led to it a moment ago."""
    recently = observed.paths_unchanged_seconds < OPEN_AFTER_SECONDS
    return recently and _admits_anybody(cluster, observed)


def still_admits_frontends(cluster: Cluster, observed: Observed) -> bool:
    """Tell whether the management node must stay open to frontends that led clients to it a moment ago."""
    recently = observed.paths_unchanged_seconds < OPEN_AFTER_SECONDS
    peer = from_frontends(cluster)
    return recently and any(peer in (rule.get("from") or ()) for rule in _ingress(cluster, observed))


def later(observed: Observed) -> list[tuple[float, Observed]]:
    """Return in how many seconds another plan may be due by time alone, and what is observed then."""
    return [
        (moment - observed.paths_unchanged_seconds, replace(observed, paths_unchanged_seconds=moment))
        for moment in (OPEN_BEFORE_SECONDS, OPEN_AFTER_SECONDS)
        if observed.paths_unchanged_seconds < moment
    ]
