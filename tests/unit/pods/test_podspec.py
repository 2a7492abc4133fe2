"""Settings of a role reach its pods; ours always win, and what is not set leaves no trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pba_operator.domain.model import Cluster
from pba_operator.domain.podspec import restricted_container, restricted_pod, with_settings

MakeCluster = Callable[..., Cluster]
TEMPLATE: dict[str, Any] = {"spec": {"containers": [{"name": "helper"}, {"name": "main"}]}}


def test_without_settings_only_our_labels_are_added(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    made = with_settings(TEMPLATE, cluster.spec.management.pod, cluster, "management", container="main")
    labels = {
        "pba.dev/cluster": "shop",
        "pba.dev/component": "management",
        "app.kubernetes.io/managed-by": "pba-operator",
    }
    assert made == {"metadata": {"labels": labels}, "spec": TEMPLATE["spec"]}


def test_all_settings_are_merged_and_ours_win(make_cluster: MakeCluster) -> None:
    pod = {
        "resources": {"limits": {"memory": "1Gi"}},
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "db", "operator": "Exists"}],
        "affinity": {"podAntiAffinity": {}},
        "topologySpreadConstraints": [{"topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
        "priorityClassName": "high",
        "labels": {"team": "a", "tier": "db", "pba.dev/component": "forged"},
        "annotations": {"note": "pod", "pba.dev/config-hash": "forged"},
    }
    cluster = make_cluster(
        childMetadata={"labels": {"team": "b", "owner": "c"}, "annotations": {"note": "child"}},
        management={"pod": pod},
        imagePullSecrets=[{"name": "regcred"}],
    )
    template = {"metadata": {"annotations": {"pba.dev/config-hash": "x"}}, **TEMPLATE}
    made = with_settings(template, cluster.spec.management.pod, cluster, "management", container="main")
    assert made["metadata"]["labels"].items() >= {"team": "a", "owner": "c", "tier": "db"}.items()
    assert made["metadata"]["labels"]["pba.dev/component"] == "management"
    assert made["metadata"]["annotations"] == {"note": "pod", "pba.dev/config-hash": "x"}
    spec = made["spec"]
    assert spec["containers"] == [{"name": "helper"}, {"name": "main", "resources": pod["resources"]}]
    assert spec["imagePullSecrets"] == [{"name": "regcred"}]
    for field in (
        "nodeSelector",
        "tolerations",
        "affinity",
        "topologySpreadConstraints",
        "priorityClassName",
    ):
        assert spec[field] == pod[field]
    assert TEMPLATE == {"spec": {"containers": [{"name": "helper"}, {"name": "main"}]}}


def test_a_container_that_is_not_there_is_a_programming_error(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(management={"pod": {"resources": {"limits": {"cpu": "1"}}}})
    with pytest.raises(ValueError, match="absent"):
        with_settings(TEMPLATE, cluster.spec.management.pod, cluster, "management", container="absent")


def test_contexts_meet_the_restricted_standard() -> None:
    container = restricted_container()
    assert container["allowPrivilegeEscalation"] is False
    assert container["capabilities"] == {"drop": ["ALL"]}
    assert container["readOnlyRootFilesystem"] is True
    assert restricted_pod() == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    whole = restricted_pod(999, 998, 997)
    assert (whole["runAsUser"], whole["runAsGroup"], whole["fsGroup"]) == (999, 998, 997)
    assert whole["fsGroupChangePolicy"] == "OnRootMismatch"
