from __future__ import annotations

import pytest

from pba_operator.kube import kinds


def test_paths_of_core_and_grouped_kinds() -> None:
    pods, deployments = kinds.BY_NAME["Pod"], kinds.BY_NAME["Deployment"]
    assert pods.path() == "/api/v1/pods"
    assert pods.path("a", "b") == "/api/v1/namespaces/a/pods/b"
    assert deployments.path("a") == "/apis/apps/v1/namespaces/a/deployments"
    assert (
        kinds.CLUSTER.path("a", "b", "status") == "/apis/pba.dev/v1alpha1/namespaces/a/pbaclusters/b/status"
    )
    assert deployments.api_version == "apps/v1"
    assert pods.api_version == "v1"


def test_a_manifest_knows_its_kind() -> None:
    assert kinds.of({"kind": "Role"}).plural == "roles"
    with pytest.raises(KeyError):
        kinds.of({"kind": "CronTab"})
