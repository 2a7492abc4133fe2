"""The end of a PBACluster, by either policy, in any state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pba_simulation.belief import reported

from pba_operator.domain.cluster import Invalid, read
from pba_operator.domain.model import ChildId, Cluster, Delete, Failure, Manifest, SetFinalizer
from pba_operator.domain.plan import plan

MakeCluster = Callable[..., Cluster]
REFUSED = Failure(ChildId("StatefulSet", "shop-mysql"), "Forbidden", "a policy is against it")
GOING: Manifest = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["pba.dev/cleanup"]}


def _end(world: Any, going: Cluster | Invalid, sync: Any) -> list[list[str]]:
    """Carry the deletion out; return what was deleted in each round, and the finalizer's end."""
    rounds: list[list[str]] = []
    for _ in range(10):
        decided = plan(going, world.observed, sync)
        if not decided.actions:
            pods = [child for child in world.children if child.kind == "Pod"]
            if not pods:
                return rounds
            for child in pods:
                world.children.pop(child)
            continue
        rounds.append(
            [
                f"{action.target.kind}/{action.target.name}"
                for action in decided.actions
                if isinstance(action, Delete)
            ]
        )
        if decided.actions == (SetFinalizer(present=False),):
            return rounds
        world.carry_out(decided)
    raise AssertionError(rounds)


def test_under_delete_data_goes_after_the_pods_and_the_finalizer_last(
    world: Any, cluster: MakeCluster, sync: Any
) -> None:
    world.settle(cluster(deletionPolicy="Delete", metadata={"finalizers": ["pba.dev/cleanup"]}))
    going = cluster(deletionPolicy="Delete", metadata=GOING)
    workloads, data, last = _end(world, going, sync)
    assert set(workloads) == {"StatefulSet/shop-mysql", "Deployment/shop-management"}
    assert "PersistentVolumeClaim/data-shop-mysql-0" in data
    assert {"Secret/shop-mysql-app", "Secret/shop-mysql-admin", "Secret/shop-mysql-ca"} <= set(data)
    assert last == []


def test_no_data_goes_while_a_pod_is_left(world: Any, cluster: MakeCluster, sync: Any) -> None:
    world.settle(cluster(deletionPolicy="Delete", metadata={"finalizers": ["pba.dev/cleanup"]}))
    for kind, name in (("StatefulSet", "shop-mysql"), ("Deployment", "shop-management")):
        world.children.pop(ChildId(kind, name))
    assert ChildId("Pod", "shop-mysql-0") in world.children
    assert plan(cluster(deletionPolicy="Delete", metadata=GOING), world.observed, sync).actions == ()


def test_pods_without_a_workload_make_it_looked_for(world: Any, cluster: MakeCluster, sync: Any) -> None:
    """Somebody took a workload's label: no watch tells of it any more, and it would hold its pods for ever."""
    world.settle(cluster(deletionPolicy="Delete", metadata={"finalizers": ["pba.dev/cleanup"]}))
    going = cluster(deletionPolicy="Delete", metadata=GOING)
    assert plan(going, world.observed, sync).looks_for == ()
    for child in [child for child in world.children if child.kind in ("Deployment", "StatefulSet")]:
        del world.children[child]
    decided = plan(going, world.observed, sync)
    assert decided.actions == ()
    assert set(decided.looks_for) == {
        ChildId("StatefulSet", "shop-mysql"),
        ChildId("Deployment", "shop-management"),
        ChildId("Deployment", "shop-backend"),
        ChildId("Deployment", "shop-frontend"),
    }


def test_under_retain_only_the_finalizer_is_dropped(world: Any, cluster: MakeCluster, sync: Any) -> None:
    world.settle(cluster())
    going = cluster(deletionPolicy="Retain", metadata=GOING)
    assert plan(going, world.observed, sync).actions == (SetFinalizer(present=False),)


def test_without_our_finalizer_there_is_nothing_to_do(world: Any, cluster: MakeCluster, sync: Any) -> None:
    world.settle(cluster())
    going = cluster(deletionPolicy="Delete", metadata={**GOING, "finalizers": []})
    assert plan(going, world.observed, sync).actions == ()


def test_deletion_is_carried_out_while_paused(world: Any, cluster: MakeCluster, sync: Any) -> None:
    world.settle(cluster(deletionPolicy="Delete", metadata={"finalizers": ["pba.dev/cleanup"]}))
    going = cluster(deletionPolicy="Delete", paused=True, metadata=GOING)
    assert _end(world, going, sync)


