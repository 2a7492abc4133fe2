"""The command `hack/generate`: write the generated files, or say which of them are stale."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pba_api.schema.kubernetes import PATH as KUBERNETES_SCHEMAS
from pba_hack.apiserver import running
from pba_hack.binaries import binary
from pba_hack.checkout import CHECKOUT
from pba_hack.generate import kubernetes, merging
from pba_hack.generate.manifests import manifests
from pba_hack.generate.outputs import resource_files, stale, write

_EPILOG = """\
what to generate:
  resource    crds/, the CRD's chart and docs/reference/ from the types in operator/pba_api/types; the charts'
              README.md; manifests/argocd/ from its health.lua
  manifests   manifests/base/, from the chart helm/pba-operator (needs Helm: `hack/cluster binary helm`)
  kubernetes  the schemas that are Kubernetes' own, and how it merges what is applied, from a real API server
              (`hack/cluster binary kubernetes`)
  all         resource and manifests (the default)
"""


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="hack/generate",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "what", nargs="?", default="all", choices=("resource", "manifests", "kubernetes", "all")
    )
    parser.add_argument("--check", action="store_true", help="change nothing; 1 if a file is stale")
    options = parser.parse_args(arguments)
    wanted: dict[Path, str] = {}
    for source in _SOURCES[options.what]:
        wanted.update(source())
    found = stale(wanted) if options.check else write(wanted)
    for path in found:
        print(f"{'stale' if options.check else 'written'}: {path}", file=sys.stderr)
    return 1 if options.check and found else 0


def kubernetes_schemas() -> Mapping[Path, str]:
    """Return the files of what is Kubernetes' own, read from an API server that is started for it."""
    with (
        tempfile.TemporaryDirectory(prefix="pba-generate-") as folder,
        running(binary("kubernetes"), Path(folder)) as server,
    ):
        version = server.request("GET", "/version").body["gitVersion"]
        types = kubernetes.schemas(lambda path: server.request("GET", path).body)
        merged = merging.schemas(lambda path: server.request("GET", path).body)
    contents = {KUBERNETES_SCHEMAS.relative_to(CHECKOUT): {"types": types}, merging.PATH: merged}
    return {
        path: json.dumps({"kubernetesVersion": version, **content}, indent=1) + "\n"
        for path, content in contents.items()
    }


_SOURCES: Mapping[str, Sequence[Callable[[], Mapping[Path, str]]]] = {
    "resource": (resource_files,),
    "manifests": (manifests,),
    "kubernetes": (kubernetes_schemas,),
    "all": (resource_files, manifests),
}
