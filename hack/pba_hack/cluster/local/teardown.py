"""Removes a cluster, or what is left of one, whatever state it is in.

The hub's first process is the root of all others: when it ends, the kernel ends the rest, and with them all mounts,
interfaces and rules. What remains are the control groups and the folder.
"""

import contextlib
import os
import signal
import time

from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.local import removal
from pba_hack.cluster.local.cgroups import Groups
from pba_hack.cluster.local.layout import Layout
from pba_hack.cluster.local.namespaces import first_process, network_users, parent
from pba_hack.progress import Progress

__all__ = ["clear", "remains"]

_KILL_SECONDS = 20.0
_GRACE_SECONDS = 2.0
_POLL_SECONDS = 0.02


def remains(layout: Layout, groups: Groups) -> bool:
    """Whether anything of the cluster is there."""
    return layout.folder.exists() or groups.exists()


def clear(layout: Layout, groups: Groups, progress: Progress) -> None:
    """Remove everything of the cluster, and tell how long each part of it takes.

    Raises:
        ClusterError: We run inside of the cluster, or something does not end.
    """
    with progress.step("processes ended"):
        hub = first_process(groups, "hub")
        if hub is not None:
            _end_guests(groups, hub)
        groups.kill(seconds=_KILL_SECONDS)
    with progress.step("control groups removed"):
        groups.remove()
    if layout.folder.exists():
        with progress.step("files removed"):
            removal.remove(layout.folder)


def _end_guests(groups: Groups, hub: int) -> None:
    """End the programs that `exec` started: they would keep the network alive."""
    ours = groups.processes()
    guests = network_users(hub) - ours
    if guests & _ancestors():
        raise ClusterError("this command runs inside of the cluster (by `exec`): run it outside")
    deadline = time.monotonic() + _GRACE_SECONDS
    number = signal.SIGTERM
    while guests:
        for pid in guests:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        time.sleep(_POLL_SECONDS)
        if time.monotonic() > deadline:
            number = signal.SIGKILL
        guests = network_users(hub) - ours


def _ancestors() -> set[int]:
    found: set[int] = set()
    pid: int | None = os.getpid()
    while pid:
        found.add(pid)
        pid = parent(pid)
    return found
