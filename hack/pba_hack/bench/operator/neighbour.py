"""`neighbour-p99`: how soon an edit is acted on beside a PBACluster whose every reconcile fails, and without one.

Edits come at an even pace, each to another PBACluster. The latency is from the answer to the edit to the answer to the
operator's first write about it. The neighbour fails by itself: the API server refuses what one edit of it asks for, and
from then on the operator's own back-off says when it is tried again. It is well before each figure, so that each begins
with the short waits. The floor: nobody fails, and the others are edited all the same.

The peers are neighbours that somebody edits once a second, and so has tried each time: one fails, the other is well.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Iterator
from typing import Any, Final

from pba_faults.replica import Replica

from pba_hack.audit import AuditLog, is_done, writes_of
from pba_hack.bench.case import Case, Measured, Trial
from pba_hack.bench.operator.crowd import HALF_REFER, NUMBER, Crowd, crowd
from pba_hack.bench.operator.edits import ANNOTATION, await_acted_on, edit
from pba_hack.bench.rounds import side_by_side
from pba_hack.bench.statistics import percentile
from pba_hack.beside import beside
from pba_hack.waiting import wait_for
from pba_operator.engine.queue import BACKOFF_FIRST, BACKOFF_MAX
from pba_operator.kube import kinds

EDITS: Final = 200
ROUNDS: Final = 5
SHORT: Final = 10
"""PBAClusters, and edits, of the short form."""
PACE: Final = 0.2
"""Seconds between two edits."""
JITTER: Final = 0.5
"""The part by which a back-off is lengthened at most (`pba_operator.engine.queue`)."""
_PATIENCE: Final = 120.0
_POLICIES: Final = "/apis/admissionregistration.k8s.io/v1"
_NAME: Final = "neighbour"


class NoSuchNeighbourError(RuntimeError):
    """The neighbour was not what it should have been: what was measured beside it shows nothing."""


class Street:
    """The PBAClusters; the first of them is the neighbour, and is never measured."""

    def __init__(self, made: Crowd, operator: Replica, edits: int) -> None:
        """Begin with a neighbour that is well."""
        self._made = made
        self._operator = operator
        self._edits = edits

    def alone(self) -> float:
        """Return the 99th percentile of the latencies (seconds) while all are well, and nobody edits the neighbour."""
        self._await_well()
        return self._latency()

    def beside_a_failing_one(self) -> float:
        """Return the same while the neighbour fails, as often as the operator's back-off has it.

        Raises:
            NoSuchNeighbourError: it failed more seldom than the back-off allows.
        """
        self._await_well()
        with self._refused():
            log = AuditLog(self._made.server.audit_log)
            self._edit_neighbour()
            found = self._latency()
        self._check(log, least_failures(self._edits * PACE), is_refused=True)
        return found

    def beside_a_failing_one_that_is_edited(self) -> float:
        """Return the same while the neighbour fails and is edited once a second.

        Raises:
            NoSuchNeighbourError: it did not fail about once a second.
        """
        self._await_well()
        with self._refused():
            return self._beside_edits(is_refused=True)

    def beside_a_well_one_that_is_edited(self) -> float:
        """Return the same while the neighbour is well and edited once a second.

        Raises:
            NoSuchNeighbourError: it was not brought to the edits about once a second.
        """
        self._await_well()
        return self._beside_edits(is_refused=False)

    def _beside_edits(self, *, is_refused: bool) -> float:
        log = AuditLog(self._made.server.audit_log)
        with self._provoked():
            found = self._latency()
        self._check(log, int(self._edits * PACE / 2), is_refused=is_refused)
        return found

    def _check(self, log: AuditLog, least: int, *, is_refused: bool) -> None:
        """Raise NoSuchNeighbourError unless the neighbour's Service was written, or refused, that often."""
        writes = list(filter(self._is_neighbours, writes_of(self._operator.user, log.entries())))
        count = sum(is_done(write) != is_refused for write in writes)
        if count < least:
            what = "failed" if is_refused else "was brought to its edits"
            raise NoSuchNeighbourError(f"it {what} {count} times, not {least}, beside {self._edits} edits")

    def _edit_neighbour(self) -> str:
        """Edit the neighbour; return the mark that the edit leaves."""
        mark = uuid.uuid4().hex
        edit(*self._made.place(0), mark)
        return mark

    def _await_well(self) -> None:
        """Return when the neighbour is well: it is Ready, and an edit of it has come to its Service."""
        place, name = self._made.place(0)
        marks: set[str] = set()

        def is_well() -> bool:
            service = place.get("Service", name) or {"metadata": {}}
            mark = service["metadata"].get("annotations", {}).get(ANNOTATION)
            if mark in marks and place.is_ready(name):
                return True
            marks.add(self._edit_neighbour())  # what failed before is so tried at once
            return False

        wait_for("the neighbour to be well", is_well, _PATIENCE, poll_seconds=1.0)

    def _is_neighbours(self, entry: dict[str, Any]) -> bool:
        """Tell whether a write is of the neighbour's Service."""
        about, (_, name) = entry["objectRef"], self._made.place(0)
        return bool(about["resource"] == "services" and about.get("name") == name)

    def _latency(self) -> float:
        return percentile(self._latencies(), 0.99)

    def _latencies(self) -> list[float]:
        log, mark = AuditLog(self._made.server.audit_log), uuid.uuid4().hex
        tick = threading.Event()
        neighbours = [self._made.place(index) for index in range(1, self._edits + 1)]
        for place, name in neighbours:
            edit(place, name, mark)
            tick.wait(PACE)
        found = await_acted_on(log, self._operator.user, (name for _, name in neighbours))
        return [one.seconds for one in found]

    @contextlib.contextmanager
    def _refused(self) -> Iterator[None]:
        """Have the API server refuse every change of the neighbour's Service."""
        server, (_, name) = self._made.server, self._made.place(0)
        for plural, body in _policy(name).items():
            answer = server.request("POST", f"{_POLICIES}/{plural}", body)
            if not answer.ok:
                raise NoSuchNeighbourError(answer.data.decode())
        try:
            self._await_refusals()
            yield
        finally:
            for plural in _policy(""):
                server.request("DELETE", f"{_POLICIES}/{plural}/{_NAME}")

    def _await_refusals(self) -> None:
        """Return when what was posted is in force: the API server sees it a moment later."""
        place, name = self._made.place(0)
        path = kinds.BY_NAME["Service"].path(place.name, name)
        kept: dict[str, Any] = {"metadata": {"labels": {}}}

        def is_refused() -> bool:
            answer = self._made.server.request(
                "PATCH", path, kept, "application/merge-patch+json", dryRun="All"
            )
            return not answer.ok

        wait_for("the neighbour's Service to be refused", is_refused, _PATIENCE, poll_seconds=0.1)

    @contextlib.contextmanager
    def _provoked(self) -> Iterator[None]:
        """Give the operator something new to do for the neighbour every second."""
        over = threading.Event()

        def provoke() -> None:
            while not over.wait(1.0):
                self._edit_neighbour()

        with beside(provoke, end=over.set):
            yield


