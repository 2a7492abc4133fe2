"""Makes a cluster, step by step, and completes one that lost nodes."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from pba_hack.cluster.local import control_plane, dns, images, network, node, pki, readiness
from pba_hack.cluster.local.cgroups import Groups
from pba_hack.cluster.local.control_plane import Binaries
from pba_hack.cluster.local.layout import Layout, node_name
from pba_hack.cluster.local.namespaces import first_process
from pba_hack.cluster.local.waiting import until
from pba_hack.progress import Progress

__all__ = ["create", "start_nodes"]

_CONTAINERD_SECONDS = 30.0


def create(layout: Layout, groups: Groups, binaries: Binaries, nodes: int, progress: Progress) -> None:
    """Make a cluster where nothing is."""
    with progress.step("keys and configuration"):
        layout.logs.mkdir(parents=True)
        pki.create(layout)
        dns.write_configuration(layout)
        layout.bin.mkdir()
        (layout.bin / "kubectl").symlink_to(binaries.kubernetes / "kubectl")
    with progress.step("control plane"):
        hub = control_plane.start(layout, groups, binaries)
        network.make_bridge(hub)
        # The nodes' kubelets wait for the API server themselves.
        started = _start(layout, groups, hub, range(1, nodes + 1), nodes, binaries)
        readiness.await_api(layout, hub)
        layout.api_ready.touch()
        readiness.apply_base_objects(layout, hub, binaries.kubernetes / "kubectl")
        layout.objects_applied.touch()
    with progress.step(f"{nodes} nodes Ready, names answered"):
        _complete(layout, hub, started, binaries)
        readiness.await_accounts(layout, hub)


def start_nodes(
    layout: Layout, groups: Groups, hub: int, numbers: Sequence[int], of: int, binaries: Binaries
) -> None:
    """Start nodes of a running cluster: further ones, or ones that crashed."""
    _complete(layout, hub, _start(layout, groups, hub, numbers, of, binaries), binaries)


def _start(
    layout: Layout, groups: Groups, hub: int, numbers: Sequence[int], of: int, binaries: Binaries
) -> dict[str, int]:
    return {
        node_name(number): node.start(layout, groups, hub, number, of, binaries)
        for number in numbers
        if first_process(groups, node_name(number)) is None
    }


def _complete(layout: Layout, hub: int, nodes: dict[str, int], binaries: Binaries) -> None:
    archives = images.own_images(binaries.init.with_name("pause"), binaries.busybox)
    with ThreadPoolExecutor(max_workers=len(nodes) or 1) as pool:
        list(pool.map(_await_containerd, nodes.items()))
    images.load(archives, nodes)
    readiness.await_nodes(layout, hub, nodes)
    readiness.await_names(layout, nodes)


def _await_containerd(node: tuple[str, int]) -> None:
    name, pid = node
    until(lambda: images.answers(pid), _CONTAINERD_SECONDS, f"containerd on {name}")
