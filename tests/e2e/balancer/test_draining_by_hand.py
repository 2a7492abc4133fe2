"""A node that somebody drains by hand, with the real HAProxy: no new request, none lost, and never the last one."""

from __future__ import annotations

import time
from functools import partial

from pba_lab import Clients, HAProxyProcess, Node
from pba_lab.making import NewNodes, NewSidecar
from pba_lab.patience import eventually_async
from pba_lab.sidecar_loop import SidecarLoop

from pba_sync.balancer.planner import Kind
from pba_sync.haproxy.servers import Admin


def _is(sidecar: SidecarLoop, node: Node, admin: Admin) -> bool:
    return sidecar.haproxy.servers()[node.name].admin is admin


async def test_it_finishes_what_runs_gets_nothing_new_and_comes_back(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    sidecar = new_sidecar(drain_seconds=0.1)
    steady, drained = await new_nodes(2, delay_seconds=0.3)
    sidecar.tell_slices([steady, drained])
    await eventually_async(lambda: sidecar.loop.ready)
    clients.start(6)
    await eventually_async(lambda: drained.running)
    sidecar.tell_slices([steady, drained], drained=[drained])
    await eventually_async(lambda: _is(sidecar, drained, Admin.DRAIN))
    at = time.monotonic()
    await eventually_async(lambda: not drained.running)
    ran = len(drained.executed)
    await eventually_async(partial(lambda count: len(steady.executed) > count + 12, len(steady.executed)))
    assert time.monotonic() - at > 0.1, "the deadline of nodes that go is over"
    assert len(drained.executed) == ran
    assert _is(sidecar, drained, Admin.DRAIN)

    haproxy.kill()
    haproxy.start()
    await eventually_async(lambda: sidecar.restarts == 1 and sidecar.has(drained.name))
    await eventually_async(lambda: sidecar.loop.ready)
    assert _is(sidecar, drained, Admin.DRAIN), "an HAProxy that restarted has it drained from the beginning"
    lost = len(clients.failed)
    sidecar.tell_slices([steady, drained])
    await eventually_async(lambda: len(drained.executed) > ran)
    await clients.stop()
    assert len(clients.failed) == lost, "what was lost was lost with HAProxy"
    assert Kind.CUT_OFF not in {change.kind for change in sidecar.changes}


async def test_one_that_is_down_gets_nothing_when_the_other_fails_its_checks(
    new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    """It is drained because its machine is mended: that is no time to declare it healthy."""
    sidecar = new_sidecar()
    first, second = await new_nodes(2)
    sidecar.tell_slices([first, second], drained=[second])
    await eventually_async(lambda: sidecar.loop.ready and _is(sidecar, second, Admin.DRAIN))
    second.kill()
    await eventually_async(lambda: not sidecar.haproxy.servers()[second.name].up)
    clients.start(4)
    await eventually_async(lambda: first.executed)
    first.health = 500
    await eventually_async(lambda: _is(sidecar, second, Admin.READY))
    assert not sidecar.haproxy.servers()[second.name].up
    await eventually_async(partial(lambda count: len(first.executed) > count + 100, len(first.executed)))
    assert not sidecar.haproxy.servers()[second.name].up
    first.health = 200
    await eventually_async(lambda: _is(sidecar, second, Admin.DRAIN))
    await clients.stop()
    assert clients.failed == {}


async def test_the_last_node_that_can_serve_serves_on(
    new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    sidecar = new_sidecar()
    first, second = await new_nodes(2)
    sidecar.tell_slices([first, second], drained=[first, second])
    await eventually_async(lambda: sidecar.loop.ready)
    clients.start(4)
    await eventually_async(lambda: first.executed and second.executed)
    sidecar.tell_slices([first, second], drained=[first])
    await eventually_async(lambda: _is(sidecar, first, Admin.DRAIN))
    second.health = 500
    await eventually_async(lambda: _is(sidecar, first, Admin.READY))
    second.health = 200
    await eventually_async(lambda: _is(sidecar, first, Admin.DRAIN))
    await clients.stop()
    assert set(clients.failed.values()) <= {"_RequestLostError: status 503"}, "while HAProxy had found nobody"
