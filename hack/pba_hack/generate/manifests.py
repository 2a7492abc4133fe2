"""manifests/base: the chart as plain objects for kustomize, so that the two ways to install cannot part.

The chart is the source: it is rendered with its default values, and the labels that only Helm understands are taken
out. Which files there are is Helm's template per object; `kustomization.yaml` lists them. The CRD is none of them: who
deletes the base would delete every PBACluster with it. It has a kustomization of its own, as it has a chart of its own.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from pba_hack.binaries import binary
from pba_hack.checkout import CHECKOUT

CHART = Path("helm/pba-operator")
BASE = Path("manifests/base")
NAMESPACE = "pba-system"

KUBERNETES_VERSION = "1.30.0"
"""The oldest Kubernetes that the charts take. Helm is told it, because one that was built from its module takes itself
for a Helm of an older one still."""

_SOURCE = re.compile(r"^# Source: [^/]+/templates/(.+)$", re.MULTILINE)
_HELM_ONLY = re.compile(r"^ *(helm\.sh/[a-z]+|app\.kubernetes\.io/(instance|managed-by)): .*\n", re.MULTILINE)
_NOTE = "# Made by hack/generate from {source}: change that instead.\n"


def render(chart: Path, *options: str, release: str = "") -> str:
    """Return what Helm makes of a chart (a path in the checkout); the release is named like the chart if not else."""
    command = [
        str(binary("helm")),
        "template",
        release or chart.name,
        str(CHECKOUT / chart),
        f"--kube-version={KUBERNETES_VERSION}",
        *options,
    ]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def manifests() -> Mapping[Path, str]:
    """Return the files of the base, by their path in the checkout."""
    rendered = render(CHART, "--namespace", NAMESPACE)
    files: dict[Path, str] = {}
    for document in re.split(r"^---\n", rendered, flags=re.MULTILINE):
        source = _SOURCE.search(document)
        if source is None:
            continue
        path = BASE / source.group(1)
        text = _HELM_ONLY.sub("", _SOURCE.sub("", document)).strip() + "\n"
        note = _NOTE.format(source=CHART / "templates" / source.group(1))
        files[path] = f"{files[path]}---\n{text}" if path in files else note + text
    files[BASE / "namespace.yaml"] = _NAMESPACE
    files[BASE / "kustomization.yaml"] = _kustomization(sorted(path.name for path in files))
    return files


_NAMESPACE = f"""\
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    pod-security.kubernetes.io/enforce: restricted
"""


def _kustomization(names: list[str]) -> str:
    resources = "".join(f"- {name}\n" for name in names)
    return (
        _NOTE.format(source=CHART)
        + "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
        + f"resources:\n{resources}"
    )
