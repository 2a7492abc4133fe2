"""`status.database`: where the database is, and which members run."""

from __future__ import annotations

from pba_operator.domain import pods
from pba_operator.domain.database import members, secrets
from pba_operator.domain.model import Cluster, Manifest, Observed


def status(cluster: Cluster, observed: Observed) -> Manifest:
    """Return the part of the status that is the database's.

    The version is what MySQL said last: it is kept while nobody can be asked (the operator has just started, the
    server is restarting), since nothing in the status may change for that.
    """
    member = members.pod(cluster, observed)
    is_ready = member is not None and pods.is_ready(member)
    before = cluster.status.get("database") or {}
    name = member["metadata"]["name"] if member is not None else ""
    return {
        "host": members.primary_host(cluster),
        "credentialsSecretRef": {"name": secrets.password_ref(cluster)[0].name},
        "version": observed.database.version or before.get("version", ""),
        "primary": name if is_ready else "",
        "members": 1,
        "readyMembers": int(is_ready),
        "memberStates": [] if member is None else [_state(member, is_ready=is_ready)],
    }


def _state(member: Manifest, *, is_ready: bool) -> Manifest:
    return {
        "name": member["metadata"]["name"],
        "role": "Primary",
        "state": "Online" if is_ready else "Offline",
        "nodeName": member.get("spec", {}).get("nodeName", ""),
    }
