"""The way into the network of a cluster of kind: that of its control plane's container, as the local one has its hub.

Docker routes a host to its containers, but neither to pods nor to Services, and kind gives a Service of type
LoadBalancer no address. cloud-provider-kind and MetalLB give it one; both take images from a registry and run beside
the cluster, and pods, cluster addresses and names stay out of reach with them. In the network of a node all of these
are reached, by what the node has for its own pods: kindnet's routes and kube-proxy's rules. Nothing has to be installed
or to go on running.

It takes root, and an engine on this very kernel: Docker Desktop's is in a virtual machine, as is any on macOS and
Windows.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from pba_hack.cluster.errors import MissingError
from pba_hack.cluster.layout import CommonLayout

__all__ = ["first_process", "kubeconfig", "write_kubeconfig"]

_SERVER = re.compile(r"(?m)^(\s*server: https://)\S+$")
_API_SERVER = "127.0.0.1:6443"
"""Where the API server listens in its own container. Its certificate holds this address: from outside kind reaches it
by the same one, through a port that Docker publishes there."""


def kubeconfig(layout: CommonLayout) -> Path:
    """Return the path of the administrator's client configuration for inside; `layout.kubeconfig` is for outside."""
    return layout.folder / "kubeconfig-inside"


def write_kubeconfig(layout: CommonLayout) -> None:
    """Make the configuration for inside from the one that kind has written for outside."""
    inside = _SERVER.sub(rf"\g<1>{_API_SERVER}", layout.kubeconfig.read_text())
    path = kubeconfig(layout)
    path.touch(mode=0o600)
    path.write_text(inside)


def first_process(
    container: str, layout: CommonLayout, ask: Callable[[Sequence[str]], str], proc: Path = Path("/proc")
) -> int:
    """Return the first process of a container, whose network can be entered.

    Args:
        container: its name.
        layout: the cluster, to say how else it is reached.
        ask: runs a command and returns its output.
        proc: where the kernel shows its processes.

    Raises:
        MissingError: we are not root, or the engine runs elsewhere. The number of its process may then be that of
            another one here, so the control group is looked at: it bears the container's identifier.
    """
    answer = ask(["docker", "inspect", "--format", "{{.Id}} {{.State.Pid}}", container])
    identifier, pid = answer.split()
    otherwise = f"kubectl alone works without, with KUBECONFIG={layout.kubeconfig}"
    if not _is_of(identifier, proc / pid / "cgroup"):
        raise MissingError(
            f"{container} is no process of this machine, so its network cannot be entered: exec needs a running "
            "cluster (`hack/cluster up`) and Docker on Linux itself, not in a virtual machine (Docker Desktop, macOS, "
            f"Windows); {otherwise}"
        )
    if os.geteuid() != 0:
        raise MissingError(
            f"exec needs root to enter the cluster's network: run it, and `hack/cluster up`, with sudo; {otherwise}"
        )
    return int(pid)


def _is_of(identifier: str, membership: Path) -> bool:
    try:
        return identifier in membership.read_text()
    except OSError:  # there is no such process here
        return False
