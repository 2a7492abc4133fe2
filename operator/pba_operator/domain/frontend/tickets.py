"""The generated Secret from whose seed all frontends make the same keys for TLS session tickets.

What must stay true: it is made once and its content never overwritten. One that is deleted, or has lost its seed, is
made anew; sessions that were begun before are then not resumed, and nothing else comes of it.
"""

from __future__ import annotations

from pba_api import names, sidecar
from pba_api.identity import COMPONENT_FRONTEND
from pba_operator.domain import ownership
from pba_operator.domain.model import (
    Action,
    ChildId,
    Cluster,
    Delete,
    Generate,
    Generator,
    Manifest,
    Observed,
)
from pba_operator.domain.ownership import is_ours, metadata, owner_reference


def child(cluster: Cluster) -> ChildId:
    """Return which Secret it is."""
    return ChildId("Secret", names.frontend_tickets(cluster.name))


def manifests(cluster: Cluster, observed: Observed) -> list[Manifest]:
    """Return what is to be kept of it as it is said here, once it is there: its marks."""
    if not _is_wanted(cluster) or child(cluster) not in observed.children:
        return []
    marks = metadata(cluster, child(cluster).name, COMPONENT_FRONTEND)
    return [{"apiVersion": "v1", "kind": "Secret", "metadata": marks}]


def actions(cluster: Cluster, observed: Observed) -> list[Action]:
    """Return its making, or the deletion of one without a seed."""
    live = observed.children.get(child(cluster))
    if not _is_wanted(cluster):
        return []
    if live is None:
        return [Generate(_made(cluster), Generator.TICKET_SEED)]
    is_whole = sidecar.TICKET_SEED_KEY in (live.get("data") or {})
    if is_whole or not is_ours(cluster, live) or "deletionTimestamp" in live["metadata"]:
        return []
    return [Delete(child(cluster), live["metadata"]["uid"])]


def _is_wanted(cluster: Cluster) -> bool:
    return cluster.spec.frontend is not None and cluster.spec.frontend.tls is not None


def _made(cluster: Cluster) -> Manifest:
    """Return the Secret to be made; what a creation sets, no later apply could remove again."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": child(cluster).name,
            "namespace": cluster.namespace,
            "labels": ownership.marks(cluster, COMPONENT_FRONTEND),
            "ownerReferences": [owner_reference(cluster)],
        },
        "type": "Opaque",
    }
