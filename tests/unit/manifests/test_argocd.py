"""The examples for Argo CD: what they name exists, and nothing in them can delete a user's data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
ARGOCD = ROOT / "manifests" / "argocd"
WAVE = "argocd.argoproj.io/sync-wave"
CASCADE = "resources-finalizer.argocd.argoproj.io"

Json = dict[str, Any]


def _load(path: Path) -> Json:
    found: Json = yaml.load(path.read_text(), yaml.CSafeLoader)
    return found


@pytest.fixture
def applications() -> dict[str, Json]:
    found = [_load(path) for path in (ARGOCD / "applications").glob("*.yaml")]
    return {application["metadata"]["name"]: application for application in found}


def test_both_ways_to_install_the_health_check_carry_the_script() -> None:
    key = "resource.customizations.health.pba.dev_PBACluster"
    script = (ARGOCD / "health.lua").read_text()
    config_map = _load(ARGOCD / "argocd-cm.yaml")
    assert config_map["metadata"]["name"] == "argocd-cm"
    assert config_map["data"] == {key: script}
    assert _load(ARGOCD / "values.yaml") == {"configs": {"cm": {key: script}}}


def test_resource_comes_after_the_operator_and_the_operator_after_its_type(
    applications: dict[str, Json],
) -> None:
    waves = {
        name: int(application["metadata"]["annotations"][WAVE]) for name, application in applications.items()
    }
    assert waves == {"pba-operator-crds": -2, "pba-operator": -1, "shop": 0}


@pytest.mark.parametrize("name", ["pba-operator-crds", "pba-operator"])
def test_application_of_the_operator_installs_a_chart_of_ours(
    applications: dict[str, Json], name: str
) -> None:
    source = applications[name]["spec"]["source"]
    assert (ROOT / source["path"] / "Chart.yaml").is_file()
    assert source["helm"]["releaseName"] == name
    values = _load(ROOT / source["path"] / "values.yaml")
    assert source["helm"].get("valuesObject", {}).keys() <= values.keys()


def test_resource_is_not_of_the_operators_application(applications: dict[str, Json]) -> None:
    sources = {name: application["spec"]["source"] for name, application in applications.items()}
    assert sources["shop"]["repoURL"] != sources["pba-operator"]["repoURL"]


def test_everything_is_applied_by_the_server(applications: dict[str, Json]) -> None:
    for application in applications.values():
        options = application["spec"]["syncPolicy"]["syncOptions"]
        assert "ServerSideApply=true" in options
        assert "Replace=true" not in options
    assert "SkipDryRunOnMissingResource=true" in applications["shop"]["spec"]["syncPolicy"]["syncOptions"]


@pytest.mark.parametrize("name", ["pba-operator-crds", "shop"])
def test_nothing_that_holds_data_goes_with_its_application(applications: dict[str, Json], name: str) -> None:
    application = applications[name]
    assert CASCADE not in application["metadata"].get("finalizers", ())
    assert not application["spec"]["syncPolicy"]["automated"].get("prune", False)
    assert {"Prune=false", "Delete=false"} <= set(application["spec"]["syncPolicy"]["syncOptions"])


def test_no_difference_is_ignored(applications: dict[str, Json]) -> None:
    assert not any("ignoreDifferences" in application["spec"] for application in applications.values())
