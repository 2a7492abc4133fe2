"""What a GitOps tool finds at the API server: a new PBACluster is not done, and its default status is no drift."""

from __future__ import annotations

from typing import Any

from pba_hack.gitops import argocd_health, kstatus


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
