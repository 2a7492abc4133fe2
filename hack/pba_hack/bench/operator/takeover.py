"""`takeover-crash`, `takeover-clean`: the holder of the Lease ends; how long nobody acts.

Two processes of the operator; a user edits a PBACluster a few times a second from the end on. The time is from the
signal to the end of the first write of the other one, as the API server's audit log says. The signal comes at a moment
by chance between two renewals of the Lease: how much of it is left makes most of the difference. The worst is judged.
"""

from __future__ import annotations

import datetime as dt
import random
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from pba_faults.replica import Replica
from pba_simulation.real import Namespace, eventually

from pba_hack.audit import AuditLog, is_done, writes_of
from pba_hack.bench.case import Case, Measured, Trial
from pba_hack.bench.operator.stage import replicas, settle, stage
from pba_hack.bench.samples import Values
from pba_hack.waiting import wait_for
from pba_operator.kube.lease import RENEW_EVERY

End = Callable[[Replica], float]
"""Ends a replica; returns when."""

EDIT_EVERY: Final = 0.25
"""Seconds between two edits of the user."""
_PATIENCE: Final = 120.0


class BothActError(AssertionError):
    """The old holder has written after the new one."""


def takeover(place: Namespace, holder: Replica, rival: Replica, end: End, dice: random.Random) -> float:
    """Return how many seconds nobody acted after the holder's end.

    Args:
        place: holds a settled PBACluster `shop`.
        holder: holds the Lease.
        rival: waits for it.
        end: how the holder ends.
        dice: throws the moment.

    Raises:
        BothActError: the old holder has written after the new one.
    """
    _await_renewal(place)
    threading.Event().wait(dice.uniform(0.0, RENEW_EVERY))
    if not holder.holds or not rival.is_running:
        raise RuntimeError(f"{holder.identity} does not hold the Lease, or {rival.identity} has ended")
    log = AuditLog(place.server.audit_log)
    began = end(holder)

    def acted() -> list[dict[str, Any]]:
        image = f"app:{dice.getrandbits(64):x}"
        place.patch("PBACluster", "shop", {"spec": {"application": {"image": image}}})
        return done(writes_of(rival.user, log.entries()))

    [first, *_] = wait_for(f"{rival.identity} to act", acted, _PATIENCE, poll_seconds=EDIT_EVERY)
    holder.wait()
    late = [
        entry
        for entry in done(writes_of(holder.user, log.entries()))
        if entry["requestReceivedTimestamp"] > first["requestReceivedTimestamp"]
    ]
    if late:
        raise BothActError(f"{holder.identity} has written after {rival.identity}: {late[0]['requestURI']}")
    return dt.datetime.fromisoformat(first["stageTimestamp"]).timestamp() - began


def done(writes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the writes that were carried out; an Event is no act, but a word about one."""
    return [entry for entry in writes if is_done(entry) and entry["objectRef"]["resource"] != "events"]


def _await_renewal(place: Namespace) -> None:
    """Return just after the Lease was renewed."""

    def renewed() -> Any:
        return (place.get("Lease", "pba-operator") or {})["spec"]["renewTime"]

    before = renewed()
    eventually(lambda: renewed() != before, "the Lease is renewed")


def takeovers(
    place: Namespace, pair: tuple[Replica, Replica], end: End, rounds: int, trial: Trial
) -> Measured:
    """Have two replicas take over from each other; who has ended is started again before the next round."""
    dice = trial.dice()
    holder, rival = pair
    figures = []
    for number in range(rounds):
        figures.append(takeover(place, holder, rival, end, dice))
        trial.progress.say(f"round {number + 1} of {rounds}: {figures[-1]:.2f} s")
        holder.start()
        holder, rival = rival, holder
    return Measured(Values(figures))


def _measure(trial: Trial, end: End, rounds: int) -> Measured:
    with stage(trial) as made:
        place = made.namespace("bench")
        with replicas(place, trial, "one", "other") as (one, other):
            settle(place, "shop")
            return takeovers(place, (one, other), end, 1 if trial.short else rounds, trial)


CRASH: Final = Case(
    id="takeover-crash",
    unit="s",
    reach="<= 20",
    measures="from the holder's SIGKILL to the first write of another operator that waited",
    measure=lambda trial: _measure(trial, Replica.crash, 10),
)
CLEAN: Final = Case(
    id="takeover-clean",
    unit="s",
    reach="<= 2",
    measures="from the holder's SIGTERM to the first write of another operator that waited",
    measure=lambda trial: _measure(trial, Replica.stop, 20),
)
