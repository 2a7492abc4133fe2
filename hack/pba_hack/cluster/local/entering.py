"""Runs a person's or a test's command inside of the cluster's network."""

import os
from collections.abc import Mapping, Sequence

from pba_hack.cluster.local.layout import Layout

__all__ = ["command_line", "environment"]

_RESOLV_CONF = "/etc/resolv.conf"
_NAMES = f'[ ! -e {_RESOLV_CONF} ] || mount --bind "$1" {_RESOLV_CONF} || exit 125; shift; exec "$@"'
"""Lets the cluster's name server answer, for this command only: in a mount namespace of its own."""


def command_line(layout: Layout, hub: int, command: Sequence[str]) -> list[str]:
    """The command in the hub's network, with the machine's files and the cluster's names."""
    network = ["nsenter", f"--net=/proc/{hub}/ns/net"]
    mounts = ["unshare", "--mount", "--propagation", "slave"]
    return [*network, *mounts, "sh", "-c", _NAMES, "sh", str(layout.resolv_conf), *command]


def environment(layout: Layout, ours: Mapping[str, str]) -> dict[str, str]:
    """What the command finds in its environment.

    Args:
        layout: The cluster.
        ours: Our own environment.
    """
    return {
        **ours,
        "KUBECONFIG": str(layout.kubeconfig),
        "PATH": os.pathsep.join([str(layout.bin), ours.get("PATH", os.defpath)]),
        "PBA_CLUSTER": layout.name,
        # No proxy is reached from in there, and none is needed.
        "NO_PROXY": "*",
        "no_proxy": "*",
    }
