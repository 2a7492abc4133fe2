"""Whose an object is: the marks that every child carries, and how we know our own again.

Two kinds of children. What lives and dies with its PBACluster has a controller ownerReference, and
Kubernetes' garbage collection removes it. What may outlive it (volume claims, generated credentials) has no
ownerReference but carries the cluster's UID as a label. An object with neither is somebody else's, whatever
its name: it is never adopted, changed or deleted.
"""

from __future__ import annotations

from typing import Any

from pba_api import identity
from pba_operator.domain.model import Cluster, Manifest


def metadata(cluster: Cluster, name: str, component: str, *, kept: bool = False) -> Manifest:
    """Return the `metadata` of a child: our labels, `childMetadata`, and whose it is.

    Args:
        cluster: The PBACluster.
        name: The child's name (see `pba_api.names`).
        component: One of `pba_api.identity.COMPONENT_*`.
        kept: The object outlives its PBACluster: marked with the UID instead of owned.
    """
    child = cluster.spec.child_metadata
    own = kept_marks(cluster, component) if kept else marks(cluster, component)
    result: Manifest = {
        "name": name,
        "namespace": cluster.namespace,
        "labels": {**child.labels, **own},
    }
    if child.annotations:
        result["annotations"] = dict(child.annotations)
    if not kept:
        result["ownerReferences"] = [owner_reference(cluster)]
    return result


def marks(cluster: Cluster, component: str) -> dict[str, str]:
    """Return the labels of our own that every child carries."""
    return identity.cluster_labels(cluster.name) | identity.selector(cluster.name, component)


def kept_marks(cluster: Cluster, component: str) -> dict[str, str]:
    """Return the labels of our own on a child that may outlive its PBACluster."""
    return marks(cluster, component) | {identity.LABEL_CLUSTER_UID: cluster.uid}


def owner_reference(cluster: Cluster) -> Manifest:
    """Return the controller reference to `cluster`."""
    return {
        "apiVersion": identity.API_VERSION,
        "kind": identity.KIND,
        "name": cluster.name,
        "uid": cluster.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_uid(manifest: Manifest) -> str:
    """Return the UID of the object that controls `manifest`; empty if none does."""
    references: list[dict[str, Any]] = manifest["metadata"].get("ownerReferences") or []
    return next((str(reference["uid"]) for reference in references if reference.get("controller")), "")


def is_leaving(cluster: Cluster, manifest: Manifest) -> bool:
    """Tell whether an object is the child of an earlier namesake: Kubernetes is about to delete it."""
    references: list[dict[str, Any]] = manifest["metadata"].get("ownerReferences") or []
    namesake = (identity.KIND, cluster.name)
    return any(
        (reference["kind"], reference["name"]) == namesake and reference["uid"] != cluster.uid
        for reference in references
        if reference.get("controller")
    )


def marked_uid(manifest: Manifest) -> str:
    """Return the UID of the PBACluster that a kept object belongs (or belonged) to; empty: no mark."""
    labels: dict[str, str] = manifest["metadata"].get("labels") or {}
    return labels.get(identity.LABEL_CLUSTER_UID, "")


def is_ours(cluster: Cluster, manifest: Manifest) -> bool:
    """Tell whether a live object is a child of exactly this PBACluster, not of an earlier namesake."""
    return cluster.uid in (controller_uid(manifest), marked_uid(manifest))
