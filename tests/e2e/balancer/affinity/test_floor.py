"""No node passes its checks: what becomes of the clients that are bound."""

from __future__ import annotations

from pba_lab import HAProxyProcess, Node
from pba_lab.bound import bound_to, own
from pba_lab.browser import Browser
from pba_lab.patience import eventually_async
from pba_lab.sidecar_loop import SidecarLoop


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
