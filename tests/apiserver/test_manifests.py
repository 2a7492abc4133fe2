"""The kustomize base is the chart in other words, and the samples are what a user can apply."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pba_api import identity
from pba_hack.generate.manifests import BASE, CHART, NAMESPACE, manifests
from pba_hack.generate.outputs import stale

ROOT = Path(__file__).parents[2]
CRDS = Path("helm/pba-operator-crds")
TYPE = Path("crds")
SAMPLES = Path("manifests/samples")


def built(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield what `kubectl kustomize` gives for a folder that only lists resources."""
    kustomization = yaml.safe_load((ROOT / folder / "kustomization.yaml").read_text())
    assert kustomization.keys() == {"apiVersion", "kind", "resources"}
    for resource in kustomization["resources"]:
        path = folder / resource
        if (ROOT / path).is_dir():
            yield from built(path)
        else:
            yield from yaml.load_all((ROOT / path).read_text(), yaml.CSafeLoader)


def without_helm(manifest: Any) -> Any:
    """Return a manifest without the labels that only Helm understands."""
    gone = {
        "app.kubernetes.io/instance",
        "app.kubernetes.io/managed-by",
        "helm.sh/chart",
        "helm.sh/resource-policy",
    }
    if isinstance(manifest, dict):
        kept = {key: without_helm(value) for key, value in manifest.items() if key not in gone}
        return {key: value for key, value in kept.items() if key != "annotations" or value}
    return [without_helm(value) for value in manifest] if isinstance(manifest, list) else manifest


def test_base_is_the_chart_byte_for_byte() -> None:
    assert stale(manifests()) == [], "run hack/generate"
    on_disk = {path.name for path in (ROOT / BASE).iterdir()}
    assert on_disk == {path.name for path in manifests()}


def test_base_and_type_have_the_objects_of_their_charts_and_the_namespace(charts: Any) -> None:
    def by_identity(found: Any) -> dict[tuple[str, str], Any]:
        return {(m["kind"], m["metadata"]["name"]): without_helm(m) for m in found}

    base = by_identity(built(BASE))
    namespace = base.pop(("Namespace", NAMESPACE))
    assert namespace["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}
    assert base == by_identity(charts.rendered(CHART))
    assert by_identity(built(TYPE)) == by_identity(charts.rendered(CRDS))


def test_base_is_accepted_by_the_server(charts: Any) -> None:
    for manifest in built(BASE):
        answer = charts.apply(manifest, dryRun="All")
        assert answer.ok, answer.data.decode()


def test_samples_are_accepted_as_they_are(charts: Any) -> None:
    samples = list(built(SAMPLES))
    assert {sample["metadata"]["name"] for sample in samples} == {"corner-shop", "shop"}
    for sample in samples:
        assert sample["apiVersion"] == identity.API_VERSION
        sample["metadata"]["namespace"] = "one"
        answer = charts.apply(sample, dryRun="All")
        assert answer.ok, answer.data.decode()


def test_sample_that_may_be_scaled_says_no_number() -> None:
    (shop,) = [sample for sample in built(SAMPLES) if sample["metadata"]["name"] == "shop"]
    assert shop["spec"].keys() >= {"backend", "frontend"}
    assert "replicas" not in shop["spec"]["backend"]
