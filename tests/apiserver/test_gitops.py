"""What a GitOps tool finds at the API server: a new PBACluster is not done, and what is not ours is not touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pba_hack.apiserver import ApiServer
from pba_hack.gitops import argocd_health, kstatus

ROOT = Path(__file__).parents[2]
APPLY = "application/apply-patch+yaml"


def test_new_cluster_is_in_progress_before_the_operator_has_seen_it(
    clusters: Any, minimal: dict[str, Any]
) -> None:
    assert clusters.create(minimal).ok
    created = clusters.get()
    assert created["status"] == {"observedGeneration": -1}
    assert kstatus(created)[0].status == "InProgress"
    assert argocd_health(created)[0].status == "Progressing"


def test_default_of_the_status_is_nobodys_field(clusters: Any, minimal: dict[str, Any]) -> None:
    assert clusters.create(minimal).ok
    managed = clusters.get()["metadata"]["managedFields"]
    assert not any("f:status" in entry["fieldsV1"] for entry in managed)


def test_applying_again_before_the_operator_has_come_changes_nothing_to_see(
    clusters: Any, minimal: dict[str, Any]
) -> None:
    """The API server stores the default of the status then, once; nothing else."""
    first, second, third = (clusters.apply(minimal).body for _ in range(3))
    assert third["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]
    for answer in (first, second):
        del answer["metadata"]["resourceVersion"]
    assert second == first


def test_health_check_joins_the_settings_of_argo_cd(api_server: ApiServer, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    theirs = {"metadata": {"name": "argocd-cm"}, "data": {"url": "https://argocd.example"}}
    assert api_server.request("POST", path, theirs).ok
    patch = yaml.safe_load((ROOT / "manifests" / "argocd" / "argocd-cm.yaml").read_text())
    answer = api_server.request(
        "PATCH",
        f"{path}/argocd-cm",
        patch,
        "application/strategic-merge-patch+json",
        fieldValidation="Strict",
    )
    assert answer.ok, answer.data
    assert answer.body["data"] == {**theirs["data"], **patch["data"]}
