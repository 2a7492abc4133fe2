"""A GitOps tool that has applied the samples finds nothing to put right, whatever the operator and scaling did since.

The samples are applied as Argo CD does it, with its field manager and its marks; the dry run behind
`kubectl diff --server-side` is how it compares. They are as they stand but for this cluster's images and short ends.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pba_hack.gitops import argocd_health, kstatus
from pba_hack.kubectl import Kubectl, wait_for

Json = dict[str, Any]

SAMPLES_FOLDER = Path(__file__).parents[3] / "manifests" / "samples"
MANAGER = "argocd-controller"
SAMPLES = ("corner-shop", "shop")
CHILDREN = (
    "deployments,statefulsets,services,secrets,configmaps,serviceaccounts,roles,rolebindings,endpointslices,"
    "persistentvolumeclaims,poddisruptionbudgets,networkpolicies,pods"
)
SETTLED_SECONDS = 60.0
READS_METRICS = (
    "import urllib.request; print(urllib.request.urlopen('http://localhost:8080/metrics').read().decode())"
)
"""In the operator's own pod: its NetworkPolicy lets nobody else read them who is not named."""


class Repository:
    """What is in Git, and the namespace that it is brought to."""

    def __init__(self, manifests: list[Json], kubectl: Kubectl) -> None:
        self.manifests = manifests
        self.kubectl = kubectl

    def sync(self) -> None:
        self.kubectl(*_as_argo("apply"), stdin=json.dumps(_listed(self.manifests)))
        for name in SAMPLES:
            self.kubectl.wait_ready(name)

    def diff(self) -> subprocess.CompletedProcess[str]:
        return self.kubectl.try_run(*_as_argo("diff"), stdin=json.dumps(_listed(self.manifests)))

    def live(self, name: str) -> Json:
        found: Json = json.loads(
            self.kubectl("get", "pbacluster", name, "-o", "json", "--show-managed-fields")
        )
        return found


def _as_argo(verb: str) -> list[str]:
    return [verb, "--server-side", f"--field-manager={MANAGER}", "-f", "-"]


def _listed(manifests: list[Json]) -> Json:
    return {"apiVersion": "v1", "kind": "List", "items": manifests}


def _for_this_cluster(sample: Json, images: dict[str, str]) -> Json:
    spec, name = sample["spec"], sample["metadata"]["name"]
    spec["application"].update(image=images["demoapp"], terminationGracePeriodSeconds=10)
    spec["database"]["image"] = images["mysql"]
    if "frontend" in spec:
        spec["frontend"]["image"] = images["haproxy"]
        spec["backend"]["drainTimeoutSeconds"] = 3
    marks = {
        "labels": {"app.kubernetes.io/instance": name},
        "annotations": {"argocd.argoproj.io/tracking-id": f"{name}:pba.dev/PBACluster:default/{name}"},
    }
    return {**sample, "metadata": {**sample["metadata"], **marks}}


@pytest.fixture(scope="module")
def repository(operator: Kubectl, module_namespace: Kubectl, images: dict[str, str]) -> Repository:
    """Return the samples, applied and Ready."""
    assert operator.namespace != module_namespace.namespace
    files = yaml.safe_load((SAMPLES_FOLDER / "kustomization.yaml").read_text())["resources"]
    samples = [yaml.safe_load((SAMPLES_FOLDER / name).read_text()) for name in files]
    assert sorted(sample["metadata"]["name"] for sample in samples) == sorted(SAMPLES)
    made = Repository([_for_this_cluster(sample, images) for sample in samples], module_namespace)
    made.sync()
    return made


def _assert_no_difference(repository: Repository) -> None:
    found = repository.diff()
    assert found.returncode == 0, f"{found.stdout}{found.stderr}"


