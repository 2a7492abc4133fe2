"""What all our pods have in common: the `restricted` security contexts, and a role's `pod` settings.

Selectors never change (`pba_api.identity.selector`); the user's labels and annotations are added to a pod
template, and can never replace ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pba_api.types import PodSettings
from pba_operator.domain.model import Cluster, Manifest
from pba_operator.domain.ownership import marks

MANAGEMENT_DRAIN_SECONDS: Final = 5
"""How long a management node that goes serves on: kube-proxy and the sidecar need well under a second to leave it
out."""


def restricted_container() -> Manifest:
    """Return a container's securityContext under the Pod Security Standard `restricted`, root read-only."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def restricted_pod(
    user: int | None = None, group: int | None = None, fs_group: int | None = None
) -> Manifest:
    """Return a pod's securityContext under `restricted`.

    Args:
        user: The numeric user of all its processes, never 0; None: the image's (which must not be root).
        group: Their group; None: the image's.
        fs_group: The group that owns the pod's volumes; None: no volume is written to.
    """
    context: Manifest = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    identifiers = {"runAsUser": user, "runAsGroup": group, "fsGroup": fs_group}
    context |= {name: number for name, number in identifiers.items() if number is not None}
    if fs_group is not None:
        context["fsGroupChangePolicy"] = "OnRootMismatch"
    return context


def with_settings(
    pod_template: Manifest, settings: PodSettings, cluster: Cluster, component: str, *, container: str
) -> Manifest:
    """Return `pod_template` with a role's `pod` settings merged in; it stays as it is, and shares what is the same.

    Args:
        pod_template: `metadata` (annotations only, may be absent) and `spec` of the pods.
        settings: `spec.ROLE.pod`.
        cluster: The PBACluster.
        component: The role, one of `pba_api.identity.COMPONENT_*`.
        container: The name of the container that gets `settings.resources`.

    Raises:
        ValueError: The template has no container of that name (a programming error).
    """
    child = cluster.spec.child_metadata
    own_annotations = pod_template.get("metadata", {}).get("annotations", {})
    annotations = {**child.annotations, **settings.annotations, **own_annotations}
    labels = {**child.labels, **settings.labels, **marks(cluster, component)}
    metadata: Manifest = {"labels": labels}
    if annotations:
        metadata["annotations"] = annotations
    spec: Manifest = {**pod_template["spec"], **_placement(settings)}
    if cluster.spec.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": secret.name} for secret in cluster.spec.image_pull_secrets]
    if settings.resources:
        spec["containers"] = _with_resources(spec["containers"], container, settings.resources)
    return {**pod_template, "metadata": metadata, "spec": spec}


def _with_resources(
    containers: Sequence[Manifest], name: str, resources: Mapping[str, Any]
) -> list[Manifest]:
    """Return the containers, the one of that name with these resources."""
    if name not in [container["name"] for container in containers]:
        raise ValueError(f'the pod template has no container "{name}"')
    return [
        {**container, "resources": resources} if container["name"] == name else container
        for container in containers
    ]


def _placement(settings: PodSettings) -> Manifest:
    """Return the scheduling fields of a pod; what is empty is left out, so that it goes from the pod."""
    fields: dict[str, Any] = {
        "nodeSelector": dict(settings.node_selector),
        "tolerations": list(settings.tolerations),
        "affinity": settings.affinity,
        "topologySpreadConstraints": list(settings.topology_spread_constraints),
        "priorityClassName": settings.priority_class_name,
    }
    return {name: value for name, value in fields.items() if value}
