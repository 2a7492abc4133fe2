"""Dynamic volumes: Rancher's local-path-provisioner in the hub; its helper pods make a folder on the pod's node."""

from collections.abc import Sequence
from pathlib import Path

from pba_hack.cluster.local.layout import Layout
from pba_hack.cluster.local.programs import Program

__all__ = ["program"]

_FILES = Path(__file__).parent / "local-path"


def program(layout: Layout, provisioner: Path, after: Sequence[str]) -> Program:
    """The provisioner as a program of the hub."""
    command = [
        str(provisioner),
        "start",
        f"--kubeconfig={layout.pki / 'storage.kubeconfig'}",
        "--namespace=kube-system",
        "--configmap-name=local-path-config",
        f"--config={_FILES / 'local-path.json'}",
        f"--helper-pod-file={_FILES / 'local-path-helper.yaml'}",
        "--helper-image=localhost/busybox:1",
        "--service-account-name=local-path-helper",
    ]
    return Program("local-path-provisioner", command, str(layout.logs / "local-path-provisioner.log"), after)