def _metric(text: str, name: str) -> float:
    found = re.findall(rf"^(?:\w+_)?{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)
    return sum(map(float, found))


def _has_seen_all(operator: Kubectl, pod: str) -> bool:
    """Tell whether this process leads, and has been through every PBACluster."""
    text = operator("exec", pod, "--", "python3", "-c", READS_METRICS)
    clusters = json.loads(operator("get", "pbaclusters", "--all-namespaces", "-o", "json"))["items"]
    seen = _metric(text, "reconcile_seconds_count")
    return bool(_metric(text, "leader") and not _metric(text, "queue_depth") and seen >= len(clusters))


def _restart(operator: Kubectl) -> None:
    old = {pod["metadata"]["name"] for pod in operator.items("pods", "app.kubernetes.io/name=pba-operator")}
    operator("rollout", "restart", "deployment/pba-operator")
    operator("rollout", "status", "deployment/pba-operator", "--timeout=90s")
    pods = operator.items("pods", "app.kubernetes.io/name=pba-operator")
    (new,) = {pod["metadata"]["name"] for pod in pods} - old
    wait_for("the new operator to have seen all", lambda: _has_seen_all(operator, new), SETTLED_SECONDS)


def test_nothing_differs_once_the_samples_are_ready(repository: Repository) -> None:
    _assert_no_difference(repository)
    shown = [repository.live(name) for name in SAMPLES]
    assert [verdict.status for verdict in kstatus(*shown)] == ["Current", "Current"]
    assert [verdict.status for verdict in argocd_health(*shown)] == ["Healthy", "Healthy"]


def test_nothing_differs_after_scaling(repository: Repository) -> None:
    repository.kubectl("scale", "pbacluster/shop", "--replicas=3")
    repository.kubectl.wait_ready("shop")
    _assert_no_difference(repository)
    assert repository.live("shop")["status"]["backend"]["readyReplicas"] == 3


def test_naming_the_number_would_undo_the_scaling(repository: Repository) -> None:
    """Why the samples leave it out; and the proof that a difference would be seen."""
    repository.kubectl("scale", "pbacluster/shop", "--replicas=3")
    (sample,) = [found for found in repository.manifests if found["metadata"]["name"] == "shop"]
    backend = {**sample["spec"]["backend"], "replicas": 2}
    found = Repository(
        [{**sample, "spec": {**sample["spec"], "backend": backend}}], repository.kubectl
    ).diff()
    assert found.returncode == 1, found.stderr
    assert re.search(r"^\+ +replicas: 2$", found.stdout, re.MULTILINE)


def test_nothing_differs_after_a_restart_of_the_operator(repository: Repository, operator: Kubectl) -> None:
    before = {name: repository.live(name) for name in SAMPLES}
    _restart(operator)
    _assert_no_difference(repository)
    for name, old in before.items():
        new = repository.live(name)
        assert (new["metadata"]["generation"], new["spec"]) == (old["metadata"]["generation"], old["spec"])


def test_operator_itself_is_as_its_chart_says(operator: Kubectl) -> None:
    command = ["helm", "get", "manifest", "pba-operator", "--namespace", operator.namespace]
    chart = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = operator.try_run(*_as_argo("diff"), "--force-conflicts", stdin=chart)
    assert found.returncode == 0, f"{found.stdout}{found.stderr}"


def _owned(cluster: Json, manager: str) -> set[str]:
    """Return the fields that `manager` owns, two levels deep in `metadata`, else one."""
    owned = set()
    for entry in cluster["metadata"]["managedFields"]:
        if entry["manager"] == manager:
            fields = entry["fieldsV1"]
            owned |= {f"metadata.{field[2:]}" for field in fields.pop("f:metadata", {})}
            owned |= {field[2:] for field in fields}
    return owned


def test_operator_owns_its_finalizer_and_the_status_and_nothing_else(
    repository: Repository, shop: Kubectl
) -> None:
    for name in SAMPLES:
        assert _owned(repository.live(name), "pba-operator") == {"status"}
    deleted_with_data = Repository([], shop).live("shop")
    assert _owned(deleted_with_data, "pba-operator") == {"metadata.finalizers", "status"}
    managers = {
        entry["manager"]
        for cluster in [*map(repository.live, SAMPLES), deleted_with_data]
        for entry in cluster["metadata"]["managedFields"]
    }
    assert managers <= {"pba-operator", MANAGER, "kubectl", "kubectl-patch"}


def test_children_carry_no_mark_by_which_a_tool_would_prune_them(repository: Repository) -> None:
    for name in SAMPLES:
        children = repository.kubectl.items(CHILDREN, f"pba.dev/cluster={name}")
        assert len(children) > 10
        for child in children:
            marks = {**child["metadata"]["labels"], **child["metadata"].get("annotations", {})}
            theirs = [mark for mark in marks if "argocd" in mark or mark == "app.kubernetes.io/instance"]
            assert theirs == [], child["metadata"]["name"]
