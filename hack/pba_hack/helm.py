"""The operator installed by its charts, as the README says: for the demo and the tests on nodes."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Final

from pba_hack.checkout import CHECKOUT

CHARTS: Final = CHECKOUT / "helm"
OPERATOR_NAMESPACE: Final = "pba-system"
_INSTALL_SECONDS: Final = 240


class HelmError(Exception):
    """Helm ended with an error; the message is its own."""


def _install(release: str, namespace: str, *options: str) -> None:
    command = ["helm", "upgrade", "--install", release, str(CHARTS / release), f"--namespace={namespace}"]
    command += ["--create-namespace", "--wait", "--timeout=3m", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS)
    if done.returncode != 0:
        raise HelmError(f"{' '.join(command)}: {done.stderr.strip()}")


def _image(value: str, reference: str) -> str:
    repository, _, tag = reference.rpartition(":")
    return f"--set={value}.repository={repository},{value}.tag={tag}"


def install_operator(
    images: Mapping[str, str], namespace: str = OPERATOR_NAMESPACE, *, only_there: bool = False
) -> None:
    """Install the CRDs and the operator, or bring them to these images; return when the operator is ready.

    Args:
        images: the references of the images `operator` and `sync`.
        namespace: where the operator runs.
        only_there: let it serve, and have rights in, that namespace only.

    Raises:
        HelmError: it was refused, or did not get ready.
    """
    _install("pba-operator-crds", OPERATOR_NAMESPACE)
    scope = (
        [f"--set=watchNamespaces={{{namespace}}}", "--set=aggregateClusterRoles=false"] if only_there else []
    )
    named = [_image("image", images["operator"]), _image("syncImage", images["sync"])]
    _install("pba-operator", namespace, *named, *scope)
