"""The first roll-out: everything comes up in its order, under the names that users script against."""

from __future__ import annotations

from typing import Any

from pba_nodes import operators

from pba_hack.kubectl import Kubectl, wait_for

Json = dict[str, Any]

SETTLED_SECONDS = 5.0
IDLE_SECONDS = 20.0


def _started(pod: Json) -> str:
    return str(pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"])


def test_ready_names_every_part(shop: Kubectl) -> None:
    found = shop.get("pbacluster", "shop")
    assert found is not None
    conditions = {entry["type"]: entry["status"] for entry in found["status"]["conditions"]}
    parts = ("Ready", "DatabaseReady", "ManagementReady", "BackendReady", "FrontendReady")
    assert conditions == dict.fromkeys(parts, "True")
    assert found["status"]["stage"] == "BackendCluster"
    assert found["status"]["observedGeneration"] == found["metadata"]["generation"]


def test_children_have_the_promised_names_and_selectors(shop: Kubectl) -> None:
    expected = {
        "statefulset": ["shop-mysql"],
        "deployment": ["shop-backend", "shop-frontend", "shop-management"],
        "service": ["shop", "shop-backend", "shop-management", "shop-mysql", "shop-mysql-primary"],
        "networkpolicy": ["shop-backend", "shop-frontend", "shop-management", "shop-mysql"],
        "poddisruptionbudget": ["shop-backend", "shop-frontend"],
    }
    for kind, names in expected.items():
        assert sorted(item["metadata"]["name"] for item in shop.items(kind)) == names, kind
    for kind in ("statefulset", "deployment"):
        for item in shop.items(kind):
            assert set(item["spec"]["selector"]["matchLabels"]) == {"pba.dev/cluster", "pba.dev/component"}
    stateful = shop.get("statefulset", "shop-mysql")
    assert stateful is not None
    assert stateful["spec"]["podManagementPolicy"] == "Parallel"
    assert stateful["spec"]["updateStrategy"]["type"] == "OnDelete"
    assert stateful["spec"]["serviceName"] == "shop-mysql"
    assert stateful["spec"]["volumeClaimTemplates"][0]["metadata"]["name"] == "data"


def test_no_part_waited_by_crashing_and_the_database_came_first(
    shop: Kubectl, first_pods: list[Json]
) -> None:
    assert shop.get("pbacluster", "shop")
    restarts = {
        pod["metadata"]["name"]: sum(status["restartCount"] for status in pod["status"]["containerStatuses"])
        for pod in first_pods
    }
    assert len(restarts) == 6
    assert set(restarts.values()) == {0}, restarts
    started: dict[str, list[str]] = {role: [] for role in ("database", "management", "backend", "frontend")}
    for pod in first_pods:
        started[pod["metadata"]["labels"]["pba.dev/component"]].append(_started(pod))
    assert len(started["database"]) == 1
    assert min(started["management"] + started["backend"]) >= started["database"][0]


def test_only_the_sidecar_holds_an_api_token(shop: Kubectl) -> None:
    for pod in shop.items("pods", "pba.dev/cluster=shop"):
        assert pod["spec"].get("automountServiceAccountToken") is False
        tokens = {
            volume["name"]
            for volume in pod["spec"]["volumes"]
            for source in volume.get("projected", {}).get("sources", ())
            if "serviceAccountToken" in source
        }
        holders = [
            container["name"]
            for container in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"])
            if any(mount["name"] in tokens for mount in container.get("volumeMounts", ()))
        ]
        is_frontend = pod["metadata"]["labels"]["pba.dev/component"] == "frontend"
        assert holders == (["sync"] if is_frontend else [])


def test_an_idle_cluster_is_left_alone(shop: Kubectl) -> None:
    def leaving() -> list[Json]:
        pods = shop.items("pods", "pba.dev/cluster=shop")
        return [pod for pod in pods if "deletionTimestamp" in pod["metadata"]]

    shop.wait_ready("shop")
    wait_for("what earlier tests have replaced to be gone", lambda: not leaving())
    operators.watched_for(SETTLED_SECONDS)
    written = [
        write
        for write in operators.writes(operators.watched_for(IDLE_SECONDS))
        if write.namespace == shop.namespace
    ]
    assert written == []
