"""Half of a thousand nodes change at once, under traffic: they are out of rotation, or in; no request fails.

How long it takes is measured by the cases `burst-out` and `burst-in` of `hack/bench balancer`; the bound here is one
that a busy machine keeps. All that leave are one program, and all that stay another: HAProxy does not know.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial

from pba_lab import Clients, HAProxyProcess, Node
from pba_lab.making import NewNodes, NewSidecar
from pba_lab.patience import eventually_async
from pba_lab.sidecar_loop import SidecarLoop

from pba_sync.balancer.planner import Kind
from pba_sync.watching.membership import Node as Member
from pba_sync.watching.membership import NodeState

_LOG = logging.getLogger(__name__)
HALF = 500
SECONDS = 10.0


def members(prefix: str, node: Node, state: NodeState = NodeState.SERVING) -> dict[str, Member]:
    keeps = state is NodeState.DRAINING
    names = (f"{prefix}-{number}" for number in range(HALF))
    return {name: Member(name, node.address, node.port, state, keeps) for name in names}


def has_made(sidecar: SidecarLoop, kind: Kind, count: int) -> bool:
    """Tell whether so many changes were made; to ask HAProxy for all its servers would take time from them."""
    return sum(change.kind is kind for change in sidecar.changes) == count


async def seconds_until(holds: Callable[[], object]) -> float:
    began = time.monotonic()
    await eventually_async(holds)
    return time.monotonic() - began


async def test_half_of_a_thousand_nodes_go_and_come_at_once(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    sidecar = new_sidecar()
    stay, go = await new_nodes(2)
    staying, going = members("stay", stay), members("go", go)
    sidecar.board.publish(staying | going)
    await eventually_async(lambda: len(sidecar.in_rotation()) == 2 * HALF)
    clients.start(10)
    await eventually_async(lambda: go.executed and stay.executed)

    sidecar.board.publish(staying | members("go", go, NodeState.DRAINING))
    out = await seconds_until(partial(has_made, sidecar, Kind.DRAIN, HALF))
    at = time.monotonic()
    assert len(sidecar.in_rotation()) == HALF
    sidecar.board.publish(staying)
    await eventually_async(lambda: len(sidecar.haproxy.servers()) == HALF)
    assert [key for key in go.executed if key and clients.at.get(key, 0.0) > at] == []

    sidecar.board.publish(staying | going)
    into = await seconds_until(partial(has_made, sidecar, Kind.ADD, 3 * HALF))
    assert len(sidecar.in_rotation()) == 2 * HALF
    served = len(go.executed)
    await eventually_async(lambda: len(go.executed) > served)
    await clients.stop()
    assert haproxy.info()["Pid"] == str(haproxy.pid)
    assert sidecar.refused() == []
    haproxy.stop()
    await stay.rest()
    await go.rest()
    assert clients.failed == {}
    _LOG.info("out of rotation after %.2f s, in after %.2f s", out, into)
    assert max(out, into) <= SECONDS
