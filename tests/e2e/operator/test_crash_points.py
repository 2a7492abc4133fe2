"""The operator is killed (SIGKILL) after some of its writes, on real nodes, in each kind of change: one end for all.

Every k is visited in the model and apiserver tiers (`tests/apiserver/crash_points`); here each change is
broken off once, at a moment by chance. To kill takes a while, so the dice only say after which write it is asked for:
after which it came, and how many came since, is counted in the audit log and kept in pytest's JUnit file. A change of
two writes may be over by then; the longer ones must have been broken off.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from pba_nodes import operators
from pba_nodes.faults import Faults
from pba_nodes.fixtures import fresh_namespace

from pba_hack.audit import AuditLog
from pba_hack.kubectl import Kubectl, wait_for

Json = dict[str, Any]
Step = Callable[["Place"], None]
Record = Callable[[str, object], None]

CHILDREN = {
    "StatefulSet": ["crash-mysql"],
    "Deployment": ["crash-backend", "crash-frontend", "crash-management"],
    "Service": ["crash", "crash-backend", "crash-management", "crash-mysql", "crash-mysql-primary"],
    "ConfigMap": ["crash-frontend", "crash-mysql", "crash-nodes"],
    "Secret": ["crash-mysql-admin", "crash-mysql-app", "crash-mysql-ca", "crash-mysql-tls"],
    "PersistentVolumeClaim": ["data-crash-mysql-0"],
    "PodDisruptionBudget": ["crash-backend", "crash-frontend"],
    "NetworkPolicy": ["crash-backend", "crash-frontend", "crash-management", "crash-mysql"],
}
LASTING = ("Secret", "PersistentVolumeClaim")
"""What holds the data, or opens it: made once, and never again."""
SURELY_BROKEN_OFF = 3
"""Writes of a change that takes longer than a kill."""
VARIABLE = {"name": "LOCALE", "value": "de"}


@dataclass
class Place:
    """The namespace of the PBACluster `crash`, and how to make it."""

    kubectl: Kubectl
    whole: Json

    def patch(self, **spec: Any) -> None:
        """Change the spec."""
        self.kubectl.merge("pbacluster", "crash", {"spec": spec})

    def children(self) -> list[Json]:
        """Return what there is of it, pods apart."""
        return self.kubectl.items(",".join(kind.lower() for kind in CHILDREN), "pba.dev/cluster=crash")

    def pods(self, role: str) -> list[Json]:
        """Return the pods of a role, those that are leaving too."""
        return self.kubectl.items("pods", f"pba.dev/cluster=crash,pba.dev/component={role}")

    def variables(self) -> list[Json]:
        """Return the variables of the backend that a user has given."""
        deployment = self.kubectl.get("deployment", "crash-backend")
        assert deployment is not None
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        return [entry for entry in container["env"] if entry["name"] == VARIABLE["name"]]


@dataclass(frozen=True)
class Break:
    """Where a change was broken off."""

    log: AuditLog
    """From before the change."""
    namespace: str
    killed: datetime
    """When the process was certainly gone, and the next one, of the same pod, was still to be started."""

    def count(self) -> tuple[int, int]:
        """Return how many writes the dead process had done, and how many came since then, Events apart."""
        found = [write for write in operators.writes(self.log) if write.namespace == self.namespace]
        late = [write for write in found if write.at > self.killed]
        return len(found) - len(late), sum(write.resource != "events" for write in late)

    def assert_in_the_middle(self, record: Record, writes: int) -> None:
        """Keep the figures, once all is over; make sure that something was left to do of a change of so many writes."""
        before, since = self.count()
        record("killed after writes", before)
        record("writes since", since)
        assert since > 0 or writes < SURELY_BROKEN_OFF, (
            f"all {before} writes were done when the operator was killed: nothing was broken off"
        )


@pytest.fixture(scope="module")
def place(operator: Kubectl, manifest: Callable[..., Json]) -> Iterator[Place]:
    """Return where the changes come one after another, to the same PBACluster."""
    assert operator.namespace
    for kubectl in fresh_namespace():
        yield Place(kubectl, manifest("crash"))


CHANGES: tuple[tuple[str, Step, int], ...] = (
    ("the first roll-out", lambda place: place.kubectl.apply(place.whole), 20),
    ("a scale up", lambda place: place.patch(backend={"replicas": 3}), 2),
    ("another template", lambda place: place.patch(application={"env": [VARIABLE]}), 3),
    ("a field removed", lambda place: place.patch(application={"env": None}), 3),
    ("a scale down", lambda place: place.patch(backend={"replicas": 2}), 2),
)
"""Each change, and how many writes it takes at least: the kill comes after one of them."""


def _runs(place: Place, role: str, count: int) -> bool:
    return len(place.pods(role)) == count


@pytest.mark.parametrize("number", range(len(CHANGES)), ids=[name for name, _, _ in CHANGES])
def test_a_killed_operator_brings_its_change_to_the_same_end(
    place: Place, operator: Kubectl, number: int, record_property: Record
) -> None:
    _, change, writes = CHANGES[number]
    before = {
        _name(child): child["metadata"]["uid"] for child in place.children() if child["kind"] in LASTING
    }
    asked = random.Random(number).randint(1, writes)  # noqa: S311 - a moment
    broken = _broken_off(place, operator, change, asked)
    place.kubectl.wait_ready("crash")

    found = place.children()
    names = {kind: sorted(_name(child) for child in found if child["kind"] == kind) for kind in CHILDREN}
    assert names == CHILDREN
    replicas = 3 if number in (1, 2, 3) else 2
    wanted = {"database": 1, "management": 1, "backend": replicas, "frontend": 2}
    for role, count in wanted.items():
        wait_for(f"{count} pods of {role}", partial(_runs, place, role, count))
    assert place.variables() == ([VARIABLE] if number == 2 else [])
    after = {_name(child): child["metadata"]["uid"] for child in found if child["kind"] in LASTING}
    assert after.items() >= before.items(), "a volume claim or a Secret was made anew"
    broken.assert_in_the_middle(record_property, writes)


def test_a_killed_operator_leaves_nothing_of_what_is_deleted(
    place: Place, operator: Kubectl, record_property: Record
) -> None:
    def delete(place: Place) -> None:
        place.kubectl("delete", "pbacluster", "crash", "--wait=false")

    broken = _broken_off(place, operator, delete, 1)
    wait_for("the PBACluster to be gone", lambda: place.kubectl.get("pbacluster", "crash") is None)
    wait_for("nothing to be left", lambda: not place.children())
    broken.assert_in_the_middle(record_property, SURELY_BROKEN_OFF)


def _name(child: Json) -> str:
    return str(child["metadata"]["name"])


def _fresh_operator(operator: Kubectl) -> Json:
    """Return the operator's pod, made anew if it was killed before: the kubelet waits ever longer to start it again."""
    (pod,) = operator.items("pods", operators.SELECTOR)
    if pod["status"]["containerStatuses"][0]["restartCount"]:
        operator("delete", "pod", _name(pod))
        operator("rollout", "status", "deployment/pba-operator", "--timeout=90s")
        (pod,) = operator.items("pods", operators.SELECTOR)
    wait_for("it to lead", lambda: operators.holder(operator) == _name(pod))
    return pod


def _broken_off(place: Place, operator: Kubectl, change: Step, after: int) -> Break:
    """Make a change, and kill the operator after at least so many writes; return when another process runs."""
    pod = _fresh_operator(operator)
    log = operators.audit_log()
    change(place)

    def written() -> bool:
        found = [write for write in operators.writes(log) if write.namespace == place.kubectl.namespace]
        return len(found) >= after

    wait_for(f"{after} writes", written)
    Faults.run("kill", _name(pod), "--namespace", operator.namespace, "--container", "operator")
    killed = datetime.now(UTC)

    def runs_anew() -> bool:
        found = operator.get("pod", _name(pod))
        assert found is not None
        (status,), (old,) = found["status"]["containerStatuses"], pod["status"]["containerStatuses"]
        return bool(status["ready"] and status["restartCount"] > old["restartCount"])

    wait_for("the operator to be started again", runs_anew)
    return Break(log, place.kubectl.namespace, killed)
