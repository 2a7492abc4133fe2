"""Machines that crash and are cut off, pods that freeze and are killed: what no program can do to itself.

A node's first process, and a container's, ignore SIGKILL and SIGSTOP from inside of their own process namespace
(pid_namespaces(7)), so all of it is done from the machine. Every fault is undone by its counterpart, by `up` or by
`down`.
"""

import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pba_hack.cluster import state
from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.local import creation, network, readiness
from pba_hack.cluster.local.api import Api, ApiError
from pba_hack.cluster.local.cgroups import Groups
from pba_hack.cluster.local.control_plane import Binaries
from pba_hack.cluster.local.layout import Layout, node_name
from pba_hack.cluster.local.namespaces import first_process, in_network_of, state_of
from pba_hack.cluster.waiting import until
from pba_hack.progress import Progress

__all__ = ["Faults"]

_GONE_SECONDS = 20.0
_STILL_SECONDS = 10.0
_RENEWED_SECONDS = 90.0
_STILL = frozenset("TtZX")
"""Process states (proc(5)): stopped, traced, ended."""


class Faults:
    """The faults of one cluster that is up."""

    def __init__(
        self, layout: Layout, groups: Groups, hub: int, progress: Progress, programs: Callable[[], Binaries]
    ) -> None:
        self._layout = layout
        self._groups = groups
        self._hub = hub
        self._progress = progress
        self._programs = programs
        self._api = Api(layout.pki, "admin")

    def crash(self, node: str) -> None:
        """End a node as a power failure would: all its processes, mounts and interfaces at once; its disk stays."""
        self._number(node)
        pid = first_process(self._groups, node)
        if pid is None:
            raise ClusterError(f"{node} does not run; bring it back with `hack/cluster restart {node}`")
        with self._progress.step(f"{node} crashed"):
            # A kernel closes the connections of processes that end, and what it says then would be heard.
            network.remove(self._hub, node)
            self._groups.send_signal({pid}, signal.SIGKILL, node)
            until(lambda: not self._groups.processes(node), _GONE_SECONDS, f"{node} is gone")

    def restart(self, node: str) -> None:
        """Bring a crashed node back with its disk; one that runs is crashed first."""
        number = self._number(node)
        with state.locked(self._layout, self._progress):
            if first_process(self._groups, node) is not None:
                self.crash(node)
            since = datetime.now(UTC)
            with self._progress.step(f"{node} Ready again"):
                member = creation.restart(
                    self._layout, self._groups, self._hub, number, self._count(), self._programs()
                )
                # What the API server tells of a node that crashed is true no more, until its kubelet speaks again.
                with in_network_of(self._hub):
                    until(lambda: self._renewed(node) > since, _RENEWED_SECONDS, f"{node}'s kubelet reports")
                readiness.await_nodes(self._layout, self._hub, [member])
                readiness.await_names(self._layout, [member])
                readiness.await_policies(self._layout, [member])

    def partition(self, node: str) -> None:
        """Cut a node off from everything else; what runs on it goes on."""
        self._running(node)
        network.disconnect(self._hub, node)

    def heal(self, node: str) -> None:
        """Connect a node again that was cut off."""
        self._running(node)
        network.reconnect(self._hub, node)

    def freeze(self, namespace: str, pod: str, container: str = "") -> None:
        """Stop all processes of a pod where they are, or those of one container; they keep all that they hold."""
        self._stop(self._wanted(namespace, pod, container), f"{namespace}/{pod}")

    def thaw(self, namespace: str, pod: str, container: str = "") -> None:
        """Let a frozen pod go on."""
        self._groups.send_signal(self._processes(self._wanted(namespace, pod, container)), signal.SIGCONT)

    def kill(self, namespace: str, pod: str, container: str = "") -> None:
        """Kill all processes of a pod's containers (SIGKILL); the kubelet starts them again."""
        what = f"{namespace}/{pod}"
        # Stopped first: none sees another one go, and ends by itself.
        killed = self._stop(self._wanted(namespace, pod, container), what)
        self._groups.send_signal(killed, signal.SIGKILL)
        until(
            lambda: not killed & self._groups.processes(), _GONE_SECONDS, f"the processes of {what} are gone"
        )

    def _stop(self, wanted: set[str], what: str) -> set[int]:
        """Stop the processes of containers; returns them."""

        def is_still() -> bool:
            pids = self._processes(wanted)
            self._groups.send_signal(pids, signal.SIGSTOP)
            return all((state_of(pid) or "X") in _STILL for pid in pids)

        # A process may have made another one meanwhile.
        until(is_still, _STILL_SECONDS, f"the processes of {what} stand still")
        return self._processes(wanted)

    def _count(self) -> int:
        record = state.read(self._layout)
        return record.nodes if record else 0

    def _number(self, node: str) -> int:
        known = {node_name(number): number for number in range(1, self._count() + 1)}
        if node not in known:
            raise ClusterError(f"there is no node {node!r}: there are {', '.join(known)}")
        return known[node]

    def _running(self, node: str) -> None:
        self._number(node)
        if first_process(self._groups, node) is None:
            raise ClusterError(f"{node} has crashed; bring it back with `hack/cluster restart {node}`")

    def _renewed(self, node: str) -> datetime:
        path = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node}"
        return datetime.fromisoformat(self._api.get(path)["spec"]["renewTime"])

    def _wanted(self, namespace: str, pod: str, container: str) -> set[str]:
        """The identifiers of a pod's containers, or of the named one; its sandbox is none of them.

        Raises:
            ClusterError: there is no such pod or container, or no process of it.
        """
        wanted = _containers(self._pod(namespace, pod), container)
        if not self._processes(wanted):
            what = f"the container {container!r} of {namespace}/{pod}" if container else f"{namespace}/{pod}"
            raise ClusterError(f"no process of {what} runs on this machine")
        return wanted

    def _processes(self, wanted: set[str]) -> set[int]:
        return {pid for pid in self._groups.processes() if _groups_of(pid) & wanted}

    def _pod(self, namespace: str, pod: str) -> Any:
        try:
            with in_network_of(self._hub):
                return self._api.get(f"/api/v1/namespaces/{namespace}/pods/{pod}")
        except ApiError as error:
            raise ClusterError(f"the pod {namespace}/{pod}: {error}") from error


def _containers(pod: Any, container: str) -> set[str]:
    """The identifiers of a pod's containers, or of the named one."""
    status = pod.get("status", {})
    entries = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    wanted = [entry for entry in entries if container in ("", entry["name"])]
    if not wanted:
        names = ", ".join(entry["name"] for entry in entries) or "none"
        raise ClusterError(f"no such container: {container!r}; there are: {names}")
    return {entry.get("containerID", "").rpartition("/")[2] for entry in wanted} - {""}


def _groups_of(pid: int) -> set[str]:
    """The last parts of a process's control groups: in a pod, its container's identifier is among them.

    Not in each: of version 1, a hierarchy without a controller does not know of pods.
    """
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return set()
    return {line.rpartition("/")[2] for line in lines}
