"""The resource's coordinates in the Kubernetes API, and the marks that we put on objects.

Written once, because selectors and names of children can never be changed after the first release.
"""

from __future__ import annotations

from typing import Final

GROUP: Final = "pba.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "PBACluster"
PLURAL: Final = "pbaclusters"
SHORT_NAME: Final = "pba"

FIELD_MANAGER: Final = "pba-operator"
"""The field manager of every server-side apply."""

FINALIZER: Final = f"{GROUP}/cleanup"
"""Set while `deletionPolicy` is `Delete`: the operator then has volumes and credentials to remove."""

LABEL_CLUSTER: Final = f"{GROUP}/cluster"
LABEL_COMPONENT: Final = f"{GROUP}/component"
LABEL_CLUSTER_UID: Final = f"{GROUP}/cluster-uid"
"""On what outlives its PBACluster: whose it is (or was)."""

LABEL_DATABASE_ID: Final = f"{GROUP}/database-id"
"""On volume claims: which database is on the volume. It is the UID of the PBACluster that first made it, and
stays when a later one takes the volume back."""

ANNOTATION_HASH: Final = f"{GROUP}/desired-hash"
"""Hash of the manifest that we applied: a field removed from it must go from the object, too."""

ANNOTATION_CONFIG_HASH: Final = f"{GROUP}/config-hash"
"""On a pod template: hash of the configuration that its containers read only at start."""

RESERVED_PREFIXES: Final = (
    f"{GROUP}/",
    "app.kubernetes.io/",
    "kubernetes.io/",
    "k8s.io/",
    "argocd.argoproj.io/",
    "kubectl.kubernetes.io/",
)
"""Label and annotation prefixes that `childMetadata` and `pod` may not set."""

COMPONENT_DATABASE: Final = "database"
COMPONENT_MANAGEMENT: Final = "management"
COMPONENT_BACKEND: Final = "backend"
COMPONENT_FRONTEND: Final = "frontend"


def cluster_labels(cluster: str) -> dict[str, str]:
    """Return the labels of every child of `cluster`, whatever its component."""
    return {LABEL_CLUSTER: cluster, "app.kubernetes.io/managed-by": FIELD_MANAGER}


def selector(cluster: str, component: str) -> dict[str, str]:
    """Return exactly the labels by which workloads and Services select pods; never to be extended."""
    return {LABEL_CLUSTER: cluster, LABEL_COMPONENT: component}
