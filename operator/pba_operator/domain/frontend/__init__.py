"""The frontend nodes: HAProxy and the sync sidecar, and what they need to find the backend nodes."""

from __future__ import annotations

from pba_operator.domain.frontend import access, backends, deployment, haproxy_cfg, tickets
from pba_operator.domain.frontend.deployment import SyncImage
from pba_operator.domain.frontend.tickets import actions
from pba_operator.domain.frontend.tls_secrets import client_authorities, problems, references
from pba_operator.domain.model import Cluster, Manifest, Observed

__all__ = ["SyncImage", "actions", "manifests", "problems", "references"]


def manifests(cluster: Cluster, observed: Observed, sync_image: SyncImage) -> list[Manifest]:
    """Return the frontend's manifests in the order of their making; none without `spec.frontend`.

    Neither the pods nor what they read is named while they could not serve (`problems` says why): what runs goes on.

    Args:
        cluster: the PBACluster.
        observed: the live state.
        sync_image: the sidecar's image, from the operator's configuration.
    """
    if cluster.spec.frontend is None or cluster.spec.backend is None:
        return []
    needed = [backends.service(cluster), *access.manifests(cluster), *tickets.manifests(cluster, observed)]
    if problems(cluster, observed):
        return needed
    config = haproxy_cfg.config_map(cluster)
    read_at_start = config["data"][haproxy_cfg.FILE] + client_authorities(cluster.spec, observed)
    pods = deployment.manifest(
        cluster, cluster.spec.frontend, cluster.spec.backend, read_at_start, sync_image
    )
    return [*needed, config, pods]
