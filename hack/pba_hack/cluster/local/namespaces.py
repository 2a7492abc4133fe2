"""Makes and enters the namespaces of the hub and of the nodes.

Nothing is named or bound in the file system: namespaces live as long as their processes. The hub's first process is
the child of a small process of the machine that joined the cluster's control group before it did anything else; a
node's first process is found by its place: directly in the node's control group, and number 1 one level below
the hub.
"""

import contextlib
import ctypes
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.local.cgroups import Groups

__all__ = [
    "first_process",
    "in_network_of",
    "inside",
    "network_users",
    "parent",
    "start_hub",
    "start_node",
    "start_time",
    "state_of",
]

_CLONE_NEWNET = 0x40000000
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_START_SECONDS = 20.0
_POLL_SECONDS = 0.01
_JOIN = 'for entrance in $ENTRANCES; do echo $$ > "$entrance" || exit 1; done; '


def start_hub(groups: Groups, command: Sequence[str | Path], log: Path) -> int:
    """Start the hub's first process.

    Returns:
        Its process identifier on the machine.
    """
    entrances = groups.make("hub")
    namespaces = ["--net", "--mount", "--propagation", "slave", "--pid", "--uts", "--ipc", "--mount-proc"]
    _spawn(["unshare", *namespaces, "--fork", "--kill-child", *map(str, command)], entrances, log)
    return _await_first_process(groups, "hub", log)


def start_node(groups: Groups, node: str, hub: int, command: Sequence[str | Path], log: Path) -> int:
    """Start a node's first process, in namespaces inside of the hub's.

    Returns:
        Its process identifier on the machine.
    """
    entrances = groups.make(node)
    namespaces = ["--net", "--mount", "--propagation", "slave", "--pid", "--uts", "--ipc", "--cgroup"]
    unshare = ["unshare", *namespaces, "--fork", "--kill-child", *map(str, command)]
    _spawn(["nsenter", f"--target={hub}", "--pid", *unshare], entrances, log)
    return _await_first_process(groups, node, log)


def first_process(groups: Groups, part: str, *, from_hub: bool = False) -> int | None:
    """The first process of the hub or of a node; None when it does not run.

    Args:
        groups: The cluster's control groups.
        part: `hub` or `nodeN`.
        from_hub: Whether we are a process of the hub ourselves: then the number is as the hub has it.
    """
    depth = len(_numbers(os.getpid())) + (1 if part == "hub" or from_hub else 2)
    for pid in groups.processes(part, below=False) | groups.processes(f"{part}/system", below=False):
        numbers = _numbers(pid)
        if len(numbers) == depth and numbers[-1] == 1 and _is_running(pid):
            return pid
    return None


def start_time(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None when there is no such process."""
    fields = _stat(pid)
    return int(fields[22 - 3]) if fields else None


def state_of(pid: int) -> str | None:
    """The process's state, one letter (proc(5)); None when there is no such process."""
    fields = _stat(pid)
    return fields[0] if fields else None


def parent(pid: int) -> int | None:
    """The process's parent; None when there is no such process."""
    fields = _stat(pid)
    return int(fields[4 - 3]) if fields else None


def inside(pid: int, command: Sequence[str | Path]) -> list[str]:
    """The command line that runs a program in all namespaces of a process."""
    return ["nsenter", f"--target={pid}", "--all", *map(str, command)]


@contextlib.contextmanager
def in_network_of(pid: int) -> Iterator[None]:
    """Be in the network of a process: sockets and programs of this thread, and threads it starts."""
    with Path("/proc/thread-self/ns/net").open() as ours, Path(f"/proc/{pid}/ns/net").open() as theirs:
        _setns(theirs.fileno())
        try:
            yield
        finally:
            _setns(ours.fileno())


def network_users(pid: int) -> set[int]:
    """The processes of the machine in the network of a process, itself included."""
    wanted = Path(f"/proc/{pid}/ns/net").readlink()
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (folder / "ns" / "net").readlink() == wanted:
                found.add(int(folder.name))
    return found


def _setns(handle: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(handle, _CLONE_NEWNET):
        raise ClusterError(f"cannot enter the cluster's network: {os.strerror(ctypes.get_errno())}")


def _spawn(command: Sequence[str], entrances: Sequence[Path], log: Path) -> None:
    """Start a program that joins the control groups first and then outlives us."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            ["sh", "-c", _JOIN + 'unset ENTRANCES; exec "$@"', "sh", *command],
            # Nothing of the environment of whoever brings the cluster up lives on in it.
            env={"HOME": "/root", "PATH": _PATH, "ENTRANCES": " ".join(map(str, entrances))},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            start_new_session=True,
        )
    # Reaps it if it ends while we are there.
    threading.Thread(target=process.wait, daemon=True).start()


def _await_first_process(groups: Groups, part: str, log: Path) -> int:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        pid = first_process(groups, part)
        if pid is not None:
            return pid
        if time.monotonic() > deadline:
            raise ClusterError(f"{part} does not start; the end of {log}:\n{log.read_text()[-2000:]}")
        time.sleep(_POLL_SECONDS)


def _numbers(pid: int) -> list[int]:
    """The process's number in each process namespace, from ours inwards."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("NSpid:"):
                return [int(word) for word in line.split()[1:]]
    except (FileNotFoundError, ProcessLookupError):
        pass
    return []


def _is_running(pid: int) -> bool:
    fields = _stat(pid)
    return bool(fields) and fields[0] not in "ZX"


def _stat(pid: int) -> list[str]:
    """The fields of `/proc/PID/stat` from the third on (proc(5)); empty when there is no such process."""
    try:
        # The program's name, in parentheses, may hold blanks: count after it.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
