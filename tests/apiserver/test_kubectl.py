"""What a user types at a terminal, with the real kubectl."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pba_hack import evidence
from pba_hack.apiserver import ApiServer
from pba_hack.binaries import binary
from pba_hack.generate.outputs import CRD

ROOT = Path(__file__).parents[2]

Kubectl = Callable[..., str]


@pytest.fixture
def kubectl(api_server: ApiServer, namespace: str, crd: str, tmp_path: Path) -> Kubectl:  # noqa: ARG001
    """Run kubectl in a fresh namespace and return what it prints; it must succeed."""
    command = [
        str(binary("kubectl")),
        f"--kubeconfig={api_server.kubeconfig}",
        f"--cache-dir={tmp_path}",
        f"--namespace={namespace}",
    ]

    def run(*arguments: str) -> str:
        done = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def spec_of(kubectl: Kubectl, name: str) -> Any:
    return json.loads(kubectl("get", "pba", name, "-o", "json"))["spec"]


def test_crd_fits_into_what_client_side_apply_keeps(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", str(CRD))
    assert "unchanged" in kubectl("apply", "-f", str(CRD))


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("pba", "A web application, its MySQL database and its balancer"),
        ("pba.spec.backend.drainTimeoutSeconds", "Seconds that a node that goes still serves"),
        ("pbacluster.spec.application.env.valueFrom.secretKeyRef", "Selects a key of a secret"),
        ("pba.spec.frontend.pod.affinity.nodeAffinity", "Describes node affinity"),
        ("pba.status.backend.notReady", "Nodes that are not ready"),
    ],
)
def test_explain_explains(kubectl: Kubectl, field: str, text: str) -> None:
    assert text in " ".join(kubectl("explain", field).split())


def test_sample_is_applied_scaled_and_applied_again(kubectl: Kubectl) -> None:
    sample = "manifests/samples/backend-cluster.yaml"
    kubectl("apply", "-f", sample)
    assert spec_of(kubectl, "shop")["backend"]["replicas"] == 2
    kubectl("scale", "pba/shop", "--replicas=5")
    assert spec_of(kubectl, "shop")["backend"]["replicas"] == 5
    assert "unchanged" in kubectl("apply", "-f", sample)
    assert spec_of(kubectl, "shop")["backend"]["replicas"] == 5


def test_all_samples_are_applied_on_the_servers_side(kubectl: Kubectl) -> None:
    kubectl("apply", "--server-side", "-k", "manifests/samples")
    lines = kubectl("get", "pba").splitlines()
    assert lines[0].split() == ["NAME", "STAGE", "READY", "DATABASE", "BACKEND", "WANTED", "FRONTEND", "AGE"]
    assert [line.split()[0] for line in lines[1:]] == ["corner-shop", "shop"]


def test_kustomize_builds_the_type_and_the_operator_apart(kubectl: Kubectl) -> None:
    """Who deletes the base must not delete the type: every PBACluster of all namespaces would go with it."""

    def built(folder: str) -> set[tuple[str, str]]:
        documents = yaml.safe_load_all(kubectl("kustomize", folder))
        return {(manifest["kind"], manifest["metadata"]["name"]) for manifest in documents}

    assert built("crds") == {("CustomResourceDefinition", "pbaclusters.pba.dev")}
    base = built("manifests/base")
    assert {("Namespace", "pba-system"), ("Deployment", "pba-operator")} <= base
    assert "CustomResourceDefinition" not in {kind for kind, _ in base}


def test_health_check_joins_the_settings_of_argo_cd(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "argocd-cm", "--from-literal=url=https://argocd.example")
    kubectl("patch", "configmap", "argocd-cm", "--patch-file", "manifests/argocd/argocd-cm.yaml")
    data = json.loads(kubectl("get", "configmap", "argocd-cm", "-o", "json"))["data"]
    script = (ROOT / "manifests" / "argocd" / "health.lua").read_text()
    key = "resource.customizations.health.pba.dev_PBACluster"
    assert data == {"url": "https://argocd.example", key: script}


def test_what_is_kept_of_a_cluster_is_asked_in_words_that_kubectl_knows(
    kubectl: Kubectl, namespace: str, tmp_path: Path
) -> None:
    kubectl("create", "deployment", "seen", "--image=app:1")
    outline = evidence.collect(tmp_path / "kept", kubectl)
    kept = {path.name: path.read_text() for path in (tmp_path / "kept").iterdir()}
    assert set(kept) == {*evidence.QUESTIONS, evidence.OUTLINE}
    assert f"\n    name: seen\n    namespace: {namespace}\n" in kept["objects.yaml"]
    assert namespace in outline
    assert outline == kept[evidence.OUTLINE]
