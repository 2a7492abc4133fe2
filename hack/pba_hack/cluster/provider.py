"""What every provider of a cluster can do; the command line knows no more of them than this."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn, Protocol

__all__ = ["DEFAULT_NODES", "Faults", "NodeStatus", "Provider", "Status"]

DEFAULT_NODES = 3


@dataclass(frozen=True)
class NodeStatus:
    """One node, as the machine and the API server see it."""

    name: str
    address: str
    ready: bool
    pid: int | None
    """Host process identifier of the node's first process: killing it is a crash. None: no such process."""
    start_time: int | None
    """That process's start time in clock ticks since boot (`/proc/PID/stat`, field 22)."""


@dataclass(frozen=True)
class Status:
    """A cluster's state; `state` is `partial` while it is being made or when a part of it is gone."""

    name: str
    provider: str
    state: Literal["up", "down", "partial"]
    nodes: tuple[NodeStatus, ...]
    kubeconfig: str | None
    audit_log: str | None
    logs: str | None
    network_policies: str | None = None
    """Whether they are enforced, and if not, what hinders it; None where we do not know."""


class Faults(Protocol):
    """What can be done to the nodes and pods of a cluster to see what goes on without them."""

    def crash(self, node: str) -> None:
        """End a node as a power failure would; its disk stays."""

    def restart(self, node: str) -> None:
        """Bring a crashed node back; one that runs is crashed first. Returns when it is Ready."""

    def partition(self, node: str) -> None:
        """Cut a node off from everything else; what runs on it goes on."""

    def heal(self, node: str) -> None:
        """Connect a node again that was cut off."""

    def freeze(self, namespace: str, pod: str, container: str = "") -> None:
        """Stop all processes of a pod, or of one container, where they are."""

    def thaw(self, namespace: str, pod: str, container: str = "") -> None:
        """Let a frozen pod go on."""

    def kill(self, namespace: str, pod: str, container: str = "") -> None:
        """Kill all processes of a pod's containers; the kubelet starts them again."""


class Provider(Protocol):
    """A way to have a cluster on this machine."""

    def up(self, nodes: int | None) -> None:
        """Bring the cluster up, or complete what is there; returns when it is usable.

        Args:
            nodes: How many worker nodes; None means `DEFAULT_NODES`, or as many as a running cluster has. None is
                ever taken away: who asks for fewer is told so.
        """

    def down(self) -> None:
        """Remove the cluster and everything that belongs to it; nothing happens when there is none."""

    def status(self) -> Status:
        """Say how the cluster is; changes nothing."""

    def exec(self, command: Sequence[str]) -> NoReturn:
        """Become the command, inside of the cluster's network and with its `KUBECONFIG`."""

    def load(self, archives: Sequence[Path]) -> None:
        """Put the images of OCI archives on all nodes."""

    def faults(self) -> Faults:
        """The faults that can be brought about in the running cluster.

        Raises:
            ClusterError: there is no cluster, or this provider cannot.
        """

    def logs(self, folder: Path) -> None:
        """Copy the logs of the cluster's parts and of its pods into a folder.

        Raises:
            ClusterError: nothing of the cluster is there.
        """
