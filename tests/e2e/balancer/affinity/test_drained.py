"""A node is drained by hand: what becomes of the clients that are bound to it."""

from __future__ import annotations

from pba_lab import HAProxyProcess, Node
from pba_lab.bound import BOUND, assert_has_moved, bound_to, haproxy_left
from pba_lab.patience import eventually_async
from pba_lab.sidecar_loop import SidecarLoop
from pba_lab.weighing import weighing

from pba_sync.haproxy.servers import Admin
from pba_sync.judging.limits import Limits
from pba_sync.watching.external import by_hand
from pba_sync.watching.membership import Node as Member
from pba_sync.watching.membership import NodeState


async def test_a_node_drained_by_hand_loses_its_clients_once_its_time_for_them_is_over(
    haproxy: HAProxyProcess, nodes: list[Node], sidecar: SidecarLoop
) -> None:
    drained = nodes[1]
    browser = await bound_to(haproxy, drained)
    members = {node.name: Member(node.name, node.address, node.port, NodeState.SERVING) for node in nodes}
    with weighing(haproxy, Limits(), BOUND):
        sidecar.board.publish(by_hand(members, {drained.name}))
        await eventually_async(lambda: sidecar.haproxy.servers()[drained.name].admin is Admin.DRAIN)
        assert (await browser.visit(haproxy)).node == drained.name
        await eventually_async(lambda: haproxy_left(haproxy))
        await assert_has_moved(haproxy, browser, nodes, drained)
        sidecar.board.publish(members)
        await eventually_async(lambda: not haproxy_left(haproxy) and drained.name in sidecar.in_rotation())
