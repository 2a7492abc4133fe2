"""The operator is killed (SIGKILL) after some of its writes, on real nodes, in each kind of change: one end for all.

Every k is visited in the model and apiserver tiers (`tests/apiserver/crash_points`); here each change is
broken off once, at a moment by chance.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from pba_nodes import operators
from pba_nodes.faults import Faults
from pba_nodes.fixtures import fresh_namespace

from pba_hack.kubectl import Kubectl, wait_for

Json = dict[str, Any]
Step = Callable[["Place"], None]

CHILDREN = {
    "StatefulSet": ["crash-mysql"],
    "Deployment": ["crash-backend", "crash-frontend", "crash-management"],
    "Service": ["crash", "crash-backend", "crash-mysql", "crash-mysql-primary"],
    "ConfigMap": ["crash-frontend", "crash-mysql"],
    "Secret": ["crash-mysql-admin", "crash-mysql-app", "crash-mysql-ca", "crash-mysql-tls"],
    "PersistentVolumeClaim": ["data-crash-mysql-0"],
    "PodDisruptionBudget": ["crash-backend", "crash-frontend"],
}
LASTING = ("Secret", "PersistentVolumeClaim")
"""What holds the data, or opens it: made once, and never again."""
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
    place: Place, operator: Kubectl, number: int
) -> None:
    _, change, writes = CHANGES[number]
    before = {
        _name(child): child["metadata"]["uid"] for child in place.children() if child["kind"] in LASTING
    }
    _broken_off(place, operator, change, random.Random(number).randint(1, writes))  # noqa: S311 - a moment
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


def test_a_killed_operator_leaves_nothing_of_what_is_deleted(place: Place, operator: Kubectl) -> None:
    def delete(place: Place) -> None:
        place.kubectl("delete", "pbacluster", "crash", "--wait=false")

    _broken_off(place, operator, delete, 1)
    wait_for("the PBACluster to be gone", lambda: place.kubectl.get("pbacluster", "crash") is None)
    wait_for("nothing to be left", lambda: not place.children())


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


def _broken_off(place: Place, operator: Kubectl, change: Step, after: int) -> None:
    """Make a change, and kill the operator after so many writes; return when another process is at work."""
    pod = _fresh_operator(operator)
    log = operators.audit_log()
    change(place)

    def written() -> bool:
        found = [write for write in operators.writes(log) if write.namespace == place.kubectl.namespace]
        return len(found) >= after

    wait_for(f"{after} writes", written)
    Faults.run("kill", _name(pod), "--namespace", operator.namespace, "--container", "operator")

    def runs_anew() -> bool:
        found = operator.get("pod", _name(pod))
        assert found is not None
        (status,), (old,) = found["status"]["containerStatuses"], pod["status"]["containerStatuses"]
        return bool(status["ready"] and status["restartCount"] > old["restartCount"])

    wait_for("the operator to be started again", runs_anew)
