"""When a way is opened and when it is closed, while clients are led from one component to another.

What must stay true: whoever is led to pods may reach them. Policies and Services act on each machine when its own
programs have heard of them, and nobody tells the operator of that; so a way is open for some seconds before anybody is
led to it, and stays open for some after the last one was led elsewhere.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pba_api import names
from pba_api.identity import COMPONENT_FRONTEND
from pba_api.types.network import ENABLED
from pba_operator.domain.model import ChildId, Cluster, Manifest, Observed
from pba_operator.domain.network import rules
from pba_operator.domain.ownership import is_ours

OPEN_BEFORE_SECONDS: Final = 5.0
"""So long a way must have been open before clients are led to it. Our own choice: engines of networks act within a
second or two."""
OPEN_AFTER_SECONDS: Final = 30.0
"""So long a way stays open once clients are led elsewhere: for those whose machine does not know yet, and for what
they have begun."""


def is_policed(cluster: Cluster) -> bool:
    """Tell whether there shall be NetworkPolicies."""
    return cluster.spec.network.policies == ENABLED


def _ingress(cluster: Cluster, observed: Observed) -> list[Manifest] | None:
    """Return the live rules on who reaches the management node; None if no policy of ours stands in the way."""
    live = observed.children.get(ChildId("NetworkPolicy", names.management(cluster.name)))
    if live is None or not is_ours(cluster, live):
        return None
    ingress: list[Manifest] = live.get("spec", {}).get("ingress") or []
    return ingress


def _admits_anybody(ingress: list[Manifest]) -> bool:
    return any(not rule.get("from") for rule in ingress)


def may_be_led_to_management(cluster: Cluster, observed: Observed) -> bool:
    """Tell whether clients who are led to the management node from now on reach it."""
    ingress = _ingress(cluster, observed)
    if ingress is None or not is_policed(cluster):
        return True
    return _admits_anybody(ingress) and observed.paths_unchanged_seconds >= OPEN_BEFORE_SECONDS


def _is_recent(observed: Observed) -> bool:
    return observed.paths_unchanged_seconds < OPEN_AFTER_SECONDS


def still_admits_anybody(cluster: Cluster, observed: Observed) -> bool:
    """Tell whether the management node must stay open to anybody who was led to it a moment ago."""
    return _is_recent(observed) and _admits_anybody(_ingress(cluster, observed) or [])


def still_admits_frontends(cluster: Cluster, observed: Observed) -> bool:
    """Tell whether the management node must stay open to frontends that led clients to it a moment ago."""
    peer, live = rules.pods_of(cluster.name, COMPONENT_FRONTEND), _ingress(cluster, observed) or []
    return _is_recent(observed) and any(peer in (rule.get("from") or ()) for rule in live)


def later(observed: Observed) -> list[tuple[float, Observed]]:
    """Return in how many seconds another plan may be due by time alone, and what is observed then."""
    return [
        (moment - observed.paths_unchanged_seconds, replace(observed, paths_unchanged_seconds=moment))
        for moment in (OPEN_BEFORE_SECONDS, OPEN_AFTER_SECONDS)
        if observed.paths_unchanged_seconds < moment
    ]
