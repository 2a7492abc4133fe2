"""Runs a person's or a test's command inside of the cluster's network: the hub's, or that of a node of kind."""

import os
from collections.abc import Mapping, Sequence

from pba_hack.cluster import choice
from pba_hack.cluster.choice import ProviderName
from pba_hack.cluster.layout import CommonLayout

__all__ = ["command_line", "environment"]

_RESOLV_CONF = "/etc/resolv.conf"
_NAMES = f'[ ! -e {_RESOLV_CONF} ] || mount --bind "$1" {_RESOLV_CONF} || exit 125; shift; exec "$@"'
"""Lets the cluster's name server answer, for this command only: in a mount namespace of its own."""


def command_line(layout: CommonLayout, process: int, command: Sequence[str]) -> list[str]:
    """Return what runs a command in the network of a process, with the machine's files and the cluster's names."""
    network = ["nsenter", f"--net=/proc/{process}/ns/net"]
    mounts = ["unshare", "--mount", "--propagation", "slave"]
    return [*network, *mounts, "sh", "-c", _NAMES, "sh", str(layout.resolv_conf), *command]


def environment(layout: CommonLayout, provider: ProviderName, ours: Mapping[str, str]) -> dict[str, str]:
    """Return what the command finds in its environment.

    Args:
        layout: the cluster.
        provider: the cluster's, so that `hack/cluster` in there asks the same one.
        ours: our own environment.
    """
    return {
        **ours,
        "KUBECONFIG": str(layout.kubeconfig),
        "PATH": os.pathsep.join([str(layout.bin), ours.get("PATH", os.defpath)]),
        "PBA_CLUSTER": layout.name,
        choice.VARIABLE: provider,
        # No proxy is reached from in there, and none is needed.
        "NO_PROXY": "*",
        "no_proxy": "*",
    }
