"""Makes a cluster, step by step, and completes one that lost nodes."""

from concurrent.futures import ThreadPoolExecutor

from pba_hack.cluster import tools
from pba_hack.cluster.local import control_plane, dns, images, members, network, node, pki, readiness
from pba_hack.cluster.local.blobs import BlobStore
from pba_hack.cluster.local.cgroups import Groups
from pba_hack.cluster.local.control_plane import Binaries
from pba_hack.cluster.local.layout import Layout, node_name
from pba_hack.cluster.local.members import Member
from pba_hack.cluster.waiting import until
from pba_hack.progress import Progress

__all__ = ["complete", "create", "restart"]

_CONTAINERD_SECONDS = 30.0


def create(layout: Layout, groups: Groups, binaries: Binaries, nodes: int, progress: Progress) -> None:
    """Make a cluster where nothing is."""
    with progress.step("keys and configuration"):
        layout.logs.mkdir(parents=True)
        pki.create(layout)
        dns.write_configuration(layout)
        tools.link(layout.bin)
    with progress.step("control plane"):
        hub = control_plane.start(layout, groups, binaries)
        network.make_bridge(hub)
        # The nodes' kubelets wait for the API server themselves.
        for number in range(1, nodes + 1):
            node.start(layout, groups, hub, number, nodes, binaries)
        readiness.await_api(layout, hub)
        layout.api_ready.touch()
        readiness.apply_base_objects(layout, hub, binaries.kubernetes / "kubectl")
        layout.objects_applied.touch()
    complete(layout, groups, hub, nodes, binaries, progress)
    with progress.step("pods can be created"):
        readiness.await_accounts(layout, hub)


def complete(
    layout: Layout, groups: Groups, hub: int, nodes: int, binaries: Binaries, progress: Progress
) -> None:
    """Start the nodes that do not run (further ones, or ones that crashed), and wait until all are usable."""
    absent = members.missing(groups, nodes)
    if absent:
        with progress.step(f"{', '.join(map(node_name, absent))} started"):
            for number in absent:
                node.start(layout, groups, hub, number, nodes, binaries)
    with progress.step(f"{nodes} nodes Ready, names answered"):
        there = members.running(layout, groups, nodes)
        for member in there:
            network.reconnect(hub, member.name)
        archives = images.own_images(binaries.init.with_name("pause"), binaries.busybox)
        with ThreadPoolExecutor(max_workers=nodes) as pool:
            list(pool.map(_await_containerd, there))
        images.load(archives, there, BlobStore(layout.blobs))
        readiness.await_nodes(layout, hub, there)
        readiness.await_names(layout, there)
        readiness.await_policies(layout, there)


def restart(layout: Layout, groups: Groups, hub: int, number: int, of: int, binaries: Binaries) -> Member:
    """Start a node that crashed, and return it once its containers can be had; what was on its disk is there."""
    pid = node.start(layout, groups, hub, number, of, binaries)
    member = Member(node_name(number), pid, layout.containerd(number))
    _await_containerd(member)
    return member


def _await_containerd(member: Member) -> None:
    until(lambda: images.answers(member.pid), _CONTAINERD_SECONDS, f"containerd on {member.name}")
