"""Clients that are bound to nodes by their addresses: alike through every frontend, and as cookies bind them else."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest
from pba_lab import HAProxyProcess, Node
from pba_lab.bound import another_frontend, others, serve
from pba_lab.browser import Browser
from pba_lab.making import NewNodes, NewSidecar
from pba_lab.patience import eventually_async
from pba_lab.shop import shop
from pba_lab.sidecar_loop import SidecarLoop
from pba_lab.weighing import weighing

from pba_api.sidecar import CLIENT_IP
from pba_operator.domain.frontend import haproxy_cfg
from pba_sync.balancer.planner import Kind
from pba_sync.haproxy import commands
from pba_sync.haproxy.affinity import Affinity
from pba_sync.haproxy.commands import RING_WEIGHT
from pba_sync.judging.limits import Limits
from pba_sync.judging.phases import Phase

BOUND = Affinity(CLIENT_IP, keep_seconds=2.0)
LIMITS = Limits(gap_milliseconds=200.0)
ADDRESSES = [f"127.0.{number // 200 + 1}.{number % 200 + 1}" for number in range(60)]
Homes = dict[str, str]


def configured() -> str:
    return haproxy_cfg.render(shop("default", affinity={"type": "ClientIP"}))


@pytest.fixture
def configuration() -> str:
    return configured()


@pytest.fixture
async def nodes(new_nodes: NewNodes) -> list[Node]:
    return await new_nodes(4)


@pytest.fixture
async def sidecar(new_sidecar: NewSidecar, nodes: list[Node]) -> SidecarLoop:
    return await serve(new_sidecar(drain_seconds=20.0, affinity=BOUND), nodes)


async def homes(haproxy: HAProxyProcess, addresses: Sequence[str] = ADDRESSES) -> Homes:
    """Return which node each address comes to; none of the requests fails."""
    found = {}
    for address in addresses:
        visit = await Browser(address=address).visit(haproxy)
        assert visit.status == 200
        assert visit.set_cookies == ()
        found[address] = visit.node
    return found


def of(node: Node, at: Mapping[str, str]) -> list[str]:
    return [address for address, name in at.items() if name == node.name]


async def test_an_address_comes_to_one_node_through_every_frontend_and_after_restarts(
    haproxy: HAProxyProcess, nodes: list[Node], sidecar: SidecarLoop
) -> None:
    first = await homes(haproxy)
    assert set(first.values()) == {node.name for node in nodes}
    assert await homes(haproxy) == first
    with another_frontend(configured(), BOUND, nodes) as second:
        assert await homes(second) == first
    haproxy.kill()
    haproxy.start()
    await eventually_async(lambda: len(sidecar.in_rotation()) == len(nodes))
    assert await homes(haproxy) == first


async def test_a_node_that_joins_takes_clients_for_itself_alone(
    haproxy: HAProxyProcess, nodes: list[Node], sidecar: SidecarLoop, new_nodes: NewNodes
) -> None:
    first = await homes(haproxy)
    (joining,) = await new_nodes(1)
    await serve(sidecar, [*nodes, joining])
    after = await homes(haproxy)
    moved = {address for address in ADDRESSES if after[address] != first[address]}
    assert {after[address] for address in moved} == {joining.name}
    assert 1 <= len(moved) <= len(ADDRESSES) // 2


async def test_a_node_that_goes_keeps_its_clients_until_the_deadline_and_others_keep_theirs(
    haproxy: HAProxyProcess, nodes: list[Node], sidecar: SidecarLoop
) -> None:
    first = await homes(haproxy)
    going, *staying = nodes
    address = of(going, first)[0]
    told = time.monotonic()
    sidecar.tell(staying, draining=[going])
    while (await Browser(address=address).visit(haproxy)).node == going.name:
        pass
    assert time.monotonic() - told >= BOUND.keep_seconds
    await eventually_async(lambda: sidecar.changes[-1].kind in {Kind.DRAIN, Kind.REMOVE})
    after = await homes(haproxy)
    assert {name for address, name in after.items() if first[address] == going.name} <= others(nodes, going)
    assert all(after[address] == name for address, name in first.items() if name != going.name)
    await eventually_async(lambda: not sidecar.has(going.name))


@pytest.mark.usefixtures("sidecar")
async def test_clients_of_a_node_that_is_killed_are_served_by_others(
    haproxy: HAProxyProcess, nodes: list[Node]
) -> None:
    first = await homes(haproxy)
    nodes[0].kill()
    after = await homes(haproxy)
    assert all(after[address] == name for address, name in first.items() if name != nodes[0].name)
    assert nodes[0].name not in after.values()


@pytest.fixture
async def crowd(haproxy: HAProxyProcess, sidecar: SidecarLoop) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Clients of many addresses, several for each node: by them it is known what is usual."""
    assert sidecar.loop.ready
    ended = asyncio.Event()

    async def come(address: str) -> None:
        while not ended.is_set():
            await Browser(address=address).visit(haproxy)
            await asyncio.sleep(0.05)

    tasks = [asyncio.create_task(come(address)) for address in ADDRESSES[:32]]
    yield tasks
    ended.set()
    await asyncio.gather(*tasks)


