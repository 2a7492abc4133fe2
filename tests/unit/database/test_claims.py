"""A volume grows, never shrinks, and is told when it cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pba_operator.domain import database, quantity
from pba_operator.domain.database import claims
from pba_operator.domain.model import Apply, ChildId

World = Any
NAME = "data-shop-mysql-0"
CLAIM = ChildId("PersistentVolumeClaim", NAME)
SIZES = st.builds("{}{}".format, st.integers(1, 4096), st.sampled_from(["Mi", "Gi", "G", "Ti"]))


def _claim(world: World) -> dict[str, Any]:
    live: dict[str, Any] = world.children[CLAIM]
    return live


def test_the_first_claim_is_as_asked(new_world: Callable[..., World]) -> None:
    world = new_world(storage={"size": "5Gi", "storageClassName": "fast"})
    world.settle()
    assert _claim(world)["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "5Gi"}},
        "storageClassName": "fast",
    }
    template = world.get("StatefulSet", "shop-mysql")["spec"]["volumeClaimTemplates"][0]
    assert template["metadata"]["name"] == "data"
    assert template["spec"] == _claim(world)["spec"]
    labels = _claim(world)["metadata"]["labels"]
    assert template["metadata"]["labels"] == labels
    assert labels["pba.dev/cluster-uid"] == labels["pba.dev/database-id"] == world.cluster.uid


def test_it_grows_as_the_very_object_and_the_template_stays(
    settled: World, cluster: Callable[..., Any]
) -> None:
    uid = _claim(settled)["metadata"]["uid"]
    settled.cluster = cluster(storage={"size": "2Gi"})
    due = settled.due()
    assert [step.manifest["metadata"]["name"] for step in due if isinstance(step, Apply)] == [NAME]
    assert due[0].manifest["metadata"]["uid"] == uid
    settled.settle()
    assert claims.requested(_claim(settled)) == "2Gi"
    assert settled.reasons() == []
    template = settled.get("StatefulSet", "shop-mysql")["spec"]["volumeClaimTemplates"][0]
    assert template["spec"]["resources"]["requests"]["storage"] == "1Gi"


def test_it_grows_while_a_secret_is_being_made_anew(settled: World, cluster: Callable[..., Any]) -> None:
    del settled.children[ChildId("Secret", "shop-mysql-admin")]
    settled.cluster = cluster(storage={"size": "2Gi"})
    assert CLAIM in {ChildId.of(step.manifest) for step in settled.due() if isinstance(step, Apply)}


@pytest.mark.parametrize("phase", ["Pending", "Bound"])
def test_a_size_in_other_words_is_not_applied_again(new_world: Callable[..., World], phase: str) -> None:
    world = new_world(storage={"size": "0.5Gi"})
    world.settle()
    claim = _claim(world)
    claim["spec"]["resources"]["requests"]["storage"] = "512Mi"
    claim["status"] = {"phase": phase}
    template = world.get("StatefulSet", "shop-mysql")["spec"]["volumeClaimTemplates"][0]
    template["spec"]["resources"]["requests"]["storage"] = "512Mi"
    assert [step for step in world.due() if isinstance(step, Apply)] == []


@given(asked=SIZES, has=SIZES)
def test_a_claim_never_shrinks(new_world: Callable[..., World], asked: str, has: str) -> None:
    world = new_world(storage={"size": asked})
    world.settle()
    _claim(world)["spec"]["resources"]["requests"]["storage"] = has
    wanted = claims.requested(claims.manifest(world.cluster, world.observed))
    sizes = [quantity.parse(size) for size in (asked, has)]
    assert quantity.parse(wanted) == max(size for size in sizes if size is not None)


def test_a_claim_without_a_volume_is_left_alone(settled: World, cluster: Callable[..., Any]) -> None:
    settled.cluster = cluster(storage={"size": "2Gi"})
    for status in ({"phase": "Pending"}, {}):
        _claim(settled)["status"] = status
        assert settled.due() == []


def test_what_is_no_quantity_is_left_to_the_api_server_to_refuse() -> None:
    assert not claims.is_larger("many", "1Gi")
    assert not claims.is_larger("1Gi", "many")


def test_a_template_keeps_what_the_api_server_filled_in_out(settled: World) -> None:
    template = settled.get("StatefulSet", "shop-mysql")["spec"]["volumeClaimTemplates"][0]
    template |= {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Pending"}}
    template["spec"]["volumeMode"] = "Filesystem"
    assert settled.due() == []


def test_a_claim_that_others_made_keeps_how_it_is_mounted(settled: World) -> None:
    _claim(settled)["spec"]["accessModes"] = ["ReadWriteOncePod"]
    settled.leave()
    settled.settle()
    assert _claim(settled)["spec"]["accessModes"] == ["ReadWriteOncePod"]


@pytest.mark.parametrize(
    ("status", "reason", "stalled"),
    [
        ({"phase": "Lost"}, "VolumeLost", True),
        ({"phase": "Bound", "capacity": {"storage": "512Mi"}}, "VolumeResizing", False),
        (
            {
                "phase": "Bound",
                "capacity": {"storage": "512Mi"},
                "allocatedResourceStatuses": {"storage": "NodeResizeInfeasible"},
            },
            "VolumeNotExpandable",
            True,
        ),
        ({"phase": "Bound", "capacity": {"storage": "1Gi"}}, None, False),
        ({"phase": "Bound"}, None, False),
        ({"phase": "Pending"}, None, False),
    ],
)
def test_the_state_of_a_volume_is_told(
    settled: World, status: dict[str, Any], reason: str | None, stalled: bool
) -> None:
    _claim(settled)["status"] = status
    found = database.problems(settled.cluster, settled.observed)
    assert [(problem.reason, problem.stalled) for problem in found] == ([(reason, stalled)] if reason else [])
    assert all(NAME in problem.message for problem in found)


def test_growth_that_is_refused_is_told_unless_nothing_may_be_written(
    settled: World, cluster: Callable[..., Any]
) -> None:
    for paused in (False, True):
        settled.cluster = cluster(storage={"size": "2Gi"}, paused=paused)
        problem = database.problems(settled.cluster, settled.observed)[0]
        assert (problem.reason, problem.stalled) == ("VolumeNotExpandable", not paused)
        assert "allowVolumeExpansion" in problem.message


def test_a_volume_that_is_being_deleted_under_the_database_is_told(settled: World) -> None:
    _claim(settled)["metadata"]["deletionTimestamp"] = "2026-11-24T00:00:00Z"
    problem = database.problems(settled.cluster, settled.observed)[0]
    assert (problem.reason, problem.stalled) == ("VolumeTerminating", True)
