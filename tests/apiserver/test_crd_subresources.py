"""Scale and status: `kubectl scale` changes the number of backend nodes, and status only by its own door."""

from typing import Any

import pytest

from pba_hack.apiserver import ApiServer


@pytest.fixture
def shop(clusters: Any, minimal: dict[str, Any]) -> Any:
    assert clusters.create({**minimal, "backend": {}, "frontend": {"image": "haproxy:3.0.11"}}).ok
    return clusters


def test_scale_changes_the_backend_nodes_and_nothing_else(shop: Any) -> None:
    before = shop.get()["spec"]
    assert shop.patch({"spec": {"replicas": 5}}, subresource="scale").ok
    after = shop.get()["spec"]
    assert after["backend"].pop("replicas") == 5
    assert before["backend"].pop("replicas") == 2
    assert after == before


def test_scale_reports_what_runs(shop: Any) -> None:
    status = {"backend": {"replicas": 2, "selector": "pba.dev/cluster=shop,pba.dev/component=backend"}}
    assert shop.patch({"status": status}, subresource="status").ok
    scale = shop.get(subresource="scale")
    assert scale["spec"]["replicas"] == 2
    assert scale["status"] == {
        "replicas": 2,
        "selector": "pba.dev/cluster=shop,pba.dev/component=backend",
    }


def test_scale_stays_within_bounds(shop: Any) -> None:
    assert shop.patch({"spec": {"replicas": 1001}}, subresource="scale").status == 422
    assert shop.patch({"spec": {"replicas": -1}}, subresource="scale").status == 422


def test_scale_without_backend_nodes_is_refused(clusters: Any, minimal: dict[str, Any]) -> None:
    assert clusters.create(minimal).ok
    assert not clusters.patch({"spec": {"replicas": 3}}, subresource="scale").ok
    assert "backend" not in clusters.get()["spec"]


def test_status_is_written_by_its_own_door_only(shop: Any) -> None:
    generation = shop.get()["metadata"]["generation"]
    shop.patch({"status": {"stage": "Standalone"}})
    assert "stage" not in shop.get().get("status", {})
    shop.patch({"status": {"stage": "Standalone"}, "spec": {"paused": True}}, subresource="status")
    found = shop.get()
    assert found["status"]["stage"] == "Standalone"
    assert found["spec"]["paused"] is False
    assert found["metadata"]["generation"] == generation


WHOLE = {
    "observedGeneration": 7,
    "stage": "BackendCluster",
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "AllPartsReady",
            "message": "",
            "observedGeneration": 7,
            "lastTransitionTime": "2026-11-23T10:00:00Z",
        }
    ],
    "service": {"name": "shop", "addresses": ["203.0.113.10"]},
    "management": {"podName": "shop-management-abc", "nodeName": "w1"},
    "database": {
        "host": "shop-mysql-primary.default.svc",
        "credentialsSecretRef": {"name": "shop-mysql-app"},
        "version": "9.7.4",
        "primary": "shop-mysql-0",
        "members": 1,
        "readyMembers": 1,
        "memberStates": [{"name": "shop-mysql-0", "role": "Primary", "state": "Online", "nodeName": "w2"}],
    },
    "backend": {
        "replicas": 5,
        "selector": "pba.dev/cluster=shop,pba.dev/component=backend",
        "readyReplicas": 4,
        "updatedReplicas": 5,
        "notReady": [{"name": "shop-backend-x", "nodeName": "w1", "reason": "Starting"}],
    },
    "frontend": {"replicas": 2, "readyReplicas": 2},
}


def test_whole_status_is_kept(shop: Any) -> None:
    answer = shop.patch({"status": WHOLE}, subresource="status", fieldValidation="Strict")
    assert answer.ok, answer.data
    assert shop.get()["status"] == WHOLE


def test_columns_print_the_numbers_beside_each_other(shop: Any, api_server: ApiServer) -> None:
    shop.patch({"status": WHOLE}, subresource="status")
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    table = api_server.request("GET", shop.path, accept=accept).body
    names = [column["name"] for column in table["columnDefinitions"]]
    row = dict(zip(names, table["rows"][0]["cells"], strict=True))
    age = row.pop("Age")
    assert row == {
        "Name": "shop",
        "Stage": "BackendCluster",
        "Ready": "True",
        "Reason": "AllPartsReady",
        "Database": 1,
        "Backend": 4,
        "Wanted": 2,
        "Frontend": 2,
    }
    assert age.endswith("s")
    priorities = {column["name"]: column["priority"] for column in table["columnDefinitions"]}
    assert priorities["Reason"] == 1


@pytest.mark.parametrize("name", ["pbacluster", "pba"])
def test_short_name_is_known(api_server: ApiServer, crd: str, name: str) -> None:
    resources = api_server.request("GET", "/apis/pba.dev/v1alpha1").body["resources"]
    found = next(resource for resource in resources if resource["name"] == crd.partition(".")[0])
    assert name in (found["singularName"], *found["shortNames"])
    assert "categories" not in found
