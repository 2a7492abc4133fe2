"""What is asked of MySQL itself, and whether its last answer still stands.

An answer stands as long as the question is the same. The question names the incarnation of the server's process
and of the Secrets: after a restart, or a change of a password, it is asked again.
"""

from __future__ import annotations

from pba_operator.domain import pods
from pba_operator.domain.database import members, secret_ids, secrets
from pba_operator.domain.model import AccountState, Cluster, EnsureAccounts, Manifest, Observed


def wanted(cluster: Cluster, observed: Observed) -> EnsureAccounts | None:
    """Return what is to be asked of MySQL; None while its pod is not ready, or a Secret is missing."""
    member = members.pod(cluster, observed)
    used = (
        secrets.ours(cluster, observed, secret_ids.admin(cluster)),
        secrets.ours(cluster, observed, secret_ids.authority(cluster)),
        secrets.password_secret(cluster, observed),
    )
    if member is None or not pods.is_ready(member) or None in used:
        return None
    database = cluster.spec.database
    return EnsureAccounts(
        host=members.host(cluster),
        schema=database.name,
        user=database.user.name,
        password_ref=secrets.password_ref(cluster),
        admin_ref=secret_ids.admin(cluster),
        ca_ref=secret_ids.authority(cluster),
        incarnation=_incarnation(member, [secret for secret in used if secret is not None]),
    )


def due(cluster: Cluster, observed: Observed) -> list[EnsureAccounts]:
    """Return the question to MySQL that has not been answered yet."""
    question = wanted(cluster, observed)
    return [] if question is None or observed.database.asked == question else [question]


def are_ready(cluster: Cluster, observed: Observed) -> bool:
    """Tell whether MySQL has said, of this very incarnation, that the accounts are as asked."""
    question = wanted(cluster, observed)
    answer = observed.database
    return question is not None and answer.asked == question and answer.state is AccountState.READY


def _incarnation(member: Manifest, used: list[Manifest]) -> str:
    statuses = member.get("status", {}).get("containerStatuses") or []
    restarts = sum(
        status.get("restartCount", 0) for status in statuses if status["name"] == members.CONTAINER
    )
    versions = (secret["metadata"].get("resourceVersion", "") for secret in used)
    return "/".join((member["metadata"]["uid"], str(restarts), *versions))
