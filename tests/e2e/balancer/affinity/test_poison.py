"""What fails for one client by his own doing moves nobody; what fails for several moves all of them."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator

import pytest
from pba_lab import Clients, HAProxyProcess, Node
from pba_lab.bound import BOUND, bound_to, haproxy_left
from pba_lab.browser import Browser, Visit
from pba_lab.patience import eventually_async
from pba_lab.shop import UID, shop
from pba_lab.sidecar_loop import SidecarLoop
from pba_lab.weighing import weighing

from pba_api.sidecar import COOKIE
from pba_operator.domain.frontend import haproxy_cfg
from pba_sync.haproxy.affinity import Affinity
from pba_sync.judging.limits import Limits
from pba_sync.judging.phases import Phase

PATH = "/poison"
LIMITS = Limits(gap_milliseconds=200.0)
LOYAL = Affinity(COOKIE, UID, keep_seconds=BOUND.keep_seconds, leave_milliseconds=math.inf)


@pytest.fixture
def configuration() -> str:
    """What users have who set nothing: a cookie, and retries."""
    return haproxy_cfg.render(shop("default", {}, affinity={}))


@pytest.fixture
async def traffic(haproxy: HAProxyProcess, sidecar: SidecarLoop) -> AsyncIterator[Clients]:
    """Clients without cookies, all of one address, as behind a proxy: what is usual."""
    assert sidecar.loop.ready
    clients = Clients("127.0.0.1", haproxy.port, pause_seconds=0.02)
    clients.start(6)
    yield clients
    await clients.stop()


async def bound(haproxy: HAProxyProcess, node: Node, address: str) -> Browser:
    browser = await bound_to(haproxy, node)
    return Browser(browser.cookies, address)


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_one_client_whose_requests_fail_moves_no_other(
    haproxy: HAProxyProcess, nodes: list[Node], traffic: Clients, method: str
) -> None:
    for node in nodes:
        node.failing = {PATH}
    culprit, other = [await bound(haproxy, nodes[0], f"127.0.0.{number}") for number in (7, 8)]
    with weighing(haproxy, LIMITS, LOYAL) as standings:
        await eventually_async(lambda: traffic.sent > 500)
        for _ in range(40):
            assert (await culprit.visit(haproxy, method, PATH)).status == 500
        phases = {mark.phase for known in standings for mark in known.marks.values()}
    assert phases <= {Phase.FULL, Phase.RISING}
    assert haproxy_left(haproxy) == []
    assert await other.visit(haproxy) == Visit(200, nodes[0].name, ())


@pytest.mark.usefixtures("traffic")
async def test_a_node_that_fails_what_few_clients_ask_is_put_out(
    haproxy: HAProxyProcess, nodes: list[Node]
) -> None:
    ill = nodes[0]
    users = [await bound(haproxy, ill, f"127.0.0.{number}") for number in range(10, 14)]
    with weighing(haproxy, LIMITS, LOYAL) as standings:
        # Beside 500 answers of others four failures are no chance within eight of the node's; beside 2,500, within 32.
        await eventually_async(lambda: standings and standings[-1].ends.count > 2500, 60)
        ill.failing = {PATH}
        for user in users:
            assert (await user.visit(haproxy, "POST", PATH)).status == 500
        await eventually_async(lambda: standings[-1].marks[ill.name].phase is Phase.OUT)
