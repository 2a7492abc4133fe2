"""The status: honest about each part, with the object and the remedy named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pba_simulation.belief import condition, reported, states

from pba_api.types.status import MAX_NOT_READY
from pba_operator.domain.cluster import read
from pba_operator.domain.conditions import CONDITION_TEXT_MAX
from pba_operator.domain.model import ChildId, Cluster, Failure
from pba_operator.domain.plan import references

MakeCluster = Callable[..., Cluster]


def test_all_is_well(world: Any, whole: Cluster) -> None:
    world.settle(whole)
    status = world.status(whole)
    parts = ("Ready", "DatabaseReady", "ManagementReady", "BackendReady", "FrontendReady")
    assert states(status) == dict.fromkeys(parts, "True")
    assert status["stage"] == "BackendCluster"
    assert status["backend"] == {
        "replicas": 2,
        "selector": "pba.dev/cluster=shop,pba.dev/component=backend",
        "readyReplicas": 2,
        "updatedReplicas": 2,
        "notReady": [],
    }
    assert status["frontend"] == {"replicas": 2, "readyReplicas": 2}


def test_frontends_or_backends_alone_are_no_cluster_of_backends(world: Any, whole: Cluster) -> None:
    world.settle(whole)
    for deployment in ("shop-frontend", "shop-backend"):
        ready = world.deployment(deployment)["status"].pop("readyReplicas")
        assert world.status(whole)["stage"] == "Standalone", (
            "clients are served by the management node or nobody"
        )
        world.deployment(deployment)["status"]["readyReplicas"] = ready


def test_a_new_cluster_is_reconciling_and_says_what_it_waits_for(world: Any, whole: Cluster) -> None:
    status = world.status(whole)
    assert states(status)["Ready"] == "False"
    assert states(status)["Reconciling"] == "True"
    assert "Stalled" not in states(status)
    management = condition(status, "ManagementReady")
    assert management is not None
    assert management["reason"] == "WaitingForDatabase"


@pytest.mark.parametrize(
    ("deployment", "part"),
    [
        ("shop-management", "ManagementReady"),
        ("shop-backend", "BackendReady"),
        ("shop-frontend", "FrontendReady"),
    ],
)
def test_each_part_that_lacks_a_pod_is_named(world: Any, whole: Cluster, deployment: str, part: str) -> None:
    world.settle(whole)
    world.deployment(deployment)["status"]["availableReplicas"] = 0
    status = world.status(whole)
    assert states(status)[part] == "False"
    ready = condition(status, "Ready")
    assert ready is not None
    assert part in ready["message"]
    assert deployment in ready["message"]


def test_frontends_that_wait_for_a_backend_that_nobody_asks_for_say_so(
    world: Any, cluster: MakeCluster
) -> None:
    stopped = cluster(
        backend={"replicas": 0}, frontend={"image": "haproxy:3"}, management={"servesTraffic": False}
    )
    world.settle(stopped)
    assert states(world.status(stopped))["Ready"] == "True", "frontends that were ready before answer 503"
    world.deployment("shop-frontend")["status"]["availableReplicas"] = 0
    frontend = condition(world.status(stopped), "FrontendReady")
    assert frontend is not None
    assert frontend["reason"] == "NoBackends"
    assert "raise backend.replicas" in frontend["message"]
    serving = cluster(backend={"replicas": 0}, frontend={"image": "haproxy:3"})
    frontend = condition(world.status(serving), "FrontendReady")
    assert frontend is not None
    assert frontend["reason"] != "NoBackends", "the management node serves"


def test_a_database_that_is_not_ready_is_named(world: Any, whole: Cluster) -> None:
    world.settle(whole)
    world.put_pod("shop-mysql-0", "database", ready=False, revision="r1")
    status = world.status(whole)
    assert states(status)["DatabaseReady"] == "False"
    assert states(status)["ManagementReady"] == "True"


def test_pods_that_the_quota_forbids_are_told(world: Any, whole: Cluster) -> None:
    world.settle(whole)
    live = world.deployment("shop-backend")
    live["status"]["replicas"] = 0
    live["status"]["conditions"] = [
        {
            "type": "ReplicaFailure",
            "status": "True",
            "reason": "FailedCreate",
            "message": "exceeded quota: small",
        }
    ]
    stalled = condition(world.status(whole), "Stalled")
    assert stalled is not None
    assert stalled["reason"] == "FailedCreate"
    assert "exceeded quota: small" in stalled["message"]


def test_a_name_that_is_taken_stalls_and_heals(world: Any, whole: Cluster) -> None:
    world.settle(whole)
    ours = world.children.pop(ChildId("Service", "shop"))
    world.put({**ours, "metadata": {"name": "shop", "namespace": "default"}})
    stalled = condition(world.status(whole), "Stalled")
    assert stalled is not None
    assert stalled["reason"] == "NameConflict"
    assert 'Service "shop"' in stalled["message"]
    world.children.pop(ChildId("Service", "shop"))
    world.settle(whole)
    assert condition(world.status(whole), "Stalled") is None


def test_what_an_earlier_namesake_leaves_behind_is_waited_for(world: Any, whole: Cluster) -> None:
    world.settle(whole)
    ours = world.children.pop(ChildId("Service", "shop"))
    earlier = [{**ours["metadata"]["ownerReferences"][0], "uid": "an-earlier-one"}]
    world.put({**ours, "metadata": {**ours["metadata"], "ownerReferences": earlier}})
    status = world.status(whole)
    frontend = condition(status, "FrontendReady")
    assert frontend is not None
    assert frontend["reason"] == "Terminating"
    assert "Stalled" not in states(status)


def test_a_taken_address_stalls_the_standalone_stage_too(world: Any, cluster: MakeCluster) -> None:
    alone = cluster()
    world.settle(alone)
    ours = world.children.pop(ChildId("Service", "shop"))
    world.put({**ours, "metadata": {"name": "shop", "namespace": "default"}})
    status = world.status(alone)
    assert states(status)["ManagementReady"] == "False"
    assert states(status)["Stalled"] == "True"


@pytest.mark.parametrize(
    ("target", "part"),
    [
        (ChildId("PersistentVolumeClaim", "data-shop-mysql-0"), "DatabaseReady"),
        (ChildId("Secret", "shop-mysql-new"), "DatabaseReady"),
        (ChildId("PodDisruptionBudget", "shop-frontend"), "FrontendReady"),
        (ChildId("NetworkPolicy", "shop-backend"), "BackendReady"),
        (ChildId("PBACluster", "shop"), "ManagementReady"),
    ],
)
def test_a_refusal_is_told_with_the_part_that_it_holds_back(
    world: Any, whole: Cluster, target: ChildId, part: str
) -> None:
    world.settle(whole)
    status = reported(whole, world.observed, (Failure(target, "Forbidden", "no"),))
    assert {kind for kind, state in states(status).items() if state == "False"} == {"Ready", part}


def test_a_refusal_of_the_api_server_is_told_with_its_words(world: Any, whole: Cluster) -> None:
    world.settle(whole)
    failure = Failure(ChildId("Deployment", "shop-backend"), "Invalid", "spec.template: bad thing")
    status = reported(whole, world.observed, (failure,))
    backend = condition(status, "BackendReady")
    assert backend is not None
    assert backend["reason"] == "Invalid"
    assert "bad thing" in backend["message"]
    assert states(status)["Stalled"] == "True"


def test_paused_tells_what_is_pending(world: Any, whole: Cluster, cluster: MakeCluster) -> None:
    world.settle(whole)
    paused = cluster(backend={"replicas": 5}, frontend={"image": "haproxy:3.0.11"}, paused=True)
    status = world.status(paused)
    backend = condition(status, "BackendReady")
    assert backend is not None
    assert (backend["status"], backend["reason"]) == ("False", "Paused")
    assert states(status)["Paused"] == "True"
    assert "Reconciling" not in states(status)


def test_lists_and_messages_are_bounded(world: Any, cluster: MakeCluster) -> None:
    made = cluster(backend={"replicas": 100}, frontend={"image": "haproxy:3.0.11"})
    world.settle(made)
    for number in range(100):
        world.put_pod(f"shop-backend-{number:03}{'x' * 40}", "backend", ready=False)
    world.deployment("shop-backend")["status"]["availableReplicas"] = 0
    status = world.status(made)
    assert len(status["backend"]["notReady"]) == MAX_NOT_READY
    assert all(len(entry["message"]) <= CONDITION_TEXT_MAX for entry in status["conditions"])


def test_the_management_node_is_shown_where_it_serves(world: Any, whole: Cluster) -> None:
    world.settle(whole)
    world.put_pod("shop-management-old", "management", ready=False)
    world.put_pod("shop-management-new", "management")
    assert world.status(whole)["management"] == {"podName": "shop-management-new", "nodeName": "node1"}


def test_a_template_that_is_missing_holds_the_application_back(world: Any, cluster: MakeCluster) -> None:
    files = [{"path": "/etc/app.conf", "templateRef": {"name": "templates", "key": "app.conf"}}]
    made = cluster(application={"configFiles": files})
    world.settle(made)
    assert ChildId("Deployment", "shop-management") not in world.children
    stalled = condition(world.status(made), "Stalled")
    assert stalled is not None
    assert stalled["reason"] == "TemplateMissing"
    assert 'ConfigMap "templates"' in stalled["message"]
    world.references[ChildId("ConfigMap", "templates")] = {"data": {}}
    stalled = condition(world.status(made), "Stalled")
    assert stalled is not None
    assert stalled["reason"] == "TemplateKeyMissing"
    world.references[ChildId("ConfigMap", "templates")] = {"data": {"app.conf": "x=${user} $y ${z}"}}
    world.settle(made)
    assert ChildId("Deployment", "shop-management") in world.children


def test_a_spec_that_cannot_be_read_is_told_in_whole_sentences(world: Any, raw: Any) -> None:
    manifest = raw()
    del manifest["spec"]["database"]
    status = world.status(read(manifest))
    stalled = condition(status, "Stalled")
    assert stalled is not None
    assert "spec.database: is required. Nothing is changed until it is corrected." in stalled["message"]


VOLUMES = [
    {"name": "logo", "secret": {"secretName": "nope"}},
    {"name": "maybe", "configMap": {"name": "may-be-absent", "optional": True}},
    {"name": "files", "persistentVolumeClaim": {"claimName": "shared"}},
    {"name": "all", "projected": {"sources": [{"configMap": {"name": "texts", "items": [{"key": "a"}]}}]}},
]


def test_a_volume_whose_source_is_not_there_is_told_by_name(world: Any, cluster: MakeCluster) -> None:
    asks = cluster(application={"volumes": VOLUMES}, backend={}, frontend={"image": "haproxy:3"})
    world.settle(asks)
    world.references = {child: {"data": {"a": ""}} for child in references(asks.spec)}
    assert {child.name for child in world.references} == {"nope", "shared", "texts"}
    assert states(world.status(asks))["Ready"] == "True"

    world.deployment("shop-backend")["status"]["availableReplicas"] = 0
    for child, words in (
        (ChildId("Secret", "nope"), "create it"),
        (ChildId("ConfigMap", "texts"), "add the key"),
    ):
        before = world.references[child]
        world.references[child] = None if child.kind == "Secret" else {"data": {}}
        status = world.status(asks)
        backend = condition(status, "BackendReady")
        assert backend is not None
        assert backend["reason"] == "VolumeSourceMissing"
        assert f'{child.kind} "{child.name}"' in backend["message"]
        assert words in backend["message"]
        assert states(status)["Stalled"] == "True"
        assert states(status)["ManagementReady"] == "True", "its pods run: they have what they need"
        world.references[child] = before
