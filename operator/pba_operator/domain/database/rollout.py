"""A change of the pod template reaches the members by deleting their pods, one decision at a time.

What must stay true: a pod is deleted only as the very pod that was seen; only when the StatefulSet's controller
has seen the newest template (else its status names the one before), and only when that template is the one that
we want now (else the pod would be started twice, or with what somebody else has written into it).
"""

from __future__ import annotations

from pba_api.identity import ANNOTATION_HASH
from pba_operator.domain import drift
from pba_operator.domain.database import members, statefulset
from pba_operator.domain.model import ChildId, Cluster, Delete, Observed


def deletions(cluster: Cluster, observed: Observed) -> list[Delete]:
    """Return the pods that are to be made anew now."""
    owner, member = members.statefulset(cluster, observed), members.pod(cluster, observed)
    wanted = statefulset.manifest(cluster, observed)
    if owner is None or member is None or wanted is None:
        return []
    if member["metadata"].get("deletionTimestamp") or not members.is_settled(owner):
        return []
    stamped = drift.stamp(wanted)["metadata"]["annotations"][ANNOTATION_HASH]
    applied = (owner["metadata"].get("annotations") or {}).get(ANNOTATION_HASH)
    if applied != stamped or members.is_current(owner, member):
        return []
    # Not while somebody's edit of the template has still to be undone: it is nothing to restart the pod for.
    return [
        Delete(
            ChildId("Pod", member["metadata"]["name"]), member["metadata"]["uid"], after=ChildId.of(wanted)
        )
    ]