def test_a_spec_that_cannot_be_read_is_deleted_as_its_policy_says(
    world: Any, cluster: MakeCluster, sync: Any, raw: Callable[..., Manifest]
) -> None:
    world.settle(cluster(deletionPolicy="Delete", metadata={"finalizers": ["pba.dev/cleanup"]}))
    going = read(raw("shop", deletionPolicy="Delete", application={"port": "eighty"}, metadata=GOING))
    assert isinstance(going, Invalid)
    rounds = _end(world, going, sync)
    assert any("PersistentVolumeClaim/data-shop-mysql-0" in deleted for deleted in rounds)


def test_a_foreign_claim_under_our_name_survives(world: Any, cluster: MakeCluster, sync: Any) -> None:
    foreign = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": "data-shop-mysql-0",
            "namespace": "default",
            "labels": {"pba.dev/cluster": "shop"},
        },
        "spec": {},
    }
    world.put(foreign)
    going = cluster(deletionPolicy="Delete", metadata=GOING)
    assert plan(going, world.observed, sync).actions == (SetFinalizer(present=False),)


def _told(world: Any, going: Cluster | Invalid) -> dict[str, str]:
    status = world.status(going)
    return {
        entry["type"]: f"{entry['status']} {entry['reason']}: {entry['message']}"
        for entry in status["conditions"]
    }


def test_what_a_deletion_waits_for_is_told(world: Any, cluster: MakeCluster, sync: Any) -> None:
    world.settle(cluster(deletionPolicy="Delete", metadata={"finalizers": ["pba.dev/cleanup"]}))
    going = cluster(deletionPolicy="Delete", metadata=GOING)
    told = _told(world, going)
    assert set(told) == {"Ready", "Reconciling"}
    assert told["Ready"].startswith("False Deleting: ")
    assert 'StatefulSet "shop-mysql"' in told["Ready"]
    world.carry_out(plan(going, world.observed, sync))
    assert 'waits for the end of Pod "' in _told(world, going)["Ready"]
    for child in [child for child in world.children if child.kind == "Pod"]:
        world.children.pop(child)
    assert 'PersistentVolumeClaim "data-shop-mysql-0"' in _told(world, going)["Ready"]


def test_the_finalizers_of_others_are_named(world: Any, cluster: MakeCluster) -> None:
    going = cluster(metadata={**GOING, "finalizers": ["example.com/backup"]})
    assert "waits for whoever set the finalizers example.com/backup." in _told(world, going)["Ready"]


def test_many_that_are_left_are_counted(world: Any, cluster: MakeCluster) -> None:
    going = cluster(deletionPolicy="Delete", metadata=GOING)
    for number in range(8):
        world.put_pod(f"shop-backend-{number}", "backend")
    assert "and 3 more." in _told(world, going)["Ready"]


@pytest.mark.parametrize(
    ("failures", "told"),
    [
        ((), {"type": "Reconciling", "reason": "Deleting"}),
        ((REFUSED,), {"type": "Stalled", "reason": "Forbidden"}),
    ],
)
def test_a_deletion_is_told_in_whole_conditions_of_its_generation(
    world: Any, cluster: MakeCluster, failures: tuple[Failure, ...], told: Manifest
) -> None:
    """A deletion raises the generation: a status of the one before counts as not written yet."""
    going = cluster(deletionPolicy="Delete", metadata={**GOING, "generation": 2})
    going = replace(going, status={"observedGeneration": 1, "stage": "Standalone"})
    status = reported(going, world.observed, failures)
    ready, other = status.pop("conditions")
    assert status == {"observedGeneration": 2, "stage": "Standalone"}
    words = ready.pop("message")
    assert words.startswith("The PBACluster is being deleted: ")
    assert ready == {"type": "Ready", "status": "False", "reason": "Deleting", "observedGeneration": 2}
    message = other.pop("message")
    assert ('StatefulSet "shop-mysql"' in message) if failures else (message == words)
    assert other == {**told, "status": "True", "observedGeneration": 2}


def test_a_spec_that_cannot_be_read_is_told_as_deleted(world: Any, raw: Any) -> None:
    broken = raw(metadata=GOING)
    del broken["spec"]["application"]
    assert "Stalled" not in _told(world, read(broken))
