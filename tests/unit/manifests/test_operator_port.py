"""The operator listens where its Deployment says that it does."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from pba_api import ports

ROOT = Path(__file__).parents[3]


def test_the_chart_and_the_operator_agree_on_the_port() -> None:
    template = (ROOT / "helm/pba-operator/templates/deployment.yaml").read_text("utf-8")
    assert re.findall(r"containerPort: *(\S+)", template) == [str(ports.OPERATOR_HTTP)]


def test_the_kustomize_base_and_the_operator_agree_on_the_port() -> None:
    text = (ROOT / "manifests/base/deployment.yaml").read_text("utf-8")
    [deployment] = [part for part in yaml.safe_load_all(text) if part and part["kind"] == "Deployment"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    [port] = container["ports"]
    assert port["containerPort"] == ports.OPERATOR_HTTP
    probed = [container[probe]["httpGet"]["port"] for probe in ("livenessProbe", "readinessProbe")]
    assert set(probed) <= {port["name"], port["containerPort"]}