def least_failures(seconds: float) -> int:
    """Return how often at least one fails in so many seconds that is tried by the operator's back-off alone.

    The first failure is at their beginning; each wait is as long as its jitter may make it (`Queue.retry`).
    """
    count, at, wait = 0, 0.0, BACKOFF_FIRST
    while at < seconds:
        count += 1
        at += wait * (1.0 + JITTER)
        wait = min(BACKOFF_MAX, 2.0 * wait)
    return count


def _policy(service: str) -> dict[str, dict[str, Any]]:
    """Return, by the plural of its kind, what has every change of a Service refused."""
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["UPDATE"],
        "resources": ["services"],
    }
    return {
        "validatingadmissionpolicies": {
            "metadata": {"name": _NAME},
            "spec": {
                "matchConstraints": {"resourceRules": [rule]},
                "matchConditions": [{"name": "it", "expression": f"object.metadata.name == '{service}'"}],
                "validations": [{"expression": "false", "message": "the neighbour is refused"}],
            },
        },
        "validatingadmissionpolicybindings": {
            "metadata": {"name": _NAME},
            "spec": {"policyName": _NAME, "validationActions": ["Deny"]},
        },
    }


def _measure(trial: Trial) -> Measured:
    number, edits, rounds = (SHORT + 1, SHORT, 1) if trial.short else (NUMBER, EDITS, ROUNDS)
    with crowd(trial, number) as made, made.operator("operator") as operator:
        made.await_seen(operator)
        street = Street(made, operator, edits)
        samples = side_by_side(
            street.beside_a_failing_one,
            street.alone,
            {
                "one fails and is edited once a second": street.beside_a_failing_one_that_is_edited,
                "one is well and is edited once a second": street.beside_a_well_one_that_is_edited,
            },
            rounds=rounds,
            dice=trial.dice(),
            told=trial.progress.say,
        )
    notes = (
        f"{edits} edits in each figure, one each {PACE} s, {number:,} PBAClusters",
        f"beside them one failed at least {least_failures(edits * PACE)} times by the operator's back-off",
        HALF_REFER,
    )
    return Measured(samples, notes)


CASE: Final = Case(
    id="neighbour-p99",
    unit="ratio",
    reach="<= 1.1",
    measures="99th percentile from an edit to the operator's write, beside a PBACluster that always fails / without it",
    measure=_measure,
    edition=2,
)
