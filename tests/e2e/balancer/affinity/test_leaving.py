"""Clients that are bound to nodes leave them without an error: when nodes go, fail, or are too slow, and not before."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator

import pytest
from pba_lab import Clients, HAProxyProcess, Node
from pba_lab.bound import BOUND, assert_has_moved, bound_to, haproxy_left, others, own, visits
from pba_lab.browser import Browser, Visit
from pba_lab.patience import eventually_async
from pba_lab.shop import UID
from pba_lab.sidecar_loop import SidecarLoop
from pba_lab.weighing import weighing

from pba_api.sidecar import COOKIE
from pba_sync.balancer.planner import Kind
from pba_sync.haproxy import commands
from pba_sync.haproxy.affinity import Affinity
from pba_sync.judging.limits import Limits
from pba_sync.judging.phases import Phase
from pba_sync.watching.membership import Node as Member
from pba_sync.watching.membership import NodeState

LIMITS = Limits(gap_milliseconds=200.0)
"""A busy machine makes good nodes late by less."""


async def test_a_node_that_goes_keeps_its_clients_until_the_deadline_and_no_longer(
    haproxy: HAProxyProcess, nodes: list[Node], sidecar: SidecarLoop
) -> None:
    going, *staying = nodes
    browser = await bound_to(haproxy, going)
    told = time.monotonic()
    sidecar.tell(staying, draining=[going])
    await eventually_async(lambda: sidecar.changes[-1].kind is Kind.DRAIN)
    stayed = 0
    while (seen := await browser.visit(haproxy)).node == going.name:
        assert seen == Visit(200, going.name, ())
        assert (await Browser().visit(haproxy)).node in others(nodes, going), "no new client comes to it"
        stayed += 1
    assert time.monotonic() - told >= BOUND.keep_seconds
    assert stayed
    assert seen == Visit(200, seen.node, (own(seen.node),))
    assert seen.node in others(nodes, going)
    assert await visits(haproxy, browser, 3) == [Visit(200, seen.node, ())] * 3
    await eventually_async(lambda: not sidecar.has(going.name))
    assert Kind.CUT_OFF not in {change.kind for change in sidecar.changes}


async def test_what_runs_when_clients_leave_ends_well(
    haproxy: HAProxyProcess, nodes: list[Node], sidecar: SidecarLoop
) -> None:
    going, *staying = nodes
    browser, second = await bound_to(haproxy, going), await bound_to(haproxy, going)
    going.delay_seconds = BOUND.keep_seconds + 2.0
    running = asyncio.create_task(browser.visit(haproxy, "POST"))
    await eventually_async(lambda: going.running)
    sidecar.tell(staying, draining=[going])
    await eventually_async(lambda: sidecar.changes[-1].kind is Kind.RELEASE)
    assert not running.done()
    await assert_has_moved(haproxy, second, nodes, going)
    assert await running == Visit(200, going.name, ())
    await eventually_async(lambda: not sidecar.has(going.name))
    await assert_has_moved(haproxy, browser, nodes, going)


@pytest.mark.parametrize("vanished", [True, False])
async def test_clients_leave_a_node_that_is_not_ready_or_has_vanished_at_once(
    haproxy: HAProxyProcess, nodes: list[Node], sidecar: SidecarLoop, *, vanished: bool
) -> None:
    ill, *staying = nodes
    browser = await bound_to(haproxy, ill)
    view = {node.name: Member(node.name, node.address, node.port, NodeState.SERVING) for node in staying}
    unready = {} if vanished else {ill.name: Member(ill.name, ill.address, ill.port, NodeState.UNREADY)}
    sidecar.board.publish(view | unready)
    await eventually_async(lambda: sidecar.changes[-1].kind in {Kind.RELEASE, Kind.REMOVE})
    await assert_has_moved(haproxy, browser, nodes, ill)


@pytest.mark.usefixtures("sidecar")
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_clients_of_a_node_that_is_killed_are_served_by_others(
    haproxy: HAProxyProcess, nodes: list[Node], method: str
) -> None:
    browsers = [await bound_to(haproxy, nodes[0]) for _ in range(4)]
    nodes[0].kill()
    await asyncio.sleep(
        0
    )  # its listener is closed in this turn; what it accepts until then is reset, and not retried
    for browser in browsers:
        first = await browser.visit(haproxy, method)
        assert first == Visit(200, first.node, (own(first.node),))
        assert await browser.visit(haproxy) == Visit(200, first.node, ())


@pytest.fixture
async def crowd(clients: Clients, sidecar: SidecarLoop) -> AsyncIterator[Clients]:
    """Clients that no cookie binds: by them it is known what is usual."""
    assert sidecar.loop.ready
    clients.pause_seconds = 0.02
    clients.start(6)
    await eventually_async(lambda: clients.sent > 200)
    yield clients
    await clients.stop()


def leaving(limit: float) -> Affinity:
    return Affinity(COOKIE, UID, leave_milliseconds=limit)


async def until_it_has_left(haproxy: HAProxyProcess, browser: Browser, node: Node) -> tuple[int, Visit]:
    """Return how often the client came to the node all the same, and its first visit elsewhere."""
    came = 0
    while (seen := await browser.visit(haproxy)).node == node.name:
        came += 1
        assert came < 500
    return came, seen


async def test_a_node_that_fails_is_left_at_once(
    haproxy: HAProxyProcess, nodes: list[Node], crowd: Clients
) -> None:
    bad = nodes[0]
    first, second = await bound_to(haproxy, bad), await bound_to(haproxy, bad)
    with weighing(haproxy, LIMITS, leaving(math.inf)) as standings:
        await eventually_async(lambda: len(standings) > 1 and len(standings[-1].recent) > 100)
        bad.status = 500
        failed, seen = await until_it_has_left(haproxy, first, bad)
        assert failed <= 100, (
            "all clients together need a few failures, and the weigher a turn of this process"
        )
        assert seen == Visit(200, seen.node, (own(seen.node),))
        await assert_has_moved(haproxy, second, nodes, bad)
        assert haproxy_left(haproxy) == [[BOUND.cookie(bad.name), bad.name]]
        bad.status = 200
        await eventually_async(lambda: standings[-1].marks[bad.name].phase is Phase.FULL)
        await eventually_async(lambda: haproxy_left(haproxy) == [])
        assert (await first.visit(haproxy)).node == seen.node, "it does not come back"
    assert crowd.sent


@pytest.mark.usefixtures("crowd")
async def test_a_slow_node_keeps_its_clients_below_the_limit_and_loses_them_beyond(
    haproxy: HAProxyProcess, nodes: list[Node]
) -> None:
    slow = nodes[0]
    browser = await bound_to(haproxy, slow)
    with weighing(haproxy, LIMITS, leaving(1500.0)) as standings:
        await eventually_async(lambda: len(standings) > 1 and len(standings[-1].recent) > 100)
        slow.delay_seconds = 0.6
        await eventually_async(lambda: standings[-1].marks[slow.name].phase is Phase.OUT)
        assert await visits(haproxy, browser, 5) == [Visit(200, slow.name, ())] * 5
        slow.delay_seconds = 2.5
        came, seen = await until_it_has_left(haproxy, browser, slow)
        assert 2 <= came <= 4, "its typical answer is told by three"
        assert seen == Visit(200, seen.node, (own(seen.node),))


@pytest.mark.usefixtures("crowd")
async def test_a_node_that_hangs_is_left_long_before_its_requests_end(
    haproxy: HAProxyProcess, nodes: list[Node]
) -> None:
    """It is suspected after three seconds, gets a trial after two and a half more, and has five for it."""
    hangs = nodes[0]
    held, other = [await bound_to(haproxy, hangs) for _ in range(5)], await bound_to(haproxy, hangs)
    with weighing(haproxy, LIMITS, leaving(1500.0)) as standings:
        await eventually_async(
            lambda: len(standings) > 60
        )  # what rests on a node is known after five seconds
        hangs.delay_seconds = 18.0
        asked = [asyncio.create_task(browser.visit(haproxy, "POST")) for browser in held]
        await eventually_async(lambda: haproxy_left(haproxy))
        assert not any(task.done() for task in asked)
        await assert_has_moved(haproxy, other, nodes, hangs)
        assert await asyncio.gather(*asked) == [Visit(200, hangs.name, ())] * 5, "what runs goes on"


@pytest.mark.usefixtures("crowd")
async def test_nobody_leaves_what_is_slow_everywhere(haproxy: HAProxyProcess, nodes: list[Node]) -> None:
    bound = {node.name: await bound_to(haproxy, node) for node in nodes}
    with weighing(haproxy, LIMITS, leaving(100.0)) as standings:
        await eventually_async(lambda: len(standings) > 1)
        for node in nodes:
            node.delay_seconds = 0.5
        for _ in range(4):
            for name, browser in bound.items():
                assert await browser.visit(haproxy) == Visit(200, name, ())


@pytest.mark.usefixtures("crowd")
async def test_an_haproxy_that_restarts_is_told_again_which_node_is_left(
    haproxy: HAProxyProcess, nodes: list[Node], sidecar: SidecarLoop
) -> None:
    bad = nodes[0]
    browser = await bound_to(haproxy, bad)
    with weighing(
        haproxy, Limits(gap_milliseconds=200.0, first_rest=60.0, longest_rest=60.0), BOUND
    ) as standings:
        await eventually_async(lambda: len(standings) > 1 and len(standings[-1].recent) > 100)
        bad.status = 500
        await eventually_async(lambda: haproxy_left(haproxy))
        haproxy.kill()
        haproxy.start()
        await eventually_async(lambda: len(sidecar.in_rotation()) == len(nodes) and haproxy_left(haproxy))
        await assert_has_moved(haproxy, browser, nodes, bad)


@pytest.mark.usefixtures("sidecar")
async def test_a_trial_takes_no_client_from_its_node_and_binds_a_new_one(
    haproxy: HAProxyProcess, nodes: list[Node]
) -> None:
    tried, home, _ = nodes
    bound = await bound_to(haproxy, home)
    haproxy.ask(commands.set_weight(tried.name, 0).text)
    haproxy.ask(commands.give_trial(tried.name).text)
    assert await visits(haproxy, bound, 3) == [Visit(200, home.name, ())] * 3
    new = Browser()
    assert await new.visit(haproxy) == Visit(200, tried.name, (own(tried.name),))
    assert await new.visit(haproxy) == Visit(200, tried.name, ())


@pytest.mark.usefixtures("sidecar")
async def test_a_trial_that_fails_binds_its_client_to_the_node_that_answers(
    haproxy: HAProxyProcess, nodes: list[Node]
) -> None:
    tried = nodes[0]
    tried.status = 503
    haproxy.ask(commands.set_weight(tried.name, 0).text)
    haproxy.ask(commands.give_trial(tried.name).text)
    new = Browser()
    first = await new.visit(haproxy)
    assert first == Visit(200, first.node, (own(first.node),))
    assert first.node in others(nodes, tried)
    assert sum(tried.executed.values()) == 1
