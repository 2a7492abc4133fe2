"""What the charts say in two places is the same in both."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from pba_hack.generate.manifests import KUBERNETES_VERSION

ROOT = Path(__file__).parents[3]
CHARTS = ("pba-operator", "pba-operator-crds")


def read(chart: str, name: str) -> Any:
    return yaml.safe_load((ROOT / "helm" / chart / name).read_text())


@pytest.mark.parametrize("chart", CHARTS)
def test_defaults_in_the_schema_are_those_of_the_values(chart: str) -> None:
    properties = read(chart, "values.schema.json")["properties"]
    defaults = {name: value["default"] for name, value in properties.items() if "default" in value}
    assert defaults == read(chart, "values.yaml")


@pytest.mark.parametrize("chart", CHARTS)
def test_every_value_is_described_and_no_other_is_accepted(chart: str) -> None:
    schema = json.loads((ROOT / "helm" / chart / "values.schema.json").read_text())
    assert schema["$schema"].endswith("/draft-07/schema#")
    assert schema["additionalProperties"] is False
    assert [name for name, value in schema["properties"].items() if not value.get("description")] == []


@pytest.mark.parametrize("chart", CHARTS)
def test_versions_are_those_of_the_package(chart: str) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    found = read(chart, "Chart.yaml")
    assert (found["version"], found["appVersion"]) == (version, version)


@pytest.mark.parametrize("chart", CHARTS)
def test_oldest_kubernetes_is_the_one_that_charts_are_tried_with(chart: str) -> None:
    assert read(chart, "Chart.yaml")["kubeVersion"] == f">={KUBERNETES_VERSION}-0"


def test_templates_give_the_same_each_time() -> None:
    for template in (ROOT / "helm").rglob("templates/*"):
        text = template.read_text()
        for function in ("rand", "now ", "uuidv4", "genCA", "genSelfSignedCert", "lookup"):
            assert f"{{{{ {function}" not in text, template
