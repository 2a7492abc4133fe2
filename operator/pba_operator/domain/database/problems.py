"""What keeps the database from being ready, each with the object that it is about and the remedy.

Two kinds. What must be cured before anything is created or changed (`blocking`): a Secret of the user's that is
missing, a kept set that is not whole, options that cannot be. And what keeps a database that we make from
serving. Only the foremost of a chain is told: a pod cannot start while its volume is not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pba_api import names
from pba_api.conditions import ConditionType
from pba_operator.domain import pods
from pba_operator.domain.database import (
    accounts,
    claims,
    configuration,
    members,
    retained,
    secret_ids,
    secrets,
)
from pba_operator.domain.model import AccountState, ChildId, Cluster, Manifest, Observed, Problem
from pba_operator.domain.wording import being_deleted, sentence

_ABOUT_VOLUMES: Final = re.compile(
    r"persistent ?volume|storageclass|storage class|free storage|volume node affinity", re.IGNORECASE
)
_PROVISIONER: Final = "volume.kubernetes.io/storage-provisioner"
"""The annotation that Kubernetes sets on a claim once a StorageClass's provisioner is at work on it."""


def blocking(cluster: Cluster, observed: Observed) -> list[Problem]:
    """Return what forbids to create or change anything of the database."""
    found = [
        _options(cluster),
        password_problem(cluster, observed),
        retained.verdict(cluster, observed),
        *_damaged_secrets(cluster, observed),
    ]
    return [problem for problem in found if problem is not None]


def problems(cluster: Cluster, observed: Observed) -> list[Problem]:
    """Return what keeps `DatabaseReady` from being true, the worst first."""
    found = [
        *blocking(cluster, observed),
        *_volume(cluster, observed),
        *_secrets_going(cluster, observed),
    ]
    serving = _serving(cluster, observed) or _accounts(cluster, observed)
    found.extend([serving] if serving is not None else [])
    return sorted(found, key=lambda problem: not problem.stalled)


def _options(cluster: Cluster) -> Problem | None:
    wrong = configuration.refused(cluster.spec.database.config)
    if not wrong:
        return None
    message = (
        f"database.config must not set {', '.join(wrong)}: the operator sets it itself, or its value does not fit "
        "into one line of my.cnf. Remove it."
    )
    return Problem(ConditionType.DATABASE, "ConfigRefused", message, stalled=True)


def password_problem(cluster: Cluster, observed: Observed) -> Problem | None:
    """Return what is wrong with the Secret of the user's that holds the application's password."""
    given = cluster.spec.database.user.password_secret_ref
    if given is None:
        return None
    secret = observed.references.get(ChildId("Secret", given.name))
    if secret is None:
        message = (
            f'The Secret "{given.name}", which database.user.passwordSecretRef names, does not exist in the '
            f'namespace {cluster.namespace}. Create it with the key "{given.key}", or correct the reference.'
        )
        return Problem(ConditionType.DATABASE, "SecretMissing", message, stalled=True)
    if not (secret.get("data") or {}).get(given.key):
        message = (
            f'The Secret "{given.name}" has nothing under the key "{given.key}", which '
            "database.user.passwordSecretRef names. Add the key, or correct the reference."
        )
        return Problem(ConditionType.DATABASE, "SecretKeyMissing", message, stalled=True)
    text = secrets.value(secret, given.key)
    if text is None or "\0" in text:
        message = (
            f'The key "{given.key}" of the Secret "{given.name}" is no text (UTF-8 without zero bytes), so it cannot '
            "be a password. Correct it."
        )
        return Problem(ConditionType.DATABASE, "SecretKeyInvalid", message, stalled=True)
    return None


def _damaged_secrets(cluster: Cluster, observed: Observed) -> Iterator[Problem]:
    remedy = (
        "Restore it from a copy, or delete it: it is then made anew, and the database and the application are "
        "restarted with it."
    )
    lacking = secrets.lacking(cluster, observed)
    for child, keys in lacking.items():
        message = f'The Secret "{child.name}" has lost {", ".join(keys)}. {remedy}'
        yield Problem(ConditionType.DATABASE, "SecretKeyMissing", message, stalled=True)
    for child, flaw in secrets.unusable(cluster, observed, lacking).items():
        message = f'The Secret "{child.name}" {flaw}. {remedy}'
        yield Problem(ConditionType.DATABASE, "SecretInvalid", message, stalled=True)


def _secrets_going(cluster: Cluster, observed: Observed) -> Iterator[Problem]:
    for child in (*secret_ids.kept(cluster), secret_ids.certificate(cluster)):
        live = secrets.ours(cluster, observed, child)
        if live is not None and "deletionTimestamp" in live["metadata"]:
            yield Problem(ConditionType.DATABASE, "Terminating", being_deleted(live))


