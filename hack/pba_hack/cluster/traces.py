"""What a cluster leaves on the machine: looked at before and after by the tests that promise "nothing"."""

import contextlib
import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Machine", "all_processes", "cluster_groups", "cluster_processes", "namespaces", "start_time"]

_CGROUPS = Path("/sys/fs/cgroup")
_NAMESPACES = ("net", "mnt", "pid", "uts", "ipc", "cgroup")
_WATCHED = (
    "/run",
    "/run/netns",
    "/etc/cni",
    "/opt",
    "/var/lib",
    "/var/lib/cni",
    "/var/lib/containerd",
    "/var/lib/kubelet",
    "/var/log",
    "/var/log/pods",
)


@dataclass(frozen=True)
class Machine:
    """The machine outside of any cluster's own namespaces and control groups."""

    mounts: frozenset[str]
    interfaces: frozenset[str]
    rules: tuple[str, ...]
    groups: frozenset[str]
    files: frozenset[str]

    @staticmethod
    def look() -> "Machine":
        """See how it is now. Control groups of clusters (`pba-...`) are left out: other clusters may come and go."""
        folders = [path for path in _CGROUPS.glob("*/*/") if not path.name.startswith("pba-")]
        return Machine(
            mounts=frozenset(Path("/proc/self/mounts").read_text().splitlines()),
            interfaces=frozenset(line.split(":")[1] for line in _output("ip", "-oneline", "link")),
            rules=tuple(line for line in _output("iptables-save") if line[0] not in "#:"),
            groups=frozenset(map(str, folders)),
            files=frozenset(str(item) for path in _WATCHED for item in Path(path).glob("*")),
        )


def cluster_processes(name: str, part: str = "") -> dict[int, int]:
    """The processes of a cluster, its pods' included, by its control groups; with their start times.

    Args:
        name: The cluster's.
        part: One node, or empty for all of the cluster.
    """
    found: dict[int, int] = {}
    for file in _member_files(name, part):
        with contextlib.suppress(OSError):
            found.update({int(word): start_time(int(word)) for word in file.read_text().split()})
    return {pid: started for pid, started in found.items() if started}


def cluster_groups(name: str) -> list[Path]:
    """The control groups of a cluster."""
    return [group for pattern in ("", "*/") for group in _CGROUPS.glob(f"{pattern}pba-{name}")]


def start_time(pid: int) -> int:
    """A process's start time in clock ticks since boot; 0 when it has ended, whether or not its parent knows yet."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if state in "ZX" else int(fields[18])


def namespaces(pids: Iterable[int]) -> set[str]:
    """The namespaces that processes are in, but for those that we are in ourselves."""
    found = set()
    for pid in pids:
        for kind in _NAMESPACES:
            with contextlib.suppress(OSError):
                found.add(str(Path(f"/proc/{pid}/ns/{kind}").readlink()))
    return found - {str(Path(f"/proc/self/ns/{kind}").readlink()) for kind in _NAMESPACES}


def all_processes() -> list[int]:
    """Every process of the machine."""
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def _member_files(name: str, part: str) -> Iterator[Path]:
    # Only the cluster's own groups are walked: those of other clusters come and go meanwhile.
    for group in cluster_groups(name):
        for folder, _, _ in os.walk(group / part):
            yield Path(folder) / "cgroup.procs"


def _output(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
