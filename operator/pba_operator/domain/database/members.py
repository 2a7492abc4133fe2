"""The members of the database as Kubernetes shows them: their StatefulSet, pods, volume claims and addresses.

What must stay true: only what is this PBACluster's counts. An earlier one of the same name may just be leaving,
and its pod must never be taken for ours.
"""

from __future__ import annotations

from typing import Final

from pba_api import names
from pba_operator.domain import pods
from pba_operator.domain.model import ChildId, Cluster, Manifest, Observed
from pba_operator.domain.ownership import controller_uid, is_ours

CONTAINER: Final = "mysql"
FIRST: Final = 0
"""The ordinal of the one member (more come with a later issue)."""


def service_domain(cluster: Cluster) -> str:
    """Return the name under which the headless Service publishes the members."""
    return names.service_host(names.database(cluster.name), cluster.namespace)


def host(cluster: Cluster) -> str:
    """Return the DNS name of the first member, ready or not."""
    return f"{names.database_member(cluster.name, FIRST)}.{service_domain(cluster)}"


def primary_host(cluster: Cluster) -> str:
    """Return the DNS name that leads to the primary while it is ready."""
    return names.service_host(names.database_primary(cluster.name), cluster.namespace)


def statefulset(cluster: Cluster, observed: Observed) -> Manifest | None:
    """Return the live StatefulSet, if there is one and it is ours."""
    live = observed.children.get(ChildId("StatefulSet", names.database(cluster.name)))
    return live if live is not None and is_ours(cluster, live) else None


def pod(cluster: Cluster, observed: Observed) -> Manifest | None:
    """Return the live pod of the first member, if our StatefulSet controls it."""
    owner = statefulset(cluster, observed)
    live = observed.children.get(ChildId("Pod", names.database_member(cluster.name, FIRST)))
    if owner is None or live is None or controller_uid(live) != owner["metadata"]["uid"]:
        return None
    return live


def claim_id(cluster: Cluster) -> ChildId:
    """Return the identity of the first member's volume claim."""
    return ChildId("PersistentVolumeClaim", names.database_claim(cluster.name, FIRST))


def claim(cluster: Cluster, observed: Observed) -> Manifest | None:
    """Return the live volume claim of the first member, whoever's it is."""
    return observed.children.get(claim_id(cluster))


def is_settled(owner: Manifest) -> bool:
    """Tell whether the StatefulSet's controller has seen its newest template (else its status is old)."""
    seen: int = owner.get("status", {}).get("observedGeneration", 0)
    return bool(seen >= owner["metadata"].get("generation", 0))


def is_current(owner: Manifest, member: Manifest) -> bool:
    """Tell whether a pod was made from its StatefulSet's newest template."""
    labels: dict[str, str] = member["metadata"].get("labels") or {}
    newest: str = owner.get("status", {}).get("updateRevision", "")
    return is_settled(owner) and labels.get("controller-revision-hash") == newest


def is_serving(cluster: Cluster, observed: Observed) -> bool:
    """Tell whether the member's pod is ready and runs what the newest template says."""
    owner, member = statefulset(cluster, observed), pod(cluster, observed)
    return owner is not None and member is not None and pods.is_ready(member) and is_current(owner, member)
