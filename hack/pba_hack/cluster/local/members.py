"""The nodes of a cluster that run now."""

from dataclasses import dataclass
from pathlib import Path

from pba_hack.cluster.local.cgroups import Groups
from pba_hack.cluster.local.layout import Layout, node_name
from pba_hack.cluster.local.namespaces import first_process

__all__ = ["Member", "missing", "running"]


@dataclass(frozen=True)
class Member:
    """A node that runs."""

    name: str
    pid: int
    """Its first process."""
    containerd: Path
    """The folder of its containerd, as the machine sees it."""


def running(layout: Layout, groups: Groups, nodes: int) -> list[Member]:
    """Those of the first `nodes` nodes that run."""
    found = []
    for number in range(1, nodes + 1):
        pid = first_process(groups, node_name(number))
        if pid is not None:
            found.append(Member(node_name(number), pid, layout.containerd(number)))
    return found


def missing(groups: Groups, nodes: int) -> list[int]:
    """The numbers of those that do not."""
    return [number for number in range(1, nodes + 1) if first_process(groups, node_name(number)) is None]
