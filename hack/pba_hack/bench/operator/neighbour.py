"""`neighbour-p99`: how soon an edit is acted on beside a PBACluster whose every reconcile fails.

Edits come at an even pace, each to another PBACluster. The latency is from the answer to the edit to the answer to the
operator's first write about it. The neighbour is edited too, once a second, and the API server refuses what the
operator then writes.
"""

from __future__ import annotations

import contextlib
import http
import threading
import uuid
from collections.abc import Iterator
from typing import Any, Final

from pba_faults.replica import Replica

from pba_hack.audit import AuditLog, writes_of
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


class NotFailingError(RuntimeError):
    """The neighbour did not fail as it should: what was measured beside it shows nothing."""


class Street:
    """The PBAClusters; the first of them is the neighbour, and is never measured."""

    def __init__(self, made: Crowd, operator: Replica, edits: int) -> None:
        """Begin with a neighbour that is well."""
        self._made = made
        self._operator = operator
        self._edits = edits

    def alone(self) -> float:
        """Return the 99th percentile of the latencies (seconds) while all are well: it waits until they are."""
        place, name = self._made.place(0)
        wait_for("the neighbour to be well", lambda: place.is_ready(name), _PATIENCE, poll_seconds=0.5)
        return percentile(self._latencies(), 0.99)

    def beside_a_failing_one(self) -> float:
        """Return the same while the neighbour fails.

        Raises:
            NotFailingError: it did not fail about once a second.
        """
        log = AuditLog(self._made.server.audit_log)
        with self._refused(), self._provoked():
            found = percentile(self._latencies(), 0.99)
        failures = sum(map(self._is_refusal, writes_of(self._operator.user, log.entries())))
        if failures < self._edits * PACE / 2:
            raise NotFailingError(f"it failed {failures} times beside {self._edits} edits")
        return found

    def _is_refusal(self, entry: dict[str, Any]) -> bool:
        """Tell whether the API server has refused to change the neighbour's backend."""
        about, code = entry["objectRef"], entry["responseStatus"]["code"]
        return bool(about.get("name") == self._backend() and code == http.HTTPStatus.UNPROCESSABLE_ENTITY)

    def _backend(self) -> str:
        _, name = self._made.place(0)
        return f"{name}-backend"

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
        """Have the API server refuse the neighbour's backend."""
        server = self._made.server
        for plural, body in _policy(self._backend()).items():
            answer = server.request("POST", f"{_POLICIES}/{plural}", body)
            if not answer.ok:
                raise NotFailingError(answer.data.decode())
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
                image = f"app:{uuid.uuid4().hex}"
                place.patch("PBACluster", name, {"spec": {"application": {"image": image}}})

        thread = threading.Thread(target=provoke, name="neighbour")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _policy(deployment: str) -> dict[str, dict[str, Any]]:
    """Return, by the plural of its kind, what has every change of a Deployment refused."""
    rule = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["UPDATE"],
        "resources": ["deployments"],
    }
    return {
        "validatingadmissionpolicies": {
            "metadata": {"name": _NAME},
            "spec": {
                "matchConstraints": {"resourceRules": [rule]},
                "matchConditions": [{"name": "it", "expression": f"object.metadata.name == '{deployment}'"}],
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
            rounds=rounds,
            dice=trial.dice(),
            told=trial.progress.say,
        )
    return Measured(samples, (f"{edits} edits in each figure, one each {PACE} s, {number:,} PBAClusters",))


CASE: Final = Case(
    id="neighbour-p99",
    unit="ratio",
    reach="<= 1.1",
    measures="99th percentile from an edit to the operator's write, beside a PBACluster that always fails / without it",
    measure=_measure,
)
