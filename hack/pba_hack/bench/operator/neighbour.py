"""`neighbour-p99`: how soon an edit is acted on beside a PBACluster whose every reconcile fails.

Edits come at an even pace, each to another PBACluster. The latency is from the answer to the edit to the answer to the
operator's first write about it. The neighbour is edited in the same way once a second, and the API server refuses what
the operator then writes. The floor is a neighbour that is edited as often, and is well: what differs is the failing
alone. Nobody beside them is the peer: what the neighbour's edits cost their neighbours by themselves.
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
from pba_hack.bench.operator.crowd import NUMBER, Crowd, crowd
from pba_hack.bench.operator.edits import await_acted_on, edit
from pba_hack.bench.rounds import side_by_side
from pba_hack.bench.statistics import percentile
from pba_hack.waiting import wait_for

EDITS: Final = 200
ROUNDS: Final = 5
SHORT: Final = 10
"""PBAClusters, and edits, of the short form."""
PACE: Final = 0.2
"""Seconds between two edits."""
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
        return percentile(self._latencies(), 0.99)

    def beside_one_that_is_well(self) -> float:
        """Return the same while the neighbour is edited too.

        Raises:
            NoSuchNeighbourError: it was not brought to the edits about once a second.
        """
        self._await_well()
        return self._beside(is_refused=False)

    def beside_a_failing_one(self) -> float:
        """Return the same while the neighbour is edited too, and fails.

        Raises:
            NoSuchNeighbourError: it did not fail about once a second.
        """
        with self._refused():
            return self._beside(is_refused=True)

    def _await_well(self) -> None:
        place, name = self._made.place(0)
        wait_for("the neighbour to be well", lambda: place.is_ready(name), _PATIENCE, poll_seconds=0.5)

    def _beside(self, *, is_refused: bool) -> float:
        log = AuditLog(self._made.server.audit_log)
        with self._provoked():
            found = percentile(self._latencies(), 0.99)
        writes = list(filter(self._is_neighbours, writes_of(self._operator.user, log.entries())))
        count = sum(is_done(write) != is_refused for write in writes)
        if count < self._edits * PACE / 2:
            what = "failed" if is_refused else "was brought to its edits"
            raise NoSuchNeighbourError(f"it {what} {count} times beside {self._edits} edits")
        return found

    def _is_neighbours(self, entry: dict[str, Any]) -> bool:
        """Tell whether a write is of the neighbour's Service."""
        about, (_, name) = entry["objectRef"], self._made.place(0)
        return bool(about["resource"] == "services" and about.get("name") == name)

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
            yield
        finally:
            for plural in _policy(""):
                server.request("DELETE", f"{_POLICIES}/{plural}/{_NAME}")

    @contextlib.contextmanager
    def _provoked(self) -> Iterator[None]:
        """Give the operator something new to do for the neighbour every second."""
        over = threading.Event()
        place, name = self._made.place(0)

        def provoke() -> None:
            while not over.wait(1.0):
                edit(place, name, uuid.uuid4().hex)

        thread = threading.Thread(target=provoke, name="neighbour")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


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
            street.beside_one_that_is_well,
            {"nobody beside them": street.alone},
            rounds=rounds,
            dice=trial.dice(),
            told=trial.progress.say,
        )
    return Measured(samples, (f"{edits} edits in each figure, one each {PACE} s, {number:,} PBAClusters",))


CASE: Final = Case(
    id="neighbour-p99",
    unit="ratio",
    reach="<= 1.1",
    measures="99th percentile from an edit to the operator's write, beside a PBACluster that fails / that is well",
    measure=_measure,
)
