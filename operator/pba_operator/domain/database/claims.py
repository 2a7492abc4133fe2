"""The members' volume claims: made by us before the StatefulSet, so that its controller finds and uses them.

Why not left to the StatefulSet's template: its controller takes whatever claim of the name it finds, also one
that is not ours; and a template can never be changed, neither its size nor its labels. What must stay true: a
claim never shrinks; it is changed only as the very object that was seen (`metadata.uid`); nothing but growth
and marks is ever changed in it.
"""

from __future__ import annotations

from typing import Final

from pba_api.identity import COMPONENT_DATABASE, LABEL_DATABASE_ID
from pba_operator.domain import quantity
from pba_operator.domain.database import members
from pba_operator.domain.database.retained import Standing, standing
from pba_operator.domain.model import Cluster, Manifest, Observed
from pba_operator.domain.ownership import kept_marks, metadata

TEMPLATE: Final = "data"
"""The name of the StatefulSet's claim template, and of the volume in the pod; never to be changed."""
ACCESS_MODES: Final = ("ReadWriteOnce",)


def database_id(cluster: Cluster, observed: Observed) -> str:
    """Return which database this is: the UID of the PBACluster that first made its volume.

    The volume says so, unless somebody has changed what stands there: the StatefulSet's claim template, in which
    nothing can be changed, says the same.
    """
    live = members.claim(cluster, observed)
    if live is None or standing(cluster, live) not in (Standing.OURS, Standing.KEPT):
        return cluster.uid
    marked = _database_id(live)
    made_with = [_database_id(claim) for claim in _templates(cluster, observed)]
    if not made_with or marked in (*made_with, cluster.uid):
        return marked or cluster.uid
    return made_with[0] or cluster.uid


def _database_id(claim: Manifest) -> str:
    labels: dict[str, str] = claim["metadata"].get("labels") or {}
    return labels.get(LABEL_DATABASE_ID, "")


def _templates(cluster: Cluster, observed: Observed) -> list[Manifest]:
    """Return the claim templates of our live StatefulSet."""
    owner = members.statefulset(cluster, observed)
    found: list[Manifest] = owner["spec"].get("volumeClaimTemplates") or [] if owner else []
    return found


def manifest(cluster: Cluster, observed: Observed) -> Manifest:
    """Return the first member's claim: as asked, or as it is where it is larger."""
    live = members.claim(cluster, observed)
    meta = metadata(cluster, members.claim_id(cluster).name, COMPONENT_DATABASE, kept=True)
    meta["labels"][LABEL_DATABASE_ID] = database_id(cluster, observed)
    spec = _spec(cluster, _size(cluster, live))
    if live is not None:
        meta["uid"] = live["metadata"]["uid"]
        spec["accessModes"] = live["spec"]["accessModes"]
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec}


def template(cluster: Cluster, observed: Observed) -> Manifest:
    """Return the StatefulSet's claim template; one that exists is kept as it is, because it cannot be changed."""
    live = _templates(cluster, observed)
    if live:
        claim, spec = live[0], live[0]["spec"]
        wanted = {"accessModes": spec["accessModes"], "resources": _requests(_in_users_words(cluster, claim))}
        if "storageClassName" in spec:
            wanted["storageClassName"] = spec["storageClassName"]
        return {"metadata": {"name": TEMPLATE, "labels": claim["metadata"]["labels"]}, "spec": wanted}
    labels = kept_marks(cluster, COMPONENT_DATABASE) | {LABEL_DATABASE_ID: database_id(cluster, observed)}
    spec = _spec(cluster, cluster.spec.database.storage.size)
    return {"metadata": {"name": TEMPLATE, "labels": labels}, "spec": spec}


def requested(claim: Manifest) -> str:
    """Return the size that a live claim asks for."""
    size: str = claim["spec"]["resources"]["requests"]["storage"]
    return size


def is_larger(one: str, other: str) -> bool:
    """Tell whether the quantity `one` is larger than `other`; what is no quantity is not larger."""
    first, second = quantity.parse(one), quantity.parse(other)
    return first is not None and second is not None and first > second


def _size(cluster: Cluster, live: Manifest | None) -> str:
    """Return the size to ask for: a claim without a volume cannot be changed, and none can shrink."""
    wanted = cluster.spec.database.storage.size
    if live is None:
        return wanted
    is_bound = live.get("status", {}).get("phase") == "Bound"
    if is_bound and not is_larger(requested(live), wanted):
        return wanted
    return _in_users_words(cluster, live)


def _in_users_words(cluster: Cluster, claim: Manifest) -> str:
    """Return the size that a claim asks for, as the user writes it if it is the same.

    The API server writes 0.5Gi as 512Mi: asking for that next would be another apply, which changes nothing.
    """
    size, wanted = requested(claim), cluster.spec.database.storage.size
    return wanted if quantity.equal(size, wanted) else size


def _requests(size: str) -> Manifest:
    return {"requests": {"storage": size}}


def _spec(cluster: Cluster, size: str) -> Manifest:
    spec: Manifest = {"accessModes": list(ACCESS_MODES), "resources": _requests(size)}
    if cluster.spec.database.storage.storage_class_name:
        spec["storageClassName"] = cluster.spec.database.storage.storage_class_name
    return spec
