"""What outlives a PBACluster: the volume, and the credentials that open it. Recognised, taken back, or left alone.

The kept set is the volume claim, the operator's account (admin), the certificate authority, and the
application's password if we made it. Its members carry the UID of the PBACluster they belong to, and the id of
their database. A PBACluster of the same namespace and name takes the whole set back by stamping its own UID on it.
What must stay true:

- All or nothing: a set that lacks a member, or whose members are of different databases, is reported and not
  touched. So is an object of such a name that carries no mark: it is somebody else's.
- A PBACluster may be deleted while it takes the set back: what is left then bears different UIDs, and still is of
  one database.
- The volume is stamped first, and alone. So a volume that is still another's beside credentials that are already
  ours was never taken back half-way: those credentials are not the volume's.
- Secrets are made before the volume, and marked with the database's id once it exists. So Secrets without that
  mark never had a volume: their PBACluster was deleted while it was being made, and nothing can be lost by using
  them. A crash between two creations leaves objects that carry this PBACluster's own UID: nothing to take back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

from pba_api.conditions import ConditionType
from pba_api.identity import (
    COMPONENT_DATABASE,
    LABEL_CLUSTER,
    LABEL_COMPONENT,
    LABEL_DATABASE_ID,
)
from pba_operator.domain.cluster import Invalid
from pba_operator.domain.database import members, secret_ids
from pba_operator.domain.model import ChildId, Cluster, Manifest, Observed, Problem
from pba_operator.domain.ownership import controller_uid, is_leaving, is_ours, marked_uid


class Standing(Enum):
    """What an object under one of our names is to this PBACluster."""

    ABSENT = "absent"
    OURS = "ours"
    KEPT = "kept"
    """Left by an earlier PBACluster of this name, for us to take back."""
    LEAVING = "leaving"
    """Owned by an earlier PBACluster of this name: Kubernetes is about to delete it."""
    FOREIGN = "foreign"


def standing(cluster: Cluster, live: Manifest | None) -> Standing:
    """Return what a live object under one of our names is to `cluster`."""
    if live is None:
        return Standing.ABSENT
    if is_ours(cluster, live):
        return Standing.OURS
    if controller_uid(live):
        return Standing.LEAVING if is_leaving(cluster, live) else Standing.FOREIGN
    labels = live["metadata"].get("labels") or {}
    ours_by_name = labels.get(LABEL_CLUSTER) == cluster.name
    is_database = labels.get(LABEL_COMPONENT) == COMPONENT_DATABASE
    return Standing.KEPT if marked_uid(live) and ours_by_name and is_database else Standing.FOREIGN


def _standings(cluster: Cluster, observed: Observed) -> dict[ChildId, Standing]:
    names = (members.claim_id(cluster), *secret_ids.kept(cluster), secret_ids.certificate(cluster))
    return {child: standing(cluster, observed.children.get(child)) for child in names}


def foreigners(cluster: Cluster, observed: Observed) -> list[ChildId]:
    """Return the names that the database needs and that somebody else's objects bear."""
    return _foreign(_standings(cluster, observed))


def _foreign(found: Mapping[ChildId, Standing]) -> list[ChildId]:
    return [child for child, what in found.items() if what is Standing.FOREIGN]


def verdict(cluster: Cluster, observed: Observed) -> Problem | None:
    """Return why the database's own names cannot be used as they are found; None if they can."""
    required = (members.claim_id(cluster), *secret_ids.kept(cluster))
    found = _standings(cluster, observed)
    foreign = _foreign(found)
    if foreign:
        return _name_conflict(foreign)
    leaving = [child for child, what in found.items() if what is Standing.LEAVING]
    if leaving:
        message = f"{_listed(leaving)} of an earlier PBACluster of this name is still being deleted."
        return Problem(ConditionType.DATABASE, "Terminating", message)
    return _kept_set(cluster, observed, {child: found[child] for child in required})


def _kept_set(cluster: Cluster, observed: Observed, found: dict[ChildId, Standing]) -> Problem | None:
    kept = [child for child, what in found.items() if what is Standing.KEPT]
    if not any(_belongs_to_data(observed.children[child]) for child in kept):
        return None
    missing = [child for child, what in found.items() if what is Standing.ABSENT]
    if missing:
        return _incomplete(cluster, kept, missing)
    volume_is_others = found[members.claim_id(cluster)] is Standing.KEPT
    whole = _belong_together([observed.children[child] for child in kept])
    if not whole or (volume_is_others and len(kept) < len(found)):
        return Problem(
            ConditionType.DATABASE,
            "RetainedSetMixed",
            f"{_listed(found)} are of different databases, so they do not belong together, and nothing was "
            "touched. Restore those that belong to the volume, or delete them all to start with an empty "
            "database.",
            stalled=True,
        )
    return _other_class(cluster, observed.children[members.claim_id(cluster)]) if volume_is_others else None


def _belong_together(kept: list[Manifest]) -> bool:
    """Tell whether all were left by one PBACluster, or are of one database.

    What was never marked with a database's id is of the one that its own PBACluster made: the id is that one's UID.
    """
    origins = {marked_uid(live) for live in kept}
    databases = {live["metadata"]["labels"].get(LABEL_DATABASE_ID) or marked_uid(live) for live in kept}
    return len(origins) == 1 or len(databases) == 1


def _belongs_to_data(live: Manifest) -> bool:
    return live["kind"] == "PersistentVolumeClaim" or LABEL_DATABASE_ID in live["metadata"]["labels"]


def _incomplete(cluster: Cluster, kept: list[ChildId], missing: list[ChildId]) -> Problem:
    remedy = ""
    if missing == [secret_ids.application(cluster)]:
        remedy = (
            " (or name your own in database.user.passwordSecretRef, as the earlier PBACluster may have done)"
        )
    return Problem(
        ConditionType.DATABASE,
        "RetainedSetIncomplete",
        f"An earlier PBACluster of this name left {_listed(kept)}, but {_listed(missing)} is missing, so nothing "
        f"was touched. Restore what is missing{remedy}, or delete what is left to start with an empty database.",
        stalled=True,
    )


def _other_class(cluster: Cluster, claim: Manifest) -> Problem | None:
    wanted, has = cluster.spec.database.storage.storage_class_name, claim["spec"].get("storageClassName", "")
    if wanted in ("", has):
        return None
    return Problem(
        ConditionType.DATABASE,
        "StorageClassDiffers",
        f'The kept volume claim "{claim["metadata"]["name"]}" is of the StorageClass "{has}", and a volume cannot '
        f'move between classes. Make the PBACluster anew with database.storage.storageClassName "{has}".',
        stalled=True,
    )


def _name_conflict(foreign: list[ChildId]) -> Problem:
    return Problem(
        ConditionType.DATABASE,
        "NameConflict",
        f"{_listed(foreign)} exists and is not ours, so it was not touched. Delete or rename it, or give the "
        "PBACluster another name.",
        stalled=True,
    )


def _listed(children: Iterable[ChildId]) -> str:
    return ", ".join(f'{child.kind} "{child.name}"' for child in children)


def retained_children(cluster: Cluster | Invalid, observed: Observed) -> list[Manifest]:
    """Return the live volume claims and Secrets that outlive the PBACluster, unless its policy is Delete."""
    return [
        live
        for kind in ("PersistentVolumeClaim", "Secret")
        for live in observed.of_kind(kind)
        if marked_uid(live) == cluster.uid
    ]
