"""Where requests go when too few nodes may have them: one that may answer is better than none.

No node passes its checks; Kubernetes calls none ready any more; nearly all fail, and the rest has more than it can do.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pba_lab import Clients, Node
from pba_lab.haproxy import OVERSHOOT
from pba_lab.making import NewNodes, NewSidecar
from pba_lab.patience import eventually_async
from pba_lab.sidecar_loop import SidecarLoop


@pytest.fixture
def configuration(render: Callable[..., str], request: pytest.FixtureRequest) -> str:
    return render(frontend={"limits": getattr(request, "param", {})})


async def _fail_their_checks(sidecar: SidecarLoop, nodes: list[Node]) -> None:
    for node in nodes:
        node.health = 500
    await eventually_async(lambda: not sidecar.in_rotation())


async def _all_are_asked(nodes: list[Node]) -> None:
    before = {node.name: node.executed.total() for node in nodes}
    await eventually_async(lambda: all(node.executed.total() > before[node.name] + 20 for node in nodes))


async def test_where_no_node_passes_its_checks_all_serve_until_one_does(
    new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    sidecar = new_sidecar()
    nodes = await new_nodes(3)
    sidecar.tell(nodes)
    await eventually_async(lambda: len(sidecar.in_rotation()) == 3)
    clients.start(6)
    await _fail_their_checks(sidecar, nodes)
    await _all_are_asked(nodes)
    assert not sidecar.in_rotation()

    nodes[1].health = 200
    await eventually_async(lambda: sidecar.in_rotation() == {nodes[1].name})
    at_rest = [node.executed.total() for node in nodes]
    await eventually_async(lambda: nodes[1].executed.total() > at_rest[1] + 50)
    assert sum(node.executed.total() for node in (nodes[0], nodes[2])) - at_rest[0] - at_rest[2] <= 6
    await clients.stop()
    assert clients.failed == {}


async def test_where_kubernetes_calls_none_ready_any_more_all_serve_until_one_is(
    new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    """First HAProxy's checks fail, then the kubelets' probes, one after another: they ask the same path."""
    sidecar = new_sidecar()
    nodes = await new_nodes(3)
    sidecar.tell(nodes)
    await eventually_async(lambda: len(sidecar.in_rotation()) == 3)
    clients.start(6)
    await _fail_their_checks(sidecar, nodes)
    for count in (1, 2, 3):
        sidecar.tell(nodes[count:], unready=nodes[:count])
        await _all_are_asked(nodes)
    nodes[0].health = 200
    sidecar.tell(nodes[:1], unready=nodes[1:])
    await eventually_async(lambda: sidecar.in_rotation() == {nodes[0].name})
    await clients.stop()
    assert clients.failed == {}


async def test_a_node_that_has_gone_is_not_asked_even_then(
    new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    sidecar = new_sidecar()
    nodes = await new_nodes(4)
    sidecar.tell(nodes)
    await eventually_async(lambda: len(sidecar.in_rotation()) == 4)
    await _fail_their_checks(sidecar, nodes)
    sidecar.tell(nodes[2:])
    await eventually_async(lambda: set(sidecar.haproxy.servers()) == {"node-2", "node-3"})
    clients.start(4)
    await eventually_async(lambda: all(node.executed.total() > 20 for node in nodes[2:]))
    await clients.stop()
    assert clients.failed == {}
    assert not nodes[0].executed
    assert not nodes[1].executed


AT_A_TIME = 2
"""So many requests each node takes."""


@pytest.mark.parametrize("configuration", [{"requestsPerNode": AT_A_TIME}], indirect=True)
@pytest.mark.parametrize(("passing", "count", "spills"), [(1, 30, True), (1, 2, False), (2, 30, False)])
async def test_where_nearly_all_fail_their_checks_the_others_share_what_is_too_much_for_the_rest(
    new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients, passing: int, count: int, *, spills: bool
) -> None:
    sidecar = new_sidecar(requests=AT_A_TIME)
    nodes = await new_nodes(6, delay_seconds=0.2)
    sidecar.tell(nodes)
    await eventually_async(lambda: len(sidecar.in_rotation()) == 6)
    well, bad = nodes[:passing], nodes[passing:]
    for node in bad:
        node.health = 500
    await eventually_async(lambda: sidecar.in_rotation() == {node.name for node in well})
    at_rest = sum(node.executed.total() for node in bad)
    clients.start(count)
    await eventually_async(lambda: nodes[0].executed.total() >= 20)
    await clients.stop()
    assert clients.failed == {}
    spilt = sum(node.executed.total() for node in bad) - at_rest
    assert spilt >= 20 if spills else spilt == 0
    assert all(node.most <= AT_A_TIME + OVERSHOOT for node in nodes)


async def test_who_takes_no_connection_is_not_asked_where_others_only_fail_their_checks(
    new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    sidecar = new_sidecar()
    late, dead = await new_nodes(2)
    sidecar.tell([late, dead])
    await eventually_async(lambda: len(sidecar.in_rotation()) == 2)
    late.health = 500
    dead.kill()
    await eventually_async(lambda: not sidecar.in_rotation())
    await eventually_async(lambda: set(sidecar.haproxy.floor().places.values()) == {late.name})
    clients.start(4)
    await eventually_async(lambda: late.executed.total() > 40)
    await clients.stop()
    assert clients.failed == {}
