"""No node passes its checks, or one is drained by hand: what becomes of the clients that are bound."""

from __future__ import annotations

from pba_lab import HAProxyProcess, Node
from pba_lab.bound import BOUND, assert_has_moved, bound_to, haproxy_left, own
from pba_lab.browser import Browser
from pba_lab.patience import eventually_async
from pba_lab.sidecar_loop import SidecarLoop
from pba_lab.weighing import weighing

from pba_sync.haproxy.servers import Admin
from pba_sync.judging.limits import Limits
from pba_sync.watching.external import by_hand
from pba_sync.watching.membership import Node as Member
from pba_sync.watching.membership import NodeState


async def test_where_no_node_passes_its_checks_clients_stay_and_new_ones_are_bound(
    haproxy: HAProxyProcess, nodes: list[Node], sidecar: SidecarLoop
) -> None:
    browsers = {node.name: await bound_to(haproxy, node) for node in nodes}
    for node in nodes:
        node.health = 500
    await eventually_async(lambda: not sidecar.in_rotation())
    for _ in range(5):
        for name, browser in browsers.items():
            assert (await browser.visit(haproxy)).node == name
    new = Browser()
    first = await new.visit(haproxy)
    assert first.set_cookies == (own(first.node),)
    assert {(await new.visit(haproxy)).node for _ in range(8)} == {first.node}


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
