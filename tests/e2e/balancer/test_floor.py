"""No node passes its checks: requests are sent all the same, for one that may answer is better than none."""

from __future__ import annotations

from pba_lab import Clients, Node
from pba_lab.making import NewNodes, NewSidecar
from pba_lab.patience import eventually_async


async def test_where_no_node_passes_its_checks_all_serve_until_one_does(
    new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    sidecar = new_sidecar()
    nodes = await new_nodes(3)
    sidecar.tell(nodes)
    await eventually_async(lambda: len(sidecar.in_rotation()) == 3)
    clients.start(6)
    for node in nodes:
        node.health = 500
    await eventually_async(lambda: not sidecar.in_rotation())
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
    for node in nodes:
        node.health = 500
    await eventually_async(lambda: not sidecar.in_rotation())
    for count in (1, 2, 3):
        sidecar.tell(nodes[count:], unready=nodes[:count])
        await _all_are_asked(nodes)
    nodes[0].health = 200
    sidecar.tell(nodes[:1], unready=nodes[1:])
    await eventually_async(lambda: sidecar.in_rotation() == {nodes[0].name})
    await clients.stop()
    assert clients.failed == {}


async def _all_are_asked(nodes: list[Node]) -> None:
    before = {node.name: node.executed.total() for node in nodes}
    await eventually_async(lambda: all(node.executed.total() > before[node.name] + 20 for node in nodes))


async def test_a_node_that_has_gone_is_not_asked_even_then(
    new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    sidecar = new_sidecar()
    nodes = await new_nodes(4)
    sidecar.tell(nodes)
    await eventually_async(lambda: len(sidecar.in_rotation()) == 4)
    for node in nodes:
        node.health = 500
    await eventually_async(lambda: not sidecar.in_rotation())
    sidecar.tell(nodes[2:])
    await eventually_async(lambda: set(sidecar.haproxy.servers()) == {"node-2", "node-3"})
    clients.start(4)
    await eventually_async(lambda: all(node.executed.total() > 20 for node in nodes[2:]))
    await clients.stop()
    assert clients.failed == {}
    assert not nodes[0].executed
    assert not nodes[1].executed
