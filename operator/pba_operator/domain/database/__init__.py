"""The database, decided: what is to be made, what is wrong, what is to be told of it.

This package's own border is what is named here; nobody outside uses its modules. All of it is pure.
"""

from __future__ import annotations

from pba_api.types import PBAClusterSpec
from pba_operator.domain import drift
from pba_operator.domain.database import (
    accounts,
    claims,
    configuration,
    members,
    retained,
    rollout,
    secrets,
    services,
    statefulset,
)
from pba_operator.domain.database.connection import Connection, environment
from pba_operator.domain.database.problems import blocking, password_problem, problems
from pba_operator.domain.database.retained import Standing, foreigners, retained_children
from pba_operator.domain.database.status import status
from pba_operator.domain.model import Action, Apply, ChildId, Cluster, Manifest, Observed

__all__ = [
    "Connection",
    "actions",
    "blocked",
    "environment",
    "foreigners",
    "lacks_password",
    "manifests",
    "problems",
    "ready",
    "references",
    "retained_children",
    "status",
    "without_pod",
]


def references(spec: PBAClusterSpec) -> tuple[ChildId, ...]:
    """Return the user's Secrets that the database needs to see."""
    given = spec.database.user.password_secret_ref
    return () if given is None else (ChildId("Secret", given.name),)


def blocked(cluster: Cluster, observed: Observed) -> bool:
    """Tell whether nothing of the database may be created or changed now (`problems` says why)."""
    return bool(blocking(cluster, observed))


def lacks_password(cluster: Cluster, observed: Observed) -> bool:
    """Tell whether the user's Secret with the application's password is not there, or not as it must be."""
    return password_problem(cluster, observed) is not None


def without_pod(cluster: Cluster, observed: Observed) -> Manifest | None:
    """Return the live StatefulSet, if its pod does not exist: only its Events say why."""
    return None if members.pod(cluster, observed) else members.statefulset(cluster, observed)


def manifests(cluster: Cluster, observed: Observed) -> list[Manifest]:
    """Return what is to be kept as it is said here, in the order of its making, not stamped.

    The volume claim and the StatefulSet come only after the Secrets (see `actions`): a pod that starts before
    its Secrets waits for minutes, and a volume without its credentials would be an incomplete set.
    """
    wanted = [
        services.headless(cluster),
        services.primary(cluster),
        configuration.config_map(cluster, observed),
    ]
    claim = retained.standing(cluster, members.claim(cluster, observed))
    if claim is Standing.OURS or (claim is Standing.ABSENT and secrets.are_complete(cluster, observed)):
        wanted.append(claims.manifest(cluster, observed))
    stateful = statefulset.manifest(cluster, observed)
    return wanted if stateful is None else [*wanted, stateful]


def actions(cluster: Cluster, observed: Observed) -> list[Action]:
    """Return what is due now beside the manifests, in order; nothing while the database is `blocked`.

    Secrets to be made; a kept set to be taken back; marks of Secrets; a certificate that its authority does not vouch
    for to be made anew; pods to be restarted; MySQL to be asked. Of a kept set the volume is taken back alone, and the
    rest only once it is seen to be ours: the write of the volume may fail, and the next ones not.
    """
    if blocked(cluster, observed):
        return []
    taken_back = _taken_back(cluster, observed)
    if taken_back:
        return [*secrets.generations(cluster, observed), *taken_back]
    stale = secrets.stale_certificate(cluster, observed)
    return [
        *secrets.generations(cluster, observed),
        *secrets.marks(cluster, observed),
        *([stale] if stale is not None else []),
        *rollout.deletions(cluster, observed),
        *accounts.due(cluster, observed),
    ]


def ready(cluster: Cluster, observed: Observed) -> bool:
    """Tell whether the database serves as the spec says, and the application can log in."""
    return (
        not blocked(cluster, observed)
        and members.is_serving(cluster, observed)
        and accounts.are_ready(cluster, observed)
    )


def _taken_back(cluster: Cluster, observed: Observed) -> list[Apply]:
    live = members.claim(cluster, observed)
    if retained.standing(cluster, live) is not Standing.KEPT:
        return []
    return [Apply(drift.stamp(claims.manifest(cluster, observed)))]
