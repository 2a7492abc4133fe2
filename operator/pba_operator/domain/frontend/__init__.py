"""The frontend nodes: HAProxy and the sync sidecar, and what they need to find the nodes."""

from __future__ import annotations

from pba_api.types import PBAClusterSpec
from pba_operator.domain.frontend import (
    access,
    declaration,
    deployment,
    haproxy_cfg,
    pages,
    selectors,
    tickets,
    tls_secrets,
)
from pba_operator.domain.frontend.deployment import SyncImage
from pba_operator.domain.frontend.tickets import actions
from pba_operator.domain.model import ChildId, Cluster, Manifest, Observed, Problem

__all__ = ["SyncImage", "actions", "manifests", "problems", "references"]


def references(spec: PBAClusterSpec) -> tuple[ChildId, ...]:
    """Return the user's objects that the frontend needs."""
    return (*pages.references(spec), *tls_secrets.references(spec))


def problems(cluster: Cluster, observed: Observed) -> list[Problem]:
    """Return what is wrong with the user's objects that the frontend needs."""
    return [*tls_secrets.problems(cluster, observed), *pages.problems(cluster, observed)]


def manifests(cluster: Cluster, observed: Observed, sync_image: SyncImage) -> list[Manifest]:
    """Return the frontend's manifests in the order of their making; none without `spec.frontend`.

    Neither the pods nor what they read is named while they could not serve (`tls_secrets.problems` says why): what runs
    goes on.

    Args:
        cluster: the PBACluster.
        observed: the live state; it holds the user's pages and certificates.
        sync_image: the sidecar's image, from the operator's configuration.
    """
    if cluster.spec.frontend is None:
        return []
    needed = [
        *selectors.manifests(cluster),
        *access.manifests(cluster),
        declaration.config_map(cluster),
        *tickets.manifests(cluster, observed),
    ]
    if tls_secrets.problems(cluster, observed):
        return needed
    config = haproxy_cfg.config_map(cluster, pages.usable(cluster, observed))
    read_at_start = {**config["data"], "": tls_secrets.client_authorities(cluster.spec, observed)}
    return [*needed, config, deployment.manifest(cluster, cluster.spec.frontend, read_at_start, sync_image)]
