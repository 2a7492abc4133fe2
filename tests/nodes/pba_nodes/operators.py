"""What the operators ask of the API server, by its audit log, and which of them holds the Lease."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pba_hack.audit import READS, AuditLog, is_done
from pba_hack.cluster.trial import TrialCluster
from pba_hack.helm import OPERATOR_NAMESPACE
from pba_hack.kubectl import Kubectl, wait_for

Json = dict[str, Any]

SELECTOR = "app.kubernetes.io/name=pba-operator"
_ACCOUNT = f"system:serviceaccount:{OPERATOR_NAMESPACE}:pba-operator"
_POD = "authentication.kubernetes.io/pod-name"
"""Where the API server notes whose token it was."""


def audit_log() -> AuditLog:
    """Return the cluster's audit log from now on."""
    path = TrialCluster(os.environ["PBA_CLUSTER"]).status()["audit_log"]
    assert path is not None, "this provider of the cluster keeps no audit log"
    return AuditLog(Path(path))


@dataclass(frozen=True)
class Write:
    """A write that was accepted."""

    at: datetime
    """When it was answered."""
    pod: str
    verb: str
    resource: str
    namespace: str
    name: str
    subresource: str = ""

    @property
    def is_of_lease(self) -> bool:
        """Whether it renewed, took or gave back the Lease."""
        return self.resource == "leases"


def writes(log: AuditLog) -> list[Write]:
    """Return what operators have written, in its order."""
    return sorted(
        (
            _write(entry)
            for entry in log.entries()
            if entry["user"].get("username") == _ACCOUNT and entry["verb"] not in READS and is_done(entry)
        ),
        key=lambda write: write.at,
    )


def _write(entry: Json) -> Write:
    (pod,) = entry["user"]["extra"][_POD]
    about = entry["objectRef"]
    return Write(
        datetime.fromisoformat(entry["stageTimestamp"]),
        pod,
        entry["verb"],
        about["resource"],
        about.get("namespace", ""),
        about.get("name", ""),
        about.get("subresource", ""),
    )


def watched_for(seconds: float) -> AuditLog:
    """Return the audit log of a time in which the operator was at work: it renewed its Lease all the while."""
    log = audit_log()

    def renewed() -> bool:
        times = [write.at for write in writes(log) if write.is_of_lease]
        return bool(times) and times[-1] - times[0] >= timedelta(seconds=seconds)

    wait_for(f"the operator to renew its Lease for {seconds:.0f} s", renewed, 6 * seconds)
    return log


def holder(operator: Kubectl) -> str:
    """Return the pod that holds the Lease; empty if none does."""
    lease = operator.get("lease", "pba-operator") or {}
    identity = str(lease.get("spec", {}).get("holderIdentity") or "")
    return identity.partition("_")[0]
