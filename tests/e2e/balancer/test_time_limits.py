"""The time limits and the checks of the spec, in the real HAProxy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import pytest
from pba_lab import HAProxyProcess, Node
from pba_lab.making import NewNodes, NewSidecar
from pba_lab.nodes import swallowing
from pba_lab.patience import eventually_async
from pba_lab.shop import check_of, shop
from pba_lab.wire_client import request, said, status

TICK_SECONDS: Final = 0.001
"""HAProxy's clock counts whole milliseconds: a limit may be over by a part of one before it is."""

CHECKS: Final = {"timeoutMilliseconds": 100, "fall": 3}


@pytest.fixture
def configuration(render: Callable[..., str]) -> str:
    return render(
        frontend={
            "timeouts": {"connectMilliseconds": 200, "clientSeconds": 2, "serverSeconds": 1},
            "checks": CHECKS,
        }
    )


async def test_who_says_nothing_is_let_go(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes
) -> None:
    """A node that does not answer costs its client a 504 in time; a client that asks nothing is let go."""
    (node,) = await new_nodes(1, delay_seconds=20.0)
    sidecar = new_sidecar()
    sidecar.tell([node])
    await eventually_async(lambda: sidecar.loop.ready)
    began = time.monotonic()
    assert status(await said(haproxy.port, request(method="POST"))) == 504
    assert 1.0 - TICK_SECONDS <= time.monotonic() - began < 10.0
    began = time.monotonic()
    assert status(await said(haproxy.port, b"")) == 408
    assert 2.0 - TICK_SECONDS <= time.monotonic() - began < 10.0


def _last_check(haproxy: HAProxyProcess, node: Node) -> str:
    """Return what came of a node's last check; HAProxy puts a star before it while the next one is under way."""
    return haproxy.counters(node.name)["check_status"].removeprefix("* ")


async def test_a_node_is_down_after_as_many_checks_as_the_spec_says(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes
) -> None:
    """One that accepts connections and answers checks too late is as dead as one that refuses them."""
    well, late = await new_nodes(2)
    sidecar = new_sidecar(check=check_of(shop("default", {"checks": CHECKS})))
    sidecar.tell([well, late])
    await eventually_async(lambda: sidecar.loop.ready)
    servers = sidecar.haproxy.servers
    await eventually_async(lambda: servers()[late.name].usable)
    await eventually_async(
        lambda: _last_check(haproxy, late) == "L7OK"
    )  # else one of the three had failed before
    failed = int(haproxy.counters(late.name)["chkfail"])
    late.health_delay_seconds = 5.0
    await eventually_async(lambda: not servers()[late.name].usable)
    counted = haproxy.counters(late.name)
    assert _last_check(haproxy, late) == "L7TOUT"
    assert int(counted["chkfail"]) - failed == 3, "checks while it was up"
    assert 99 <= int(counted["check_duration"]) < 2000, "its own limit, not the default of 2 s"
    late.health_delay_seconds = 0.0
    await eventually_async(lambda: servers()[late.name].usable)
    assert servers()[well.name].usable


async def test_a_machine_that_swallows_packets_costs_no_request(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes
) -> None:
    """Nobody accepts the connection, nobody refuses it: another node is asked after connectMilliseconds."""
    (well,) = await new_nodes(1)
    with swallowing("silent") as silent:
        sidecar = new_sidecar()
        sidecar.tell([well, silent])
        await eventually_async(lambda: len(sidecar.in_rotation()) == 2)
        answers = await asyncio.gather(*(said(haproxy.port, request(method="POST")) for _ in range(8)))
    assert [status(answer) for answer in answers] == [200] * 8
    assert int(haproxy.counters("silent")["wredis"]) > 0, "it was tried"
