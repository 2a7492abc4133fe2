"""The cluster's control groups: what belongs to the cluster, and so what `down` has to end.

Every process of the cluster is in `pba-NAME/hub` or `pba-NAME/nodeN`, so membership, not a remembered number, tells
which processes are ours. Works with control groups of version 1 (a hierarchy for each controller), version 2 (one
hierarchy) and the hybrid of both.
"""

import contextlib
import errno
import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from pba_hack.cluster.errors import ClusterError

__all__ = ["Groups"]

_ROOT = Path("/sys/fs/cgroup")
_POLL_SECONDS = 0.02
_REMOVE_SECONDS = 10.0
_BUSY = (errno.EBUSY, errno.ENOTEMPTY)
_CPUSET_FILES = ("cpuset.cpus", "cpuset.mems")


class Groups:
    """The control groups of one cluster; `name` is relative to each hierarchy's root."""

    def __init__(self, name: str, root: Path = _ROOT) -> None:
        self.name = name
        self._root = root

    def make(self, part: str) -> list[Path]:
        """Make the group of one part in every hierarchy.

        Returns:
            The files to which a process writes itself to join.
        """
        entrances = []
        for hierarchy in self._hierarchies():
            group = hierarchy
            for step in (self.name, part):
                _delegate(group)
                group = group / step
                group.mkdir(exist_ok=True)
                _inherit_cpuset(group)
            entrances.append(group / "cgroup.procs")
        return entrances

    def settle(self, part: str) -> None:
        """Version 2: move the part's processes into a group `system`, so that groups can be made beside it.

        A group of version 2 holds either processes or groups that use its controllers (kernel,
        admin-guide/cgroup-v2, "No Internal Process Constraint").
        """
        if not self._is_unified():
            return
        group = self._root / self.name / part
        (group / "system").mkdir(exist_ok=True)
        for pid in self.processes(part, below=False):
            with contextlib.suppress(ProcessLookupError):
                (group / "system" / "cgroup.procs").write_text(str(pid))
        _delegate(group)

    def exists(self) -> bool:
        """Whether any group of the cluster is there."""
        return any((hierarchy / self.name).is_dir() for hierarchy in self._hierarchies())

    def processes(self, part: str = "", *, below: bool = True) -> set[int]:
        """The processes in a part's groups, or in all of the cluster's.

        Args:
            part: `hub`, `nodeN`, or empty for all.
            below: Whether groups inside of it (pods) count.
        """
        found: set[int] = set()
        for hierarchy in self._hierarchies():
            group = hierarchy / self.name / part
            for folder in _tree(group) if below else [group]:
                with contextlib.suppress(FileNotFoundError, OSError):
                    found.update(map(int, (folder / "cgroup.procs").read_text().split()))
        return found

    def kill(self, part: str = "", *, seconds: float) -> None:
        """End all processes of a part, and wait until they are gone.

        Raises:
            ClusterError: Some are still there after `seconds`.
        """
        deadline = time.monotonic() + seconds
        while alive := self.processes(part):
            if time.monotonic() > deadline:
                raise ClusterError(f"processes {sorted(alive)} of {self.name} do not end: see `ps`")
            self.send_signal(alive, signal.SIGKILL, part)
            time.sleep(_POLL_SECONDS)

    def send_signal(self, pids: Iterable[int], number: signal.Signals, part: str = "") -> None:
        """Send a signal to those that are still members once we hold them: a number may be another process by now."""
        with contextlib.ExitStack() as held:
            handles = {}
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    handles[pid] = os.pidfd_open(pid)
                    held.callback(os.close, handles[pid])
            members = self.processes(part)
            for pid, handle in handles.items():
                if pid in members:
                    with contextlib.suppress(ProcessLookupError):
                        signal.pidfd_send_signal(handle, number)

    def remove(self, part: str = "", *, seconds: float = _REMOVE_SECONDS) -> None:
        """Remove the groups of a part, innermost first; no process may be in them.

        A process that is just ending is no longer listed, but for a moment still keeps its group busy.

        Raises:
            ClusterError: A group is still busy after `seconds`.
        """
        deadline = time.monotonic() + seconds
        for hierarchy in self._hierarchies():
            for folder in reversed(list(_tree(hierarchy / self.name / part))):
                while not _remove(folder):
                    if time.monotonic() > deadline:
                        raise ClusterError(f"the control group {folder} is still in use")
                    time.sleep(_POLL_SECONDS)

    def _hierarchies(self) -> Iterable[Path]:
        if self._is_unified():
            return [self._root]
        # Links (cpu -> cpu,cpuacct) would be the same hierarchy twice.
        return [path for path in self._root.iterdir() if path.is_dir() and not path.is_symlink()]

    def _is_unified(self) -> bool:
        return (self._root / "cgroup.controllers").exists()


def _tree(group: Path) -> Iterator[Path]:
    """The group and those inside of it, outermost first."""
    for folder, _, _ in os.walk(group):
        yield Path(folder)


def _remove(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno not in _BUSY:
            raise
        return False
    return True


def _delegate(group: Path) -> None:
    """Version 2: let the groups below use every controller that this one has."""
    controllers = group / "cgroup.controllers"
    if controllers.exists():
        for controller in controllers.read_text().split():
            (group / "cgroup.subtree_control").write_text(f"+{controller}")


def _inherit_cpuset(group: Path) -> None:
    """Version 1: a new cpuset is empty, and takes no process before it has processors and memory."""
    for name in _CPUSET_FILES:
        if (group / name).exists() and not (group / name).read_text().strip():
            (group / name).write_text((group.parent / name).read_text())
