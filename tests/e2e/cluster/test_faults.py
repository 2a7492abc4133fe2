"""The failure tools: each fault is one, is seen as one, and can be undone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pba_hack.cluster import traces
from pba_hack.cluster.local.namespaces import state_of
from pba_hack.cluster.trial import TrialCluster
from pba_hack.waiting import wait_for

SCRIPT = (
    "echo started >> /data/starts; mkdir -p /tmp/www; echo here > /tmp/www/index.html; "
    "busybox httpd -f -p 8080 -h /tmp/www & wait"
)


def server_on(node: str) -> dict[str, Any]:
    """A pod with two containers; `server` is a shell and its child, and notes each start on the node's disk."""
    image = "localhost/busybox:1"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"on-{node}"},
        "spec": {
            "nodeName": node,
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "server",
                    "image": image,
                    "command": ["sh", "-c", SCRIPT],
                    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                },
                {"name": "other", "image": image, "command": ["tail", "-f", "/dev/null"]},
            ],
            "volumes": [{"name": "data", "emptyDir": {}}],
        },
    }


LISTEN = """
import pathlib, socket, sys
with socket.create_connection((sys.argv[1], 8080), timeout=6) as connection:
    pathlib.Path(sys.argv[2]).touch()
    try:
        print("closed" if connection.recv(1) == b"" else "answered")
    except TimeoutError:
        print("nothing")
    except ConnectionResetError:
        print("reset")
"""
"""Says what a connection hears in six seconds."""


@pytest.fixture(scope="module", autouse=True)
def pods(running: TrialCluster) -> Iterator[None]:
    """A server on each of two nodes."""
    for node in ("node1", "node2"):
        running.kubectl("apply", "-f", "-", stdin=json.dumps(server_on(node)))
    running.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
    yield
    running.kubectl("delete", "pod", "--all", "--force", "--grace-period=0")


def answers(cluster: TrialCluster, node: str) -> bool:
    """Whether the server on a node answers; a pod whose machine restarted has another address."""
    address = cluster.get("pod", f"on-{node}")["status"].get("podIP")
    if address is None:
        return False
    done = cluster.inside("curl", "-s", "--max-time", "2", f"http://{address}:8080/", check=False)
    return done.stdout == "here\n"


def restarts(cluster: TrialCluster, node: str) -> dict[str, int]:
    pod = cluster.get("pod", f"on-{node}")
    return {entry["name"]: entry["restartCount"] for entry in pod["status"]["containerStatuses"]}


def test_a_node_that_crashes_is_gone_at_once_and_comes_back_with_its_disk(running: TrialCluster) -> None:
    running.run("crash", "node2")
    assert traces.cluster_processes(running.name, "node2") == {}
    assert not answers(running, "node2")
    assert answers(running, "node1")
    assert running.status()["state"] == "partial"
    again = running.run("crash", "node2", check=False)
    assert again.returncode == 1
    assert "hack/cluster restart node2" in again.stderr

    running.run("restart", "node2")

    assert running.status()["state"] == "up"
    wait_for("its pod runs again", lambda: answers(running, "node2"), 60)
    starts = running.kubectl("exec", "on-node2", "-c", "server", "--", "cat", "/data/starts")
    assert starts == "started\nstarted\n"


def test_a_node_that_crashes_says_nothing_to_those_who_are_connected(
    running: TrialCluster, tmp_path: Path
) -> None:
    """As a machine without power: who ends processes otherwise lets the kernel close their connections."""
    address = running.get("pod", "on-node2")["status"]["podIP"]
    connected = tmp_path / "connected"
    listen = ("python3", "-c", LISTEN, address, str(connected))
    with ThreadPoolExecutor() as pool:
        heard = pool.submit(running.inside, *listen)
        wait_for("the connection", lambda: connected.exists() or heard.done())
        running.run("crash", "node2")
        assert heard.result().stdout == "nothing\n"
    running.run("restart", "node2")
    wait_for("its pod runs again", lambda: answers(running, "node2"), 60)


def test_a_node_that_is_cut_off_goes_on_alone(running: TrialCluster) -> None:
    found, counts = traces.cluster_processes(running.name, "node1"), restarts(running, "node1")
    # kube-proxy and the kubelet run programs that end at once
    before = found.items() & traces.cluster_processes(running.name, "node1").items()
    running.run("partition", "node1")
    assert not answers(running, "node1")
    assert answers(running, "node2")
    assert before <= traces.cluster_processes(running.name, "node1").items()
    running.run("heal", "node1")
    wait_for("it answers again", lambda: answers(running, "node1"), 30)
    assert restarts(running, "node1") == counts


def test_the_hub_keeps_its_address_when_a_node_goes(running: TrialCluster) -> None:
    """A bridge without a hardware address of its own has the least of its links', and takes another when that goes."""
    found: list[dict[str, str]] = json.loads(running.inside("ip", "-json", "link", "show").stdout)
    links = {link["ifname"]: link["address"] for link in found}
    bridge = links.pop("br0")
    assert {"node1", "node2"} <= links.keys()
    assert bridge not in links.values()


def test_up_connects_what_was_cut_off(running: TrialCluster) -> None:
    running.run("partition", "node1")
    running.run("up", "--nodes", "2")
    assert answers(running, "node1")


def test_a_frozen_pod_holds_its_connections_and_goes_on_when_it_is_let(running: TrialCluster) -> None:
    before, counts = traces.cluster_processes(running.name, "node1"), restarts(running, "node1")
    running.run("freeze", "on-node1")
    frozen = {pid for pid in before if state_of(pid) == "T"}
    assert len(frozen) == 3, "a shell, its server, and the other container's only process"
    assert not answers(running, "node1")
    assert answers(running, "node2")
    running.run("thaw", "on-node1")
    assert answers(running, "node1")
    assert restarts(running, "node1") == counts


def test_one_container_is_killed_and_started_again(running: TrialCluster) -> None:
    before = restarts(running, "node1")
    running.run("kill", "on-node1", "--container", "server")
    after = {"server": before["server"] + 1, "other": before["other"]}
    wait_for("it is started again", lambda: restarts(running, "node1") == after, 60)
    wait_for("it answers again", lambda: answers(running, "node1"), 30)
    state = running.get("pod", "on-node1")["status"]["containerStatuses"]
    (last,) = [entry["lastState"]["terminated"] for entry in state if entry["name"] == "server"]
    assert last["exitCode"] == 137


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("crash", "node7"), "there is no node 'node7': there are node1, node2"),
        (("freeze", "nobody"), "default/nobody"),
        (("kill", "on-node1", "-c", "nobody"), "there are: "),
    ],
)
def test_who_names_what_is_not_there_is_told_what_is(
    running: TrialCluster, words: tuple[str, ...], message: str
) -> None:
    done = running.run(*words, check=False)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
