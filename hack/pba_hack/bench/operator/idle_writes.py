"""`idle-writes`: what an operator writes when there is nothing to do, its Lease apart.

Every attempt of its account in the API server's audit log counts, one that was refused too. An operator that is dead or
cut off writes nothing either: so it must have renewed its Lease all the time, and must act on an edit afterwards.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Final

from pba_faults.replica import Replica
from pba_simulation.real import Namespace, eventually

from pba_hack.audit import AuditLog, is_done, writes_of
from pba_hack.bench.case import Case, Measured, Trial
from pba_hack.bench.operator.stage import replicas, settle, stage
from pba_hack.bench.samples import Values
from pba_operator.kube.lease import RENEW_EVERY

SECONDS: Final = 600.0
CLUSTERS: Final = 10
REST: Final = 10.0
"""Seconds without a write after which what made the clusters ready is over."""


class NotAliveError(RuntimeError):
    """The operator did not do its work: that it wrote nothing shows nothing."""


def idle(place: Namespace, operator: Replica, seconds: float, rest: float = REST) -> list[str]:
    """Return what an operator of settled PBAClusters, one of them `shop-0`, writes in so many seconds.

    Raises:
        NotAliveError: it did not renew its Lease.
        WaitedInVainError: it does not act on an edit.
    """
    await_rest(place, operator, rest)
    log = AuditLog(place.server.audit_log)
    threading.Event().wait(seconds)  # this is what is measured
    entries = log.entries()
    renewals = sum(_is_renewal(entry, operator) for entry in entries)
    if renewals < seconds / RENEW_EVERY / 2:
        raise NotAliveError(f"the Lease was renewed {renewals} times in {seconds:.0f} s")
    acted = AuditLog(place.server.audit_log)
    place.patch("PBACluster", "shop-0", {"spec": {"application": {"image": f"app:{time.monotonic_ns()}"}}})
    eventually(lambda: writes_of(operator.user, acted.entries()), "the operator acts on an edit")
    return [f"{entry['verb']} {entry['requestURI']}" for entry in writes_of(operator.user, entries)]


def _is_renewal(entry: dict[str, Any], operator: Replica) -> bool:
    asked = entry["verb"], entry.get("objectRef", {}).get("resource"), entry["user"]["username"]
    return asked == ("update", "leases", operator.user) and is_done(entry)


def await_rest(place: Namespace, operator: Replica, rest: float) -> None:
    """Return when the operator has written nothing for a while."""
    log = AuditLog(place.server.audit_log)
    last = [0, time.monotonic()]

    def rests() -> bool:
        count = len(writes_of(operator.user, log.entries()))
        if count != last[0]:
            last[:] = [count, time.monotonic()]
        return time.monotonic() - last[1] > rest

    eventually(rests, "the operator comes to rest")


def _measure(trial: Trial) -> Measured:
    seconds, clusters = (5.0, 2) if trial.short else (SECONDS, CLUSTERS)
    with stage(trial) as made:
        place = made.namespace("bench")
        with replicas(place, trial, "operator") as (operator,):
            settle(place, *(f"shop-{number}" for number in range(clusters)))
            written = idle(place, operator, seconds)
    return Measured(Values((len(written),)), (f"{clusters} PBAClusters, {seconds:.0f} s", *written))


CASE: Final = Case(
    id="idle-writes",
    unit="writes",
    reach="== 0",
    measures=f"writes of the operator in {SECONDS / 60:.0f} minutes with {CLUSTERS} settled PBAClusters, "
    "its Lease apart",
    measure=_measure,
)