def _volume(cluster: Cluster, observed: Observed) -> Iterator[Problem]:
    claim = members.claim(cluster, observed)
    if claim is None or retained.standing(cluster, claim) is not retained.Standing.OURS:
        return
    name = claim["metadata"]["name"]
    phase = claim.get("status", {}).get("phase")
    if claim["metadata"].get("deletionTimestamp"):
        message = (
            f'The volume claim "{name}" is being deleted: once its pod stops, the data is gone. Save the data now '
            "if you need it; the database starts empty after that."
        )
        yield Problem(ConditionType.DATABASE, "VolumeTerminating", message, stalled=True)
    elif phase == "Lost":
        message = (
            f'The volume of the claim "{name}" does not exist any more. Restore it, or delete the claim to start '
            "with an empty database."
        )
        yield Problem(ConditionType.DATABASE, "VolumeLost", message, stalled=True)
    elif phase == "Bound":
        yield from _growth(cluster, claim)


def _growth(cluster: Cluster, claim: Manifest) -> Iterator[Problem]:
    name, wanted = claim["metadata"]["name"], cluster.spec.database.storage.size
    asked, status = claims.requested(claim), claim["status"]
    if claims.is_larger(wanted, asked):
        message = (
            f'The volume claim "{name}" still asks for {asked} instead of {wanted}. If its StorageClass refuses to '
            "grow volumes, have allowVolumeExpansion set in it."
        )
        yield Problem(ConditionType.DATABASE, "VolumeNotExpandable", message, stalled=not cluster.spec.paused)
        return
    if not claims.is_larger(asked, (status.get("capacity") or {}).get("storage", asked)):
        return
    progress = (status.get("allocatedResourceStatuses") or {}).get("storage", "")
    if progress.endswith("Infeasible"):
        message = f'The volume of the claim "{name}" cannot be grown to {asked} ({progress}): see its events.'
        yield Problem(ConditionType.DATABASE, "VolumeNotExpandable", message, stalled=True)
    else:
        yield Problem(
            ConditionType.DATABASE,
            "VolumeResizing",
            f'The volume of the claim "{name}" is growing to {asked}.',
        )


def _serving(cluster: Cluster, observed: Observed) -> Problem | None:
    """Return what keeps the pod from serving on the newest template; None if it serves."""
    owner, member = members.statefulset(cluster, observed), members.pod(cluster, observed)
    if owner is None:
        message = f'The StatefulSet "{names.database(cluster.name)}" does not exist yet.'
        return Problem(ConditionType.DATABASE, "Creating", message)
    if member is None:
        name = names.database_member(cluster.name, members.FIRST)
        if observed.evidence:
            message = (
                f'The pod "{name}" cannot be made: {sentence(observed.evidence)} Remove what forbids it (a quota, a '
                "policy of the namespace), or change what the spec asks for under database."
            )
            return Problem(ConditionType.DATABASE, "FailedCreate", message, stalled=True)
        message = f'The pod "{name}" does not exist yet.'
        return Problem(ConditionType.DATABASE, "Creating", message)
    found = pods.diagnose(member, ConditionType.DATABASE)
    if found is not None and found.reason == "Unschedulable":
        return _unbound(cluster, observed, member) or found
    if found is not None or members.is_current(owner, member):
        return found
    message = f"The pod {member['metadata']['name']} is about to be restarted with the newest settings."
    return Problem(ConditionType.DATABASE, "RollingOut", message)


def _unbound(cluster: Cluster, observed: Observed, member: Manifest) -> Problem | None:
    """Return what the scheduler's words tell of the volume, where they are about it."""
    claim = members.claim(cluster, observed)
    conditions = member["status"]["conditions"]
    words = next(entry.get("message", "") for entry in conditions if entry["type"] == "PodScheduled")
    is_bound = claim is not None and claim.get("status", {}).get("phase") == "Bound"
    if claim is None or is_bound or not _ABOUT_VOLUMES.search(words):
        return None
    has_provisioner = _PROVISIONER in (claim["metadata"].get("annotations") or {})
    class_name = claim["spec"].get("storageClassName") or cluster.spec.database.storage.storage_class_name
    of_class = f'of the StorageClass "{class_name}"' if class_name else "of the default StorageClass"
    remedy = (
        "It is being made; the claim's events say how far it is."
        if has_provisioner
        else "Nothing makes volumes of that class here: create the StorageClass (or name a default one) or a volume "
        "that fits, or make the PBACluster anew with another database.storage.storageClassName."
    )
    return Problem(
        ConditionType.DATABASE,
        "VolumeNotBound",
        f'The volume claim "{claim["metadata"]["name"]}" {of_class} has no volume yet. {remedy}',
        stalled=not has_provisioner,
    )


def _accounts(cluster: Cluster, observed: Observed) -> Problem | None:
    """Return what MySQL said against the accounts; None if they are as asked, or must not be asked for (paused)."""
    question = accounts.wanted(cluster, observed)
    if question is None or accounts.are_ready(cluster, observed):
        return None
    answer = observed.database
    if answer.asked != question:
        if cluster.spec.paused:
            return None
        return Problem(
            ConditionType.DATABASE, "Starting", "MySQL runs; its schema and accounts are being checked."
        )
    refused = answer.state is AccountState.REFUSED
    message = (
        f"The application's schema or account in MySQL at {question.host} is not as asked: {answer.detail}"
    )
    return Problem(ConditionType.DATABASE, "AccountsFailed", message, stalled=refused)
