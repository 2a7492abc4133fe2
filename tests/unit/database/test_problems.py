"""What keeps the pod from serving, and which of several reasons is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pba_operator.domain import database
from pba_operator.domain.model import ChildId, Problem

World = Any
CLAIM = ChildId("PersistentVolumeClaim", "data-shop-mysql-0")
UNBOUND = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"
NO_PROCESSOR = "0/3 nodes are available: 3 Insufficient cpu."


def _unscheduled(world: World, words: str, **claim_status: Any) -> Problem:
    pod = world.put_pod("r1", ready=False)
    pod["status"] = {
        "conditions": [
            {"type": "Ready", "status": "False"},
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words},
        ]
    }
    world.children[CLAIM]["status"] = {"phase": "Pending"} | claim_status
    (problem,) = database.problems(world.cluster, world.observed)
    return problem


def test_a_volume_that_nothing_makes_is_told_with_its_class(
    settled: World, cluster: Callable[..., Any]
) -> None:
    settled.cluster = cluster(storage={"size": "1Gi", "storageClassName": "late"})
    problem = _unscheduled(settled, UNBOUND)
    assert (problem.reason, problem.stalled) == ("VolumeNotBound", True)
    assert "data-shop-mysql-0" in problem.message
    assert '"late"' in problem.message


def test_without_a_class_the_default_one_is_meant(settled: World) -> None:
    assert "default StorageClass" in _unscheduled(settled, UNBOUND).message
    settled.children[CLAIM]["spec"]["storageClassName"] = "standard"
    assert '"standard"' in _unscheduled(settled, UNBOUND).message


def test_a_volume_that_is_being_made_is_progress(settled: World) -> None:
    annotations = {"volume.kubernetes.io/storage-provisioner": "example.com/disks"}
    settled.children[CLAIM]["metadata"]["annotations"] = annotations
    problem = _unscheduled(settled, UNBOUND)
    assert (problem.reason, problem.stalled) == ("VolumeNotBound", False)


def test_what_is_not_about_the_volume_is_told_as_it_is(settled: World) -> None:
    assert _unscheduled(settled, NO_PROCESSOR).reason == "Unschedulable"
    bound = _unscheduled(settled, "node(s) had volume node affinity conflict", phase="Bound")
    assert bound.reason == "Unschedulable"


def test_a_pod_without_its_claim_is_told_with_the_schedulers_words(settled: World) -> None:
    _unscheduled(settled, UNBOUND)
    del settled.children[CLAIM]
    assert settled.reasons() == ["Unschedulable"]


@pytest.mark.parametrize("labels", [None, {"pba.dev/cluster-uid": "another"}], ids=["foreign", "kept"])
@pytest.mark.parametrize("going", [False, True])
def test_a_volume_that_is_not_ours_is_not_told_as_lost_with_a_remedy_that_deletes_it(
    settled: World, labels: dict[str, str] | None, going: bool
) -> None:
    claim = settled.children[CLAIM]
    claim["metadata"]["labels"] = labels and claim["metadata"]["labels"] | labels
    claim["status"] = {"phase": "Lost"}
    if going:
        claim["metadata"]["deletionTimestamp"] = "2026-11-24T00:00:00Z"
    assert settled.reasons() == ["RetainedSetMixed" if labels else "NameConflict"]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"waiting": {"reason": "ImagePullBackOff"}}, "ImagePullFailed"),
        ({"waiting": {"reason": "CrashLoopBackOff"}}, "CrashLooping"),
        ({"running": {}}, "NotReady"),
    ],
)
def test_a_pod_that_does_not_serve_is_diagnosed(settled: World, state: dict[str, Any], reason: str) -> None:
    pod = settled.put_pod("r1", ready=False)
    pod["status"]["containerStatuses"][0]["state"] = state
    assert settled.reasons() == [reason]


def test_what_is_stalled_is_told_first(settled: World) -> None:
    settled.put_pod("r1", ready=False)
    settled.children[CLAIM]["status"] = {"phase": "Lost"}
    assert settled.reasons() == ["VolumeLost", "NotReady"]


def test_a_pod_that_cannot_be_made_is_told_with_the_words_of_the_statefulsets_events(settled: World) -> None:
    del settled.children[ChildId("Pod", "shop-mysql-0")]
    subject = database.without_pod(settled.cluster, settled.observed)
    assert subject == settled.get("StatefulSet", "shop-mysql")
    (problem,) = settled.problems()
    assert (problem.reason, problem.stalled) == ("Creating", False)
    (problem,) = settled.problems(evidence="exceeded quota: pods=0")
    assert (problem.reason, problem.stalled) == ("FailedCreate", True)
    assert "exceeded quota: pods=0. Remove what forbids it" in problem.message


def test_no_events_are_asked_for_while_the_pod_is_there(settled: World) -> None:
    assert database.without_pod(settled.cluster, settled.observed) is None
