"""The frontend nodes: HAProxy and the sync sidecar, and what they need to find the nodes."""

from __future__ import annotations

from pba_operator.domain.frontend import access, declaration, deployment, haproxy_cfg, pages, selectors
from pba_operator.domain.frontend.deployment import SyncImage
from pba_operator.domain.frontend.pages import problems, references
from pba_operator.domain.model import Cluster, Manifest, Observed

__all__ = ["SyncImage", "manifests", "problems", "references"]


def manifests(cluster: Cluster, observed: Observed, sync_image: SyncImage) -> list[Manifest]:
    """Return the frontend's manifests in the order of their making; none without `spec.frontend`.

    Args:
        cluster: the PBACluster.
        observed: the live state; it holds the user's pages.
        sync_image: the sidecar's image, from the operator's configuration.
    """
    if cluster.spec.frontend is None:
        return []
    config = haproxy_cfg.config_map(cluster, pages.usable(cluster, observed))
    return [
        *selectors.manifests(cluster),
        *access.manifests(cluster),
        declaration.config_map(cluster),
        config,
        deployment.manifest(cluster, cluster.spec.frontend, config, sync_image),
    ]
