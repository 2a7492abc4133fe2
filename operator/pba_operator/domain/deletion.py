"""The end of a PBACluster under `deletionPolicy: Delete`.

What must stay true: volumes and credentials go together, only after the pods that use them, and the finalizer last.
Under `Retain` there is nothing to do here: Kubernetes' garbage collection removes what carries our ownerReference,
and what is kept carries none. A spec that cannot be read is deleted just the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from pba_api import names
from pba_api.identity import FINALIZER
from pba_operator.domain.cluster import Invalid
from pba_operator.domain.database import retained_children
from pba_operator.domain.model import Action, ChildId, Cluster, Delete, Manifest, Observed, Plan, SetFinalizer
from pba_operator.domain.ownership import controller_uid

_WORKLOADS = ("Deployment", "StatefulSet")
_NAMED = 5
"""How many of the objects that a deletion waits for are named."""


def deletes_data(cluster: Cluster | Invalid) -> bool:
    """Tell whether deleting this PBACluster deletes its data."""
    if isinstance(cluster, Invalid):
        return cluster.deletes_data
    return cluster.spec.deletion_policy == "Delete"


def finalizer(cluster: Cluster | Invalid) -> list[Action]:
    """Return the change of our finalizer that a PBACluster that lives needs."""
    present = FINALIZER in cluster.finalizers
    return [] if present == deletes_data(cluster) else [SetFinalizer(present=not present)]


def _deletions(objects: Iterable[Manifest]) -> tuple[Action, ...]:
    """Return the deletion of each object that is not on its way out already."""
    return tuple(
        Delete(ChildId.of(live), live["metadata"]["uid"])
        for live in objects
        if not live["metadata"].get("deletionTimestamp")
    )


def _data_steps(cluster: Cluster | Invalid, observed: Observed) -> tuple[Action, ...]:
    """Return what is due once no pod is left: volumes and credentials, then the finalizer."""
    kept = retained_children(cluster, observed)
    return _deletions(kept) if kept else (SetFinalizer(present=False),)


def _workloads(cluster: Cluster | Invalid, observed: Observed) -> list[Manifest]:
    return [
        live for kind in _WORKLOADS for live in observed.of_kind(kind) if controller_uid(live) == cluster.uid
    ]


def _workload_names(cluster: Cluster | Invalid) -> tuple[ChildId, ...]:
    """Return what may hold pods whose end is waited for."""
    name = cluster.name
    nodes = (names.management(name), names.backend(name), names.frontend(name))
    return (
        ChildId("StatefulSet", names.database(name)),
        *(ChildId("Deployment", each) for each in nodes),
    )


def waits_for(cluster: Cluster | Invalid, observed: Observed) -> str:
    """Return what a PBACluster that is being deleted waits for, in words for its user."""
    others = [name for name in cluster.finalizers if name != FINALIZER]
    if FINALIZER in cluster.finalizers and deletes_data(cluster):
        left = (
            _workloads(cluster, observed) or observed.of_kind("Pod") or retained_children(cluster, observed)
        )
        if left:
            return f"waits for the end of {_listed(left)}"
    if others:
        return f"waits for whoever set the finalizers {', '.join(others)}"
    return "all of it is gone but what Kubernetes collects by itself"


def _listed(left: list[Manifest]) -> str:
    named = [f'{live["kind"]} "{live["metadata"]["name"]}"' for live in left[:_NAMED]]
    more = len(left) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def plan_deletion(cluster: Cluster | Invalid, observed: Observed) -> Plan:
    """Return the next steps of the deletion; none while we wait for something to end."""
    if FINALIZER not in cluster.finalizers:
        return Plan()
    if not deletes_data(cluster):
        return Plan((SetFinalizer(present=False),))
    workloads = _workloads(cluster, observed)
    if workloads:
        return Plan(_deletions(workloads))
    if observed.of_kind("Pod"):
        return Plan(looks_for=_workload_names(cluster))
    return Plan(_data_steps(cluster, observed))
