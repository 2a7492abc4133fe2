"""manifests/argocd: the health check as Argo CD is given it, in its ConfigMap or by the values of its chart.

What must stay true: the script stands once, in `health.lua`; what is generated holds it line by line.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

from pba_api.identity import GROUP, KIND

FOLDER = Path("manifests/argocd")
SCRIPT = FOLDER / "health.lua"
CONFIG_MAP = FOLDER / "argocd-cm.yaml"
VALUES = FOLDER / "values.yaml"
KEY = f"resource.customizations.health.{GROUP}_{KIND}"

_NOTE = f"# Made by hack/generate from {SCRIPT}: change that instead.\n"
_CONFIG_MAP = """\
# kubectl patch configmap argocd-cm --namespace argocd --patch-file argocd-cm.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
data:
"""
_VALUES = """\
# helm upgrade ... --values values.yaml, for the chart argo-cd.
configs:
  cm:
"""


def health_checks(root: Path) -> Mapping[Path, str]:
    """Return the files that carry the health check, by their path in the checkout `root`."""
    entry = f"{KEY}: |\n{textwrap.indent((root / SCRIPT).read_text(), '  ')}"
    return {
        CONFIG_MAP: _NOTE + _CONFIG_MAP + textwrap.indent(entry, "  "),
        VALUES: _NOTE + _VALUES + textwrap.indent(entry, "    "),
    }
