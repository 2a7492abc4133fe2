"""Who the sidecar is towards the API server, and what it may do there: follow EndpointSlices, and one ConfigMap.

Kubernetes cannot narrow `list` and `watch` down to the slices of one Service; the namespace is the limit. It can to one
object by its name, if it is asked for with a field selector.
"""

from __future__ import annotations

from pba_api import names
from pba_api.identity import COMPONENT_FRONTEND
from pba_operator.domain.model import Cluster, Manifest
from pba_operator.domain.ownership import metadata

_RBAC = "rbac.authorization.k8s.io"


def manifests(cluster: Cluster) -> list[Manifest]:
    """Return the ServiceAccount, the Role and the RoleBinding `NAME-frontend`."""
    name = names.frontend(cluster.name)
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(cluster, name, COMPONENT_FRONTEND),
        "automountServiceAccountToken": False,
    }
    role = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "Role",
        "metadata": metadata(cluster, name, COMPONENT_FRONTEND),
        "rules": [
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
            {
                "apiGroups": [""],
                "resources": ["configmaps"],
                "resourceNames": [names.nodes(cluster.name)],
                "verbs": ["list", "watch"],
            },
        ],
    }
    binding = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": metadata(cluster, name, COMPONENT_FRONTEND),
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": cluster.namespace}],
    }
    return [account, role, binding]
