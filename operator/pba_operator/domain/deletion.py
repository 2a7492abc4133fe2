"""The end of a PBACluster under `deletionPolicy: Delete`.

What must stay true: volumes and credentials go together, only after the pods that use them, and the finalizer last.
Under `Retain` there is nothing to do here: Kubernetes' garbage collection removes what carries our ownerReference,
and what is kept carries none. A spec that cannot be read is deleted just the same.
"""

from __future__ import annotations

from pba_api.identity import FINALIZER
from pba_operator.domain.cluster import Invalid
from pba_operator.domain.database import retained_ids
from pba_operator.domain.model import Action, ChildId, Cluster, Delete, Observed, Plan, SetFinalizer
from pba_operator.domain.ownership import is_ours

_WORKLOADS = ("Deployment", "StatefulSet")


def deletes_data(cluster: Cluster | Invalid) -> bool:
    """Tell whether deleting this PBACluster deletes its data."""
    if isinstance(cluster, Invalid):
        return cluster.deletes_data
    return cluster.spec.deletion_policy == "Delete"


def finalizer(cluster: Cluster | Invalid) -> list[Action]:
    """Return the change of our finalizer that a PBACluster that lives needs."""
    present = FINALIZER in cluster.finalizers
    return [] if present == deletes_data(cluster) else [SetFinalizer(present=not present)]


def plan_deletion(cluster: Cluster | Invalid, observed: Observed) -> Plan:
    """Return the next steps of the deletion; none while we wait for pods to end."""
    if FINALIZER not in cluster.finalizers:
        return Plan()
    if not deletes_data(cluster):
        return Plan((SetFinalizer(present=False),))
    workloads = [
        Delete(ChildId(kind, live["metadata"]["name"]), live["metadata"]["uid"])
        for kind in _WORKLOADS
        for live in observed.of_kind(kind)
        if is_ours(cluster, live)
    ]
    if workloads:
        return Plan(tuple(workloads))
    if observed.of_kind("Pod"):
        return Plan()
    kept = tuple(
        Delete(ChildId(live["kind"], live["metadata"]["name"]), live["metadata"]["uid"])
        for live in retained_ids(cluster, observed)
        if "deletionTimestamp" not in live["metadata"]
    )
    if kept:
        return Plan(kept)
    if retained_ids(cluster, observed):
        return Plan()
    return Plan((SetFinalizer(present=False),))