def weight(haproxy: HAProxyProcess, node: Node) -> int:
    return int(haproxy.ask(f"get weight nodes/{node.name}").split(" ")[0])


@pytest.mark.usefixtures("crowd")
async def test_a_node_that_fails_is_left_and_gets_its_clients_back(
    haproxy: HAProxyProcess, nodes: list[Node]
) -> None:
    first = await homes(haproxy)
    bad = nodes[0]
    address = of(bad, first)[-1]
    affinity = Affinity(CLIENT_IP, leave_milliseconds=math.inf)
    with weighing(haproxy, LIMITS, affinity) as standings:
        await eventually_async(lambda: len(standings) > 1 and len(standings[-1].recent) > 100)
        bad.status = 500
        await eventually_async(lambda: weight(haproxy, bad) == 0)
        seen = await Browser(address=address).visit(haproxy)
        assert seen.status == 200
        assert seen.node in others(nodes, bad)
        bad.status = 200
        await eventually_async(lambda: weight(haproxy, bad) == RING_WEIGHT)
        assert await homes(haproxy) == first


@pytest.mark.usefixtures("crowd")
async def test_a_slow_node_keeps_its_clients_below_the_limit_and_loses_them_beyond(
    haproxy: HAProxyProcess, nodes: list[Node]
) -> None:
    slow = nodes[0]
    address = of(slow, await homes(haproxy))[0]
    with weighing(haproxy, LIMITS, Affinity(CLIENT_IP, leave_milliseconds=4000.0)) as standings:
        await eventually_async(lambda: len(standings) > 1 and len(standings[-1].recent) > 100)
        slow.delay_seconds = 0.6
        for _ in range(4):
            await eventually_async(lambda: standings[-1].marks[slow.name].phase is Phase.OUT)
            assert weight(haproxy, slow) == RING_WEIGHT
            assert (await Browser(address=address).visit(haproxy)).node == slow.name
        slow.delay_seconds = 6.0
        await eventually_async(lambda: weight(haproxy, slow) == 0)
        assert (await Browser(address=address).visit(haproxy)).node in others(nodes, slow)


@pytest.mark.usefixtures("sidecar")
async def test_a_trial_takes_no_client_that_has_a_cookie(haproxy: HAProxyProcess, nodes: list[Node]) -> None:
    first = await homes(haproxy)
    address, home = next((a, name) for a, name in first.items() if name != nodes[0].name)
    haproxy.ask(commands.give_trial(nodes[0].name).text)
    with_session = Browser({"session": "7"}, address=address)
    assert [(await with_session.visit(haproxy)).node for _ in range(3)] == [home] * 3
    assert (await Browser(address=address).visit(haproxy)).node == nodes[0].name
    assert (await Browser(address=address).visit(haproxy)).node == home
