"""Nodes come and go under load: no request fails, none is executed twice, HAProxy is never reloaded.

The clients keep their connections, send GETs and POSTs in turn, and never retry.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from functools import partial

from pba_lab import Clients, HAProxyProcess, Node
from pba_lab.making import NewNodes, NewSidecar
from pba_lab.patience import eventually_async
from pba_lab.sidecar_loop import SidecarLoop

from pba_sync.balancer.planner import Kind


def _have_executed(nodes: list[Node]) -> bool:
    return all(node.executed for node in nodes)


def _is_gone(sidecar: SidecarLoop, node: Node) -> bool:
    return not sidecar.has(node.name)


async def test_scaling_down_and_up_again_twenty_times_fails_no_request(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    sidecar = new_sidecar()
    before = haproxy.info()
    nodes = await new_nodes(2, delay_seconds=0.01)
    everything = list(nodes)
    sidecar.tell(nodes)
    await eventually_async(lambda: sidecar.loop.ready)
    clients.start(20)
    for _ in range(20):
        more = await new_nodes(3, delay_seconds=0.01)
        everything += more
        sidecar.tell(nodes + more)
        await eventually_async(partial(_have_executed, more))
        sidecar.tell(nodes, draining=more)
        await eventually_async(lambda: len(sidecar.haproxy.servers()) == len(nodes))
        await asyncio.gather(*(node.finish() for node in more))
        sidecar.tell(nodes)
    await clients.stop()
    clients.assert_each_was_executed_once(everything)
    assert clients.sent > 1000
    after = haproxy.info()
    assert (after["Pid"], after["Start_time_sec"]) == (before["Pid"], before["Start_time_sec"])
    assert sidecar.refused() == []
    kinds = Counter(change.kind for change in sidecar.changes)
    assert kinds == {Kind.ADD: 62, Kind.DRAIN: 60, Kind.REMOVE: 60}


async def test_replacing_every_node_one_by_one_fails_no_request(
    new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    sidecar = new_sidecar()
    old = await new_nodes(4, delay_seconds=0.02)
    everything = list(old)
    sidecar.tell(old)
    await eventually_async(lambda: sidecar.loop.ready)
    clients.start(20)
    current = list(old)
    for leaving in old:
        (fresh,) = await new_nodes(1, delay_seconds=0.02)
        everything.append(fresh)
        current = [*current, fresh]
        sidecar.tell(current)
        await eventually_async(partial(_have_executed, [fresh]))
        current = [node for node in current if node is not leaving]
        sidecar.tell(current, draining=[leaving])
        await eventually_async(partial(_is_gone, sidecar, leaving))
        await leaving.finish()
    await clients.stop()
    clients.assert_each_was_executed_once(everything)
    assert sidecar.refused() == []


async def test_a_new_node_gets_requests_and_one_that_is_drained_gets_no_more(
    new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    sidecar = new_sidecar()
    first, *others = await new_nodes(8)
    sidecar.tell([first])
    await eventually_async(lambda: sidecar.loop.ready)
    clients.start(10)
    for node in others:
        sidecar.tell([first, node])
        await eventually_async(partial(_have_executed, [node]))
        sidecar.tell([first], draining=[node])
        await eventually_async(lambda: sidecar.changes[-1].kind is not Kind.ADD)
        drained = time.monotonic()
        await eventually_async(partial(_is_gone, sidecar, node))
        assert [key for key in node.executed if key and clients.at.get(key, 0.0) > drained] == []
    await clients.stop()
    assert clients.failed == {}


async def test_a_running_request_is_waited_for_until_the_deadline_and_no_longer(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes
) -> None:
    sidecar = new_sidecar(drain_seconds=1.0)
    quick, slow = await new_nodes(1, delay_seconds=0.5), await new_nodes(1, delay_seconds=600)
    sidecar.tell(quick)
    await eventually_async(lambda: sidecar.loop.ready)
    in_time, too_late = (Clients("127.0.0.1", haproxy.port) for _ in range(2))
    in_time.start(1)
    await eventually_async(lambda: quick[0].running)
    sidecar.tell(slow, draining=quick)
    stopping = asyncio.create_task(in_time.stop())
    await eventually_async(lambda: not sidecar.has(quick[0].name))
    await stopping
    assert (list(in_time.answered.values()), in_time.failed) == ([quick[0].name], {})

    too_late.start(1)
    await eventually_async(lambda: slow[0].running)
    told = time.monotonic()
    sidecar.tell([], draining=slow)
    stopping = asyncio.create_task(too_late.stop())
    await eventually_async(lambda: not sidecar.has(slow[0].name))
    await stopping
    assert time.monotonic() - told >= 1.0
    assert len(too_late.failed) == 1
    await eventually_async(lambda: sidecar.changes[-1].kind is Kind.CUT_OFF)


async def test_a_pod_that_vanished_is_drained_and_removed(
    new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    sidecar = new_sidecar()
    staying, vanishing = await new_nodes(2, delay_seconds=0.05)
    sidecar.tell([staying, vanishing])
    await eventually_async(lambda: sidecar.loop.ready)
    clients.start(10)
    await eventually_async(lambda: vanishing.executed)
    sidecar.tell([staying])
    await eventually_async(lambda: not sidecar.has(vanishing.name))
    await clients.stop()
    clients.assert_each_was_executed_once([staying, vanishing])


async def test_a_node_that_returns_while_it_drains_serves_again(
    new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    sidecar = new_sidecar()
    steady, wavering = await new_nodes(2, delay_seconds=0.3)
    sidecar.tell([steady, wavering])
    await eventually_async(lambda: sidecar.loop.ready)
    clients.start(6)
    await eventually_async(lambda: wavering.running)
    sidecar.tell([steady], draining=[wavering])
    await eventually_async(lambda: sidecar.changes[-1].kind is Kind.DRAIN)
    sidecar.tell([steady, wavering])
    await eventually_async(lambda: sidecar.changes[-1].kind is Kind.RETURN)
    served = len(wavering.executed)
    await eventually_async(lambda: len(wavering.executed) > served + 3)
    await clients.stop()
    clients.assert_each_was_executed_once([steady, wavering])


async def test_a_pod_under_a_new_address_is_followed(
    new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    sidecar = new_sidecar()
    steady, moving = await new_nodes(2)
    sidecar.tell([steady, moving])
    await eventually_async(lambda: sidecar.loop.ready)
    moving.kill()
    await moving.start("127.0.0.2")
    clients.start(4)
    sidecar.tell([steady, moving])
    await eventually_async(lambda: moving.executed)
    await clients.stop()
    assert sidecar.haproxy.servers()[moving.name].address == "127.0.0.2"


async def test_a_node_that_joins_busy_ones_is_not_flooded(
    new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    """Nobody weighs here: the first step of its weight is what it stays at. Its whole share would be 13 at a time."""
    sidecar = new_sidecar()
    nodes = await new_nodes(3, delay_seconds=0.4)
    sidecar.tell(nodes[:2])
    await eventually_async(lambda: sidecar.loop.ready)
    clients.start(40)
    await eventually_async(lambda: min(node.running for node in nodes[:2]) >= 15)
    sidecar.tell(nodes)
    await eventually_async(lambda: nodes[2].executed.total() >= 8)
    await clients.stop()
    assert clients.failed == {}
    assert 1 <= nodes[2].most <= 5
