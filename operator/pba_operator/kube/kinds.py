"""The kinds that the operator deals with, and where the API server serves them.

Written down instead of discovered: discovery costs requests at every start, and a kind that is not in this
table has no permission in the operator's Role either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pba_api import identity


@dataclass(frozen=True)
class Kind:
    """A namespaced kind of the Kubernetes API."""

    name: str
    group: str
    version: str
    plural: str

    @property
    def api_version(self) -> str:
        """Return what stands in a manifest's `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the path of an object, or of a collection: of one namespace, or (empty) of all."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        within = f"/namespaces/{namespace}" if namespace else ""
        tail = "".join(f"/{part}" for part in (name, subresource) if part)
        return f"{root}{within}/{self.plural}{tail}"


CLUSTER: Final = Kind(identity.KIND, identity.GROUP, identity.VERSION, identity.PLURAL)

CHILDREN: Final = (
    Kind("StatefulSet", "apps", "v1", "statefulsets"),
    Kind("Deployment", "apps", "v1", "deployments"),
    Kind("Service", "", "v1", "services"),
    Kind("Secret", "", "v1", "secrets"),
    Kind("ConfigMap", "", "v1", "configmaps"),
    Kind("PersistentVolumeClaim", "", "v1", "persistentvolumeclaims"),
    Kind("Pod", "", "v1", "pods"),
    Kind("ServiceAccount", "", "v1", "serviceaccounts"),
    Kind("Role", "rbac.authorization.k8s.io", "v1", "roles"),
    Kind("RoleBinding", "rbac.authorization.k8s.io", "v1", "rolebindings"),
    Kind("PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets"),
    Kind("NetworkPolicy", "networking.k8s.io", "v1", "networkpolicies"),
)
"""What is watched beside the PBAClusters, by the label `pba.dev/cluster`."""

EVENT: Final = Kind("Event", "", "v1", "events")
LEASE: Final = Kind("Lease", "coordination.k8s.io", "v1", "leases")

WATCHED: Final = (CLUSTER, *CHILDREN)
BY_NAME: Final[Mapping[str, Kind]] = {kind.name: kind for kind in (*WATCHED, EVENT, LEASE)}


def of(manifest: Mapping[str, object]) -> Kind:
    """Return the kind of a manifest.

    Raises:
        KeyError: it is none that the operator deals with.
    """
    return BY_NAME[str(manifest["kind"])]
