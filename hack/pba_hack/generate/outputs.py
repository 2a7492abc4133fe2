"""Which files are generated, and what stands in each.

What must stay true: the same checkout gives the same bytes on every machine, with the standard library alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pba_api.schema.crd import custom_resource_definition
from pba_hack.checkout import CHECKOUT
from pba_hack.generate import yaml_text
from pba_hack.generate.argocd import health_checks
from pba_hack.generate.chart_readme import chart_readme
from pba_hack.generate.reference import reference

CRD = Path("crds/pba.dev_pbaclusters.yaml")
CHART_CRD = Path("helm/pba-operator-crds/templates/pba.dev_pbaclusters.yaml")
CHARTS = (Path("helm/pba-operator"), Path("helm/pba-operator-crds"))
REFERENCE = Path("docs/reference/pbacluster.md")

_NOTE = "# Made by hack/generate from operator/pba_api/types: change those instead.\n"
_CHART_ANNOTATION = "helm.sh/resource-policy"


def resource_files() -> Mapping[Path, str]:
    """Return the files that need no other program to be made, by their path in the checkout."""
    crd = custom_resource_definition()
    metadata = {**crd["metadata"], "annotations": {_CHART_ANNOTATION: "keep"}}
    chart_crd = yaml_text.dump({**crd, "metadata": metadata})
    return {
        CRD: _NOTE + yaml_text.dump(crd),
        CHART_CRD: "{{- if .Values.crds.enabled }}\n" + _NOTE + _escaped(chart_crd) + "{{- end }}\n",
        REFERENCE: reference(crd),
        **{chart / "README.md": chart_readme(CHECKOUT / chart) for chart in CHARTS},
        **health_checks(CHECKOUT),
    }


def stale(wanted: Mapping[Path, str], root: Path = CHECKOUT) -> list[Path]:
    """Return those of the `wanted` files that are not there or differ."""
    return [path for path, text in wanted.items() if _read(root / path) != text]


def write(wanted: Mapping[Path, str], root: Path = CHECKOUT) -> list[Path]:
    """Write those of the `wanted` files that are stale, and return their paths."""
    found = stale(wanted, root)
    for path in found:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(wanted[path])
    return found


def _escaped(text: str) -> str:
    """Return `text` so that Helm's template engine gives it back unchanged."""
    return text.replace("{{", '{{ "{{" }}')


def _read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None
