"""The status: honest about each part, with the object and the remedy named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pba_api.types.status import MAX_NOT_READY
from pba_operator.domain.cluster import read
from pba_operator.domain.conditions import CONDITION_TEXT_MAX
from pba_operator.domain.model import ChildId, Cluster, Failure, Manifest
from pba_operator.domain.plan import references
from pba_operator.domain.report import report

MakeCluster = Callable[..., Cluster]


def _condition(status: Manifest, kind: str) -> Manifest | None:
    return next((entry for entry in status["conditions"] if entry["type"] == kind), None)


def _states(status: Manifest) -> dict[str, str]:
    return {entry["type"]: entry["status"] for entry in status["conditions"]}


def test_all_is_well(world: Any, whole: Cluster) -> None:
    world.settle(whole)
    status = world.status(whole)
    parts = ("Ready", "DatabaseReady", "ManagementReady", "BackendReady", "FrontendReady")
    assert _states(status) == dict.fromkeys(parts, "True")
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
    assert _states(status)["Ready"] == "False"
    assert _states(status)["Reconciling"] == "True"
    assert "Stalled" not in _states(status)
    management = _condition(status, "ManagementReady")
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
    assert _states(status)[part] == "False"
    ready = _condition(status, "Ready")
    assert ready is not None
    assert part in ready["message"]
    assert deployment in ready["message"]


def test_frontends_that_wait_for_a_backend_that_nobody_asks_for_say_so(
    world: Any, cluster: MakeCluster
) -> None:
    stopped = cluster(backend={"replicas": 0}, frontend={"image": "haproxy:3"})
    world.settle(stopped)
    assert _states(world.status(stopped))["Ready"] == "True", "frontends that were ready before answer 503"
    world.deployment("shop-frontend")["status"]["availableReplicas"] = 0
    frontend = _condition(world.status(stopped), "FrontendReady")
    assert frontend is not None
    assert frontend["reason"] == "NoBackends"
    assert "raise backend.replicas" in frontend["message"]


def test_a_database_that_is_not_ready_is_named(world: Any, whole: Cluster) -> None:
    world.settle(whole)
    world.put_pod("shop-mysql-0", "database", ready=False, revision="r1")
    status = world.status(whole)
    assert _states(status)["DatabaseReady"] == "False"
    assert _states(status)["ManagementReady"] == "True"


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
    stalled = _condition(world.status(whole), "Stalled")
    assert stalled is not None
    assert stalled["reason"] == "FailedCreate"
    assert "exceeded quota: small" in stalled["message"]


def test_a_name_that_is_taken_stalls_and_heals(world: Any, whole: Cluster) -> None:
    world.settle(whole)
    ours = world.children.pop(ChildId("Service", "shop"))
    world.put({**ours, "metadata": {"name": "shop", "namespace": "default"}})
    stalled = _condition(world.status(whole), "Stalled")
    assert stalled is not None
    assert stalled["reason"] == "NameConflict"
    assert 'Service "shop"' in stalled["message"]
    world.children.pop(ChildId("Service", "shop"))
    world.settle(whole)
    assert _condition(world.status(whole), "Stalled") is None


def test_what_an_earlier_namesake_leaves_behind_is_waited_for(world: Any, whole: Cluster) -> None:
    world.settle(whole)
    ours = world.children.pop(ChildId("Service", "shop"))
    earlier = [{**ours["metadata"]["ownerReferences"][0], "uid": "an-earlier-one"}]
    world.put({**ours, "metadata": {**ours["metadata"], "ownerReferences": earlier}})
    status = world.status(whole)
    frontend = _condition(status, "FrontendReady")
    assert frontend is not None
    assert frontend["reason"] == "Terminating"
    assert "Stalled" not in _states(status)


def test_a_taken_address_stalls_the_standalone_stage_too(world: Any, cluster: MakeCluster) -> None:
    alone = cluster()
    world.settle(alone)
    ours = world.children.pop(ChildId("Service", "shop"))
    world.put({**ours, "metadata": {"name": "shop", "namespace": "default"}})
    status = world.status(alone)
    assert _states(status)["ManagementReady"] == "False"
    assert _states(status)["Stalled"] == "True"


@pytest.mark.parametrize(
    ("target", "part"),
    [
        (ChildId("PersistentVolumeClaim", "data-shop-mysql-0"), "DatabaseReady"),
        (ChildId("Secret", "shop-mysql-new"), "DatabaseReady"),
        (ChildId("PodDisruptionBudget", "shop-frontend"), "FrontendReady"),
        (ChildId("PBACluster", "shop"), "ManagementReady"),
    ],
)
def test_a_refusal_is_told_with_the_part_that_it_holds_back(
    world: Any, whole: Cluster, sync: Any, target: ChildId, part: str
) -> None:
    world.settle(whole)
    status = report(whole, world.observed, (Failure(target, "Forbidden", "no"),), sync)
    assert {kind for kind, state in _states(status).items() if state == "False"} == {"Ready", part}


def test_a_refusal_of_the_api_server_is_told_with_its_words(world: Any, whole: Cluster, sync: Any) -> None:
    world.settle(whole)
    failure = Failure(ChildId("Deployment", "shop-backend"), "Invalid", "spec.template: bad thing")
    status = report(whole, world.observed, (failure,), sync)
    backend = _condition(status, "BackendReady")
    assert backend is not None
    assert backend["reason"] == "Invalid"
    assert "bad thing" in backend["message"]
    assert _states(status)["Stalled"] == "True"


def test_paused_tells_what_is_pending(world: Any, whole: Cluster, cluster: MakeCluster) -> None:
    world.settle(whole)
    paused = cluster(backend={"replicas": 5}, frontend={"image": "haproxy:3.0.11"}, paused=True)
    status = world.status(paused)
    backend = _condition(status, "BackendReady")
    assert backend is not None
    assert (backend["status"], backend["reason"]) == ("False", "Paused")
    assert _states(status)["Paused"] == "True"
    assert "Reconciling" not in _states(status)


def test_lists_and_messages_are_bounded(world: Any, cluster: MakeCluster) -> None:
    made = cluster(backend={"replicas": 100}, frontend={"image": "haproxy:3.0.11"})
    world.settle(made)
    for number in range(100):
        world.put_pod(f"shop-backend-{number:03}{'x' * 40}", "backend", ready=False)
    world.deployment("shop-backend")["status"]["availableReplicas"] = 0
    status = world.status(made)
    assert len(status["backend"]["notReady"]) == MAX_NOT_READY
    assert all(len(entry["message"]) <= CONDITION_TEXT_MAX for entry in status["conditions"])


def test_the_addresses_are_those_that_clients_can_use(world: Any, whole: Cluster) -> None:
    world.settle(whole)
    service = world.children[ChildId("Service", "shop")]
    service["spec"]["clusterIPs"] = ["10.96.0.7", "fd00::7"]
    assert world.status(whole)["service"] == {"name": "shop", "addresses": ["10.96.0.7", "fd00::7"]}
    service["spec"]["type"] = "LoadBalancer"
    assert world.status(whole)["service"]["addresses"] == []
    service["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}, {"hostname": "lb.example"}]}}
    assert world.status(whole)["service"]["addresses"] == ["192.0.2.1", "lb.example"]


LOAD_BALANCED = {"service": {"type": "LoadBalancer"}}
BALANCED = {"backend": {}, "frontend": {"image": "haproxy:3"}}


@pytest.mark.parametrize(("part", "spec"), [("FrontendReady", BALANCED), ("ManagementReady", {})])
@pytest.mark.parametrize(
    "status",
    [{}, {"loadBalancer": {}}, {"loadBalancer": {"ingress": []}}, {"loadBalancer": {"ingress": [{}]}}],
)
def test_a_service_without_an_address_keeps_its_part_from_being_ready(
    world: Any, cluster: MakeCluster, part: str, spec: Manifest, status: Manifest
) -> None:
    asked = cluster(**LOAD_BALANCED, **spec)
    world.settle(asked)
    assert _states(world.status(asked))["Ready"] == "True"
    world.children[ChildId("Service", "shop")]["status"] = status
    told = world.status(asked)
    states = _states(told)
    assert {name for name, state in states.items() if state == "False"} == {"Ready", part}
    assert states["Reconciling"] == "True"
    assert "Stalled" not in states, "that time goes by is no evidence of failure"
    waiting = _condition(told, part)
    assert waiting is not None
    assert waiting["reason"] == "AwaitingAddress"
    assert waiting["message"] == (
        'No load balancer has given Service "shop" an address: install one, have spec.service.loadBalancerClass name '
        "one that runs, or set spec.service.type to NodePort or ClusterIP."
    )


def test_the_class_that_gives_no_address_is_named(world: Any, cluster: MakeCluster) -> None:
    asked = cluster(service={"type": "LoadBalancer", "loadBalancerClass": "example.org/lb"})
    world.settle(asked)
    del world.children[ChildId("Service", "shop")]["status"]
    waiting = _condition(world.status(asked), "ManagementReady")
    assert waiting is not None
    assert waiting["message"].startswith(
        'No load balancer of class "example.org/lb" has given Service "shop" an address: '
    )


def test_only_a_load_balancer_that_serves_our_service_is_waited_for(world: Any, cluster: MakeCluster) -> None:
    plain, balanced = cluster(), cluster(**LOAD_BALANCED)
    world.settle(plain)
    assert _states(world.status(plain))["Ready"] == "True"
    edited = _condition(world.status(balanced), "ManagementReady")
    assert edited is not None
    assert edited["reason"] == "Applying", "nobody was asked for an address yet"
    world.settle(balanced)
    del world.children[ChildId("Service", "shop")]["status"]
    back = _condition(world.status(plain), "ManagementReady")
    assert back is not None
    assert back["reason"] == "Applying", "none is wanted any more"
    ours = world.children.pop(ChildId("Service", "shop"))
    world.put({**ours, "metadata": {"name": "shop", "namespace": "default"}})
    foreign = _condition(world.status(balanced), "ManagementReady")
    assert foreign is not None
    assert "load balancer" not in foreign["message"]
    assert "service" not in world.status(balanced), "its addresses lead to somebody else"


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
    stalled = _condition(world.status(made), "Stalled")
    assert stalled is not None
    assert stalled["reason"] == "TemplateMissing"
    assert 'ConfigMap "templates"' in stalled["message"]
    world.references[ChildId("ConfigMap", "templates")] = {"data": {}}
    stalled = _condition(world.status(made), "Stalled")
    assert stalled is not None
    assert stalled["reason"] == "TemplateKeyMissing"
    world.references[ChildId("ConfigMap", "templates")] = {"data": {"app.conf": "x=${user} $y ${z}"}}
    world.settle(made)
    assert ChildId("Deployment", "shop-management") in world.children


def test_a_spec_that_cannot_be_read_is_told_in_whole_sentences(world: Any, raw: Any) -> None:
    manifest = raw()
    del manifest["spec"]["database"]
    status = world.status(read(manifest))
    stalled = _condition(status, "Stalled")
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
    assert _states(world.status(asks))["Ready"] == "True"

    world.deployment("shop-backend")["status"]["availableReplicas"] = 0
    for child, words in (
        (ChildId("Secret", "nope"), "create it"),
        (ChildId("ConfigMap", "texts"), "add the key"),
    ):
        before = world.references[child]
        world.references[child] = None if child.kind == "Secret" else {"data": {}}
        status = world.status(asks)
        backend = _condition(status, "BackendReady")
        assert backend is not None
        assert backend["reason"] == "VolumeSourceMissing"
        assert f'{child.kind} "{child.name}"' in backend["message"]
        assert words in backend["message"]
        assert _states(status)["Stalled"] == "True"
        assert _states(status)["ManagementReady"] == "True", "its pods run: they have what they need"
        world.references[child] = before
