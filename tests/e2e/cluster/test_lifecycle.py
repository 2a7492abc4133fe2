"""Up, down, twice, at once, killed, crashed: each does the right thing, and nothing is left."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from pba_hack.cluster import listeners, traces
from pba_hack.cluster.local.layout import STATE_ROOT, Layout
from pba_hack.cluster.trial import TrialCluster
from pba_hack.waiting import wait_for

POD = """
apiVersion: v1
kind: Pod
metadata: {name: guest}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - {name: main, image: "localhost/busybox:1", command: [tail, -f, /dev/null]}
"""


def run_a_pod(cluster: TrialCluster) -> None:
    cluster.kubectl("apply", "-f", "-", stdin=POD)
    cluster.kubectl("wait", "--for=condition=Ready", "pod/guest", "--timeout=60s")


def assert_nothing_is_left(cluster: TrialCluster, processes: dict[int, int], namespaces: set[str]) -> None:
    # What was killed has left its control groups; its last moments may still be ahead of it on a busy machine.
    wait_for(
        "all processes are gone",
        lambda: not {pid for pid, started in processes.items() if traces.start_time(pid) == started},
        5,
    )
    wait_for("all namespaces are gone", lambda: not namespaces & traces.namespaces(traces.all_processes()), 5)
    assert not traces.cluster_groups(cluster.name)
    assert not list(STATE_ROOT.glob(f"{cluster.name}*"))


def sockets_left(
    cluster: TrialCluster, before: frozenset[listeners.Socket], held: set[int]
) -> set[listeners.Socket]:
    own = held | listeners.held(traces.processes_naming(cluster.name))
    return listeners.left_behind(before, listeners.listening(), own, cluster.name)


def test_down_leaves_nothing(cluster: TrialCluster) -> None:
    before, listened = traces.Machine.look(), listeners.listening()
    cluster.run("up", "--nodes", "2")
    run_a_pod(cluster)
    guest = cluster.start("exec", "--", "sleep", "600")
    wait_for(
        "the guest is inside", lambda: b"sleep" in Path(f"/proc/{guest.pid}/cmdline").read_bytes()[:6], 10
    )
    processes = traces.cluster_processes(cluster.name)
    namespaces = traces.namespaces(processes)
    assert len(processes) > 15
    assert len(namespaces) > 12
    sockets = listeners.held(processes)
    assert len(sockets) > 20, "what its processes hold is seen"
    here = {socket for socket in listeners.listening() if socket.inode in sockets}
    assert not {socket for socket in here if socket.is_reachable}

    cluster.run("down")

    assert guest.wait(10) != 0
    assert_nothing_is_left(cluster, processes, namespaces)
    after = traces.Machine.look()
    assert after.mounts == before.mounts
    assert after.interfaces == before.interfaces
    assert after.network == before.network
    assert after.filters == before.filters
    assert not after.groups - before.groups
    wait_for("no socket is left", lambda: not sockets_left(cluster, listened, sockets), 5)
    assert not {path for path in after.files - before.files if not path.startswith(str(STATE_ROOT))}
    assert cluster.status()["state"] == "down"
    cluster.run("down")


def test_up_again_changes_nothing(running: TrialCluster) -> None:
    before = running.status()
    assert before["state"] == "up"
    running.run("up", "--nodes", "2")
    assert running.status() == before


def test_a_component_that_dies_is_started_again(running: TrialCluster) -> None:
    [node, *_] = running.status()["nodes"]

    def kubelets() -> set[int]:
        found = traces.cluster_processes(running.name, node["name"])
        return {pid for pid in found if _name(pid).endswith(b"/kubelet")}

    [killed] = kubelets()
    os.kill(killed, signal.SIGKILL)
    [started] = wait_for("another kubelet", lambda: kubelets() - {killed}, 20)
    assert started != killed
    assert running.status()["nodes"][0]["pid"] == node["pid"]


def test_two_at_once_make_one_cluster(cluster: TrialCluster) -> None:
    both = [cluster.start("up", "--nodes", "1") for _ in range(2)]
    assert [process.wait(180) for process in both] == [0, 0]
    assert len(cluster.get("nodes")["items"]) == 1
    hubs = {pid for pid in traces.cluster_processes(cluster.name) if b"kube-apiserver" in _name(pid)}
    assert len(hubs) == 1


def test_up_after_a_killed_up(cluster: TrialCluster) -> None:
    killed = cluster.start("up", "--nodes", "1")
    wait_for("the killed command has got far", lambda: _count(cluster, b"kube-apiserver"), 60)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    left = traces.cluster_processes(cluster.name)
    assert left
    assert cluster.status()["state"] == "partial"

    cluster.run("up", "--nodes", "1")

    assert cluster.status()["state"] == "up"
    assert not left.items() & traces.cluster_processes(cluster.name).items()


def test_down_after_a_killed_up(cluster: TrialCluster) -> None:
    killed = cluster.start("up", "--nodes", "1")
    processes = wait_for("the first process is there", lambda: traces.cluster_processes(cluster.name), 60)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    namespaces = traces.namespaces(processes)
    cluster.run("down")
    assert_nothing_is_left(cluster, processes, namespaces)


def test_up_after_the_machine_restarted(cluster: TrialCluster) -> None:
    # A restart leaves the files, and neither processes nor control groups.
    cluster.run("up", "--nodes", "1")
    folder = Layout(cluster.name).folder
    kept = folder.with_name(f"{cluster.name}.kept")
    folder.rename(kept)
    cluster.run("down")
    kept.rename(folder)
    assert cluster.status()["state"] == "partial"

    cluster.run("up", "--nodes", "1")

    assert cluster.status()["state"] == "up"


def test_a_crashed_node_comes_back_with_its_disk(cluster: TrialCluster) -> None:
    cluster.run("up", "--nodes", "1")
    run_a_pod(cluster)
    [node] = cluster.status()["nodes"]
    others = traces.cluster_processes(cluster.name)

    os.kill(node["pid"], signal.SIGKILL)
    wait_for("the crash shows", lambda: cluster.status()["state"] == "partial", 10)
    cluster.run("up")

    [restarted] = cluster.status()["nodes"]
    assert restarted["ready"]
    assert (restarted["pid"], restarted["start_time"]) != (node["pid"], node["start_time"])
    # The node's disk holds the images, and the control plane never noticed.
    cluster.kubectl("delete", "pod", "guest", "--wait=true", "--timeout=60s")
    run_a_pod(cluster)
    hub = {pid for pid in others if b"kube-apiserver" in _name(pid)}
    assert len(hub) == 1


def _count(cluster: TrialCluster, name: bytes) -> int:
    return sum(name in _name(pid) for pid in traces.cluster_processes(cluster.name))


def _name(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
    except OSError:
        return b""
