"""What a cluster leaves on the machine: looked at before and after by the tests that promise "nothing".

By hand, in two files to compare: `PYTHONPATH=hack python3 -m pba_hack.cluster.traces` prints what is looked at.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = [
    "Machine",
    "all_processes",
    "cluster_groups",
    "cluster_processes",
    "namespaces",
    "processes_naming",
    "settled",
    "start_time",
]

_CGROUPS = Path("/sys/fs/cgroup")
_NAMESPACES = ("net", "mnt", "pid", "uts", "ipc", "cgroup")
_NETWORK = (
    ("ip", "-oneline", "address"),
    ("ip", "-4", "-oneline", "route", "show", "table", "all"),
    ("ip", "-6", "-oneline", "route", "show", "table", "all"),
    ("ip", "-4", "rule"),
    ("ip", "-6", "rule"),
)
_FILTERS = (("iptables-save",), ("ip6tables-save",), ("nft", "--stateless", "list", "ruleset"))
_MOVES = re.compile(r"\[\d+:\d+\]|\b(expires|valid_lft|preferred_lft) \d+sec")
"""What changes by itself: counters of packets, and how long what a router has announced is still good for."""
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
    network: tuple[tuple[str, ...], ...]
    filters: tuple[tuple[str, ...], ...]
    groups: frozenset[str]
    files: frozenset[str]

    @staticmethod
    def look() -> "Machine":
        """See how it is now. Control groups of clusters (`pba-...`) are left out: other clusters may come and go."""
        folders = [path for path in _CGROUPS.glob("*/*/") if not path.name.startswith("pba-")]
        return Machine(
            mounts=frozenset(Path("/proc/self/mounts").read_text().splitlines()),
            interfaces=frozenset(line.split(":")[1] for line in _output("ip", "-oneline", "link")),
            network=tuple(settled(_output(*command)) for command in _NETWORK),
            filters=tuple(settled(_output(*command)) for command in _FILTERS if shutil.which(command[0])),
            groups=frozenset(map(str, folders)),
            files=frozenset(str(item) for path in _WATCHED for item in Path(path).glob("*")),
        )


def settled(lines: Iterable[str]) -> tuple[str, ...]:
    """Leave out what changes by itself: comments, which name the time, counters, and remaining lifetimes."""
    return tuple(_MOVES.sub("", line).rstrip() for line in lines if line.strip() and line[0] != "#")


def processes_naming(word: str) -> set[int]:
    """Return the processes whose command line or environment has a word in it, but for ourselves."""
    found = set()
    for pid in set(all_processes()) - {os.getpid()}:
        with contextlib.suppress(OSError):  # it has ended meanwhile
            words = [Path(f"/proc/{pid}/{kind}").read_bytes() for kind in ("cmdline", "environ")]
            if any(word.encode() in told for told in words):
                found.add(pid)
    return found


def cluster_processes(name: str, part: str = "") -> dict[int, int]:
    """Return the processes of a cluster, its pods' included, by its control groups; with their start times.

    Args:
        name: the cluster's.
        part: one node, or empty for all of the cluster.
    """
    found: dict[int, int] = {}
    for file in _member_files(name, part):
        with contextlib.suppress(OSError):
            found.update({int(word): start_time(int(word)) for word in file.read_text().split()})
    return {pid: started for pid, started in found.items() if started}


def cluster_groups(name: str) -> list[Path]:
    """Return the control groups of a cluster."""
    return [group for pattern in ("", "*/") for group in _CGROUPS.glob(f"{pattern}pba-{name}")]


def start_time(pid: int) -> int:
    """Return a process's start time in clock ticks since boot; 0 once it has ended, whether its parent knows or not."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if state in "ZX" else int(fields[18])


def namespaces(pids: Iterable[int]) -> set[str]:
    """Return the namespaces that processes are in, but for those that we are in ourselves."""
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


if __name__ == "__main__":
    for kind, found in asdict(Machine.look()).items():
        for item in sorted(map(str, found)):
            sys.stdout.write(f"{kind}: {item}\n")
