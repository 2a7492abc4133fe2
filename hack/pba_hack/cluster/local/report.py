"""Tells how a cluster is, and collects its logs."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pba_hack import evidence
from pba_hack.cluster import entering, state
from pba_hack.cluster.local import addresses, teardown
from pba_hack.cluster.local.api import Api, ApiError
from pba_hack.cluster.local.cgroups import Groups
from pba_hack.cluster.local.layout import Layout, node_name
from pba_hack.cluster.local.namespaces import first_process, in_network_of, start_time
from pba_hack.cluster.local.policies import enforcement, kernel
from pba_hack.cluster.provider import NodeStatus, Status
from pba_hack.conditions import is_ready

__all__ = ["collect_logs", "status"]


def status(layout: Layout, groups: Groups) -> Status:
    """The cluster's state; changes nothing."""
    hub = first_process(groups, "hub")
    record = state.read(layout)
    if hub is None or record is None:
        remains = teardown.remains(layout, groups)
        return Status(layout.name, "local", "partial" if remains else "down", (), None, None, None)
    ready = _ready_nodes(layout, hub)
    nodes = tuple(_node(groups, number, ready) for number in range(1, record.nodes + 1))
    whole = record.phase == "ready" and all(node.ready for node in nodes)
    return Status(
        layout.name,
        "local",
        "up" if whole else "partial",
        nodes,
        kubeconfig=str(layout.kubeconfig),
        audit_log=str(layout.audit_log),
        logs=str(layout.logs),
        network_policies=enforcement.standing(
            enforcement.read(layout.network_policies), _networks(nodes), time.time()
        ),
    )


def collect_logs(layout: Layout, groups: Groups, folder: Path) -> None:
    """Copy all logs into a folder, together with what the cluster holds (`pba_hack.evidence`)."""
    folder.mkdir(parents=True, exist_ok=True)
    if layout.logs.exists():
        shutil.copytree(layout.logs, folder / "cluster", dirs_exist_ok=True)
    for pods in sorted(layout.folder.glob("node*/pods")):
        # A pod that ends meanwhile takes its logs away.
        subprocess.run(
            ["cp", "-r", pods, folder / f"pods-{pods.parent.name}"], capture_output=True, check=False
        )
    hub = first_process(groups, "hub")
    if hub is None:
        return
    kubectl = ["timeout", str(evidence.ANSWER_SECONDS), str(layout.bin / "kubectl")]

    def ask(*question: str) -> str:
        words = [*kubectl, f"--kubeconfig={layout.kubeconfig}", *question]
        command = entering.command_line(layout, hub, words)
        done = subprocess.run(command, capture_output=True, text=True, errors="backslashreplace", check=False)
        return done.stdout + done.stderr

    evidence.collect(folder, ask)


def _node(groups: Groups, number: int, ready: set[str]) -> NodeStatus:
    name = node_name(number)
    pid = first_process(groups, name)
    started = start_time(pid) if pid else None
    is_ready = pid is not None and name in ready
    return NodeStatus(name, addresses.node_address(number), is_ready, pid, started)


def _networks(nodes: Sequence[NodeStatus]) -> dict[str, int]:
    found = {}
    for node in nodes:
        if node.pid is not None:
            with contextlib.suppress(OSError):  # it has crashed just now
                found[node.name] = kernel.network_of(node.pid)
    return found


def _ready_nodes(layout: Layout, hub: int) -> set[str]:
    try:
        with in_network_of(hub):
            nodes: list[dict[str, Any]] = Api(layout.pki, "admin").get("/api/v1/nodes")["items"]
    except (OSError, ApiError):
        return set()
    return {node["metadata"]["name"] for node in nodes if is_ready(node)}
