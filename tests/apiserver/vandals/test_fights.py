"""Another controller that undoes what the operator does, each time and as fast as it can: no fight.

What the operator writes is counted in the audit log. Seconds are an eighth of what they are for users.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from pba_simulation.real import OperatorsRequests, pbacluster
from pba_vandals.eyes import watching
from pba_vandals.victim import Victim

from pba_hack.audit import READS
from pba_operator.domain.model import ChildId
from pba_operator.engine import restraint
from pba_operator.kube import kinds

Object = dict[str, Any]
BACKEND = ChildId("Deployment", "shop-backend")
CONFIG = ChildId("ConfigMap", "shop-frontend")
CERTIFICATE = ChildId("Secret", "shop-mysql-tls")
SECONDS = 6.0
"""How long the others go on at least."""
PAUSE = 1.5
"""Seconds between two corrections, where 2 are due, and 1 was due before."""
CORRECTIONS = 9
"""At most in the first 15 s: three at once, and after 0.25, 0.5, 1, 2, 4 and 8 s."""
ALL_WRITES = 120
"""At most meanwhile, the status, Events and what follows from another certificate among them."""
CALM = 15.0
"""Seconds after their end until all is well: the next correction is due within 8 s, and has to stand for a while."""


@pytest.fixture(autouse=True)
def eight_times_as_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WAIT_FIRST", "WAIT_MAX", "QUIET", "CALM"):
        monkeypatch.setattr(restraint, name, getattr(restraint, name) / 8)


class Opponent:
    """Somebody who answers each event of one object with a change of his own."""

    def __init__(self, victim: Victim, child: ChildId, blow: Callable[[Object], None]) -> None:
        self._victim = victim
        self.child = child
        self._blow = blow
        self.blows = 0
        self._ended = threading.Event()

    def see(self, what: str, live: Object) -> None:
        """Strike, unless it is gone, not the one, or already as he wants it."""
        if what != "DELETED" and ChildId.of(live) == self.child and not self._ended.is_set():
            self._blow(live)
            self.blows += 1

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Have him at work until the block ends."""
        with watching(self._victim.place, kinds.BY_NAME[self.child.kind], listener=self.see):
            yield
            self._ended.set()


def _scales(victim: Victim) -> Callable[[Object], None]:
    def blow(live: Object) -> None:
        if live["spec"]["replicas"] != 9:
            victim.vandal.patch(BACKEND, [{"op": "replace", "path": "/spec/replicas", "value": 9}])

    return blow


def _deletes(victim: Victim) -> Callable[[Object], None]:
    path = kinds.BY_NAME[CONFIG.kind].path(victim.place.name, CONFIG.name)

    def blow(_live: Object) -> None:
        victim.place.server.request("DELETE", path)

    return blow


def _spoils(victim: Victim) -> Callable[[Object], None]:
    def blow(live: Object) -> None:
        if live["data"]["ca.crt"] != "dmFuZGFs":
            victim.vandal.patch(CERTIFICATE, [{"op": "replace", "path": "/data/ca.crt", "value": "dmFuZGFs"}])

    return blow


def _writes(requests: list[Object], child: ChildId) -> list[float]:
    """Return when the operator has written to an object, in seconds."""
    plural = kinds.BY_NAME[child.kind].plural
    return [
        datetime.fromisoformat(entry["requestReceivedTimestamp"]).timestamp()
        for entry in requests
        if entry["verb"] not in READS
        and entry["objectRef"]["resource"] == plural
        and (entry["objectRef"].get("name") or entry["responseObject"]["metadata"]["name"]) == child.name
    ]


def _pauses(log: OperatorsRequests, child: ChildId) -> bool:
    """Tell whether the operator has waited for almost 2 s between two of its last writes to an object."""
    times = _writes(log.requests(), child)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    return max(gaps[-3:], default=0.0) > PAUSE


def test_writes_back_off_and_it_is_told_until_they_cease(victim: Victim) -> None:
    """Three of them at once: one changes a field, one deletes, one spoils a certificate that is made anew each time."""
    log = OperatorsRequests(victim.place.server.audit_log, victim.place.name)
    opponents = [
        Opponent(victim, BACKEND, _scales(victim)),
        Opponent(victim, CONFIG, _deletes(victim)),
        Opponent(victim, CERTIFICATE, _spoils(victim)),
    ]
    begin = time.monotonic()
    with contextlib.ExitStack() as stack:
        for opponent in opponents:
            stack.enter_context(opponent.at_work())
        victim.until(lambda: time.monotonic() - begin > SECONDS, "they go on")
        victim.until(lambda: all(_pauses(log, one.child) for one in opponents), "the operator pauses")
        reason, message = victim.stalled()
    requests = log.requests()
    assert reason == "Contested", "told as long as it lasts"
    assert 'Deployment "shop-backend" is changed back or deleted by "vandal"' in message
    assert 'ConfigMap "shop-frontend" is changed back or deleted by somebody' in message
    assert 'Secret "shop-mysql-tls" is changed back or deleted by' in message
    for opponent, writes_each in zip(opponents, (1, 1, 3), strict=True):
        assert opponent.blows > 3
        assert 4 < len(_writes(requests, opponent.child)) <= CORRECTIONS * writes_each
    assert len([entry for entry in requests if entry["verb"] not in READS]) < ALL_WRITES
    victim.until(lambda: victim.place.is_ready() and not victim.stalled()[0], "all is well again", CALM)
    told = [event for event in victim.place.list("Event") if event["reason"] == "Contested"]
    assert {event["type"] for event in told} == {"Warning"}


def test_others_are_served_meanwhile(victim: Victim) -> None:
    """Other objects of this PBACluster, and other PBAClusters."""
    opponent = Opponent(victim, BACKEND, _scales(victim))
    with opponent.at_work():
        victim.until(lambda: victim.stalled()[0] == "Contested", "it is told")
        victim.place.delete("Service", "shop-backend")
        victim.place.patch("Deployment", "shop-frontend", {"spec": {"replicas": 9}})
        victim.place.create({**pbacluster(), "metadata": {"name": "other"}})
        victim.until(
            lambda: (
                victim.place.get("Service", "shop-backend")
                and victim.live(ChildId("Deployment", "shop-frontend"))["spec"]["replicas"] == 3
                and victim.place.is_ready("other")
            ),
            "all others are as they should be",
        )
        victim.place.patch("PBACluster", "shop", {"spec": {"backend": {"replicas": 4}}})
        victim.until(
            lambda: (
                any(
                    live["spec"]["replicas"] == 4
                    for live in victim.place.changes("Deployment", since=victim.live(BACKEND))
                )
                or victim.live(BACKEND)["spec"]["replicas"] == 4
            ),
            "what the user asks for anew does not wait",
        )
    victim.until(lambda: victim.place.is_ready() and not victim.stalled()[0], "all is well again", CALM)
    assert victim.live(BACKEND)["spec"]["replicas"] == 4
