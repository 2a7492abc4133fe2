"""Clients that are bound to nodes: what the tests of it share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from pba_api.sidecar import COOKIE
from pba_lab.browser import Browser, Visit
from pba_lab.haproxy import HAProxyProcess, started
from pba_lab.nodes import Node
from pba_lab.patience import eventually, eventually_async
from pba_lab.shop import UID
from pba_lab.sidecar_loop import TERMS, SidecarLoop
from pba_sync.haproxy import commands
from pba_sync.haproxy.affinity import Affinity

BOUND: Final = Affinity(COOKIE, UID, keep_seconds=2.0)


async def serve(sidecar: SidecarLoop, nodes: list[Node]) -> SidecarLoop:
    """Have the nodes serve behind HAProxy; return the sidecar."""
    sidecar.tell(nodes)
    names = {node.name for node in nodes}
    await eventually_async(lambda: sidecar.loop.ready and sidecar.in_rotation() == names)
    return sidecar


def _holds(sidecar: SidecarLoop, count: int) -> bool:
    return len(sidecar.in_rotation()) == count


@contextlib.contextmanager
def another_frontend(configuration: str, affinity: Affinity, nodes: list[Node]) -> Iterator[HAProxyProcess]:
    """Run a second HAProxy with a sidecar of its own, which learns of the nodes in another order."""
    with started(configuration) as process:
        sidecar = SidecarLoop(process, replace(TERMS, drain_seconds=20.0, affinity=affinity))
        try:
            for known in range(1, len(nodes) + 1):
                sidecar.tell(nodes[-known:])
                eventually(partial(_holds, sidecar, known))
            yield process
        finally:
            sidecar.kill()


def own(node: str) -> str:
    """Return the header by which a client is bound to a node."""
    return f"PBA={BOUND.cookie(node)}; path=/; HttpOnly"


async def bound_to(haproxy: HAProxyProcess, node: Node) -> Browser:
    """Return a client that is bound to the node."""
    for _ in range(50):
        browser = Browser()
        if (await browser.visit(haproxy)).node == node.name:
            return browser
    raise AssertionError(f"no client came to {node.name}")


async def visits(haproxy: HAProxyProcess, browser: Browser, count: int) -> list[Visit]:
    """Return what became of so many requests of a client, one after another."""
    return [await browser.visit(haproxy) for _ in range(count)]


def others(nodes: list[Node], node: Node) -> set[str]:
    """Return the names of the other nodes, to one of which a client moves."""
    return {other.name for other in nodes} - {node.name}


async def assert_has_moved(haproxy: HAProxyProcess, browser: Browser, nodes: list[Node], old: Node) -> None:
    """Show that a client's next requests all end well on one other node, to which it is bound anew."""
    first, *rest = await visits(haproxy, browser, 5)
    assert first.status == 200
    assert first.node in others(nodes, old)
    assert first.set_cookies == (own(first.node),)
    assert rest == [Visit(200, first.node, ())] * 4


def haproxy_left(haproxy: HAProxyProcess) -> list[list[str]]:
    """Return HAProxy's map of nodes that bound clients leave: identities and names; empty: nobody leaves."""
    return [line.split(" ")[1:] for line in haproxy.ask(commands.SHOW_LEFT.text).split("\n") if line]
