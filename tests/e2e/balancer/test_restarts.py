"""HAProxy or the sidecar dies: what is left is made whole again, from HAProxy's own state."""

from __future__ import annotations

import asyncio
import http.client

from pba_lab import Clients, HAProxyProcess
from pba_lab.making import NewNodes, NewSidecar
from pba_lab.patience import eventually_async
from pba_lab.wire_client import connected


def ready(haproxy: HAProxyProcess) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", haproxy.health_port, timeout=5)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status
    finally:
        connection.close()


async def test_haproxy_is_ready_only_when_a_node_can_serve(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes
) -> None:
    sidecar = new_sidecar()
    sidecar.tell([])
    await eventually_async(lambda: sidecar.commands["show servers state", True] > 2)
    assert ready(haproxy) == 503
    nodes = await new_nodes(1)
    sidecar.tell(nodes)
    await eventually_async(lambda: ready(haproxy) == 200)
    nodes[0].kill()
    sidecar.tell([])
    await eventually_async(lambda: not sidecar.haproxy.servers())
    assert ready(haproxy) == 200, "an empty set must not take all frontends out at once"


async def test_a_killed_haproxy_comes_back_with_the_full_set_before_it_is_ready(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    sidecar = new_sidecar()
    nodes = await new_nodes(3)
    sidecar.tell(nodes)
    await eventually_async(lambda: sidecar.loop.ready)
    haproxy.kill()
    await eventually_async(lambda: not sidecar.loop.ready)
    haproxy.start()
    await eventually_async(lambda: ready(haproxy) == 200)
    assert set(sidecar.haproxy.servers()) == {node.name for node in nodes}
    assert sidecar.restarts == 1
    clients.start(6)
    await eventually_async(lambda: all(node.executed for node in nodes))
    await clients.stop()
    assert clients.failed == {}


async def test_a_new_sidecar_takes_over_what_the_old_one_left(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    sidecar = new_sidecar()
    staying, leaving, half = await new_nodes(3, delay_seconds=0.01)
    sidecar.tell([staying, leaving])
    await eventually_async(lambda: sidecar.loop.ready)
    clients.start(6)
    await eventually_async(lambda: leaving.executed)
    sidecar.kill()
    haproxy.ask(f"add server nodes/{half.name} ipv4@127.0.0.1:{half.port} check inter 1s")
    answered = len(clients.answered)
    await eventually_async(lambda: len(clients.answered) > answered + 50)
    assert ready(haproxy) == 200, "HAProxy serves on without its sidecar"

    second = new_sidecar()
    second.tell([staying, half])
    await eventually_async(lambda: half.executed)
    await eventually_async(lambda: not second.has(leaving.name))
    await clients.stop()
    assert clients.failed == {}
    assert second.restarts == 0
    assert second.loop.ready


async def test_who_is_connected_is_counted_whether_he_asks_or_not(
    new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    sidecar = new_sidecar()
    (node,) = await new_nodes(1, delay_seconds=0.3)
    sidecar.tell([node])
    await eventually_async(lambda: sidecar.loop.ready)
    counts = sidecar.haproxy
    clients.pause_seconds = 0.3
    clients.start(1)
    await eventually_async(lambda: (counts.client_connections(), node.running) == (1, 1))
    await eventually_async(lambda: (counts.client_connections(), node.running) == (1, 0))
    await clients.stop()
    await eventually_async(lambda: counts.client_connections() == 0)


async def test_the_end_of_the_pod_loses_no_request(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    """As the preStop hook does it: clients are sent away one by one, late ones are still served."""
    sidecar = new_sidecar()
    nodes = await new_nodes(2, delay_seconds=0.02)
    sidecar.tell(nodes)
    await eventually_async(lambda: sidecar.loop.ready)
    clients.start(10)
    await eventually_async(lambda: clients.sent > 100)
    (haproxy.folder / "stopping").touch()
    await eventually_async(lambda: "stopping" in sidecar.haproxy.flags())
    answered = len(clients.answered)
    await eventually_async(lambda: len(clients.answered) > answered + 100)
    assert not (haproxy.folder / "drained").exists(), "clients still come"
    await clients.stop()
    await eventually_async((haproxy.folder / "drained").exists)
    assert clients.failed == {}
    haproxy.stop()
    haproxy.start()
    await eventually_async(lambda: not (haproxy.folder / "stopping").exists())
    await eventually_async(lambda: sidecar.haproxy.flags() == {"ready"})


async def test_a_client_that_kept_its_connection_is_answered_however_late_it_asks_again(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes
) -> None:
    """A browser, or a proxy in front: it has heard of nothing, because it has asked for nothing since."""
    sidecar = new_sidecar()
    sidecar.tell(await new_nodes(1))
    await eventually_async(lambda: sidecar.loop.ready)
    request = b"POST / HTTP/1.1\r\nHost: lab\r\nContent-Length: 0\r\n\r\n"
    async with asyncio.timeout(30), connected(haproxy.port) as (reader, writer):
        writer.write(request)
        assert (await reader.readuntil(b"node-0")).startswith(b"HTTP/1.1 200 ")
        (haproxy.folder / "stopping").touch()
        await eventually_async(lambda: "stopping" in sidecar.haproxy.flags())
        sidecar.ahead_seconds = 59.0
        looked = sidecar.commands["show stat", True]
        await eventually_async(lambda: sidecar.commands["show stat", True] > looked + 3)
        assert not (haproxy.folder / "drained").exists(), "what it asks next would be cut off"
        writer.write(request)
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nconnection: close\r\n" in answer.lower()
        await eventually_async((haproxy.folder / "drained").exists)


async def test_where_both_die_and_nobody_tells_of_nodes_those_known_last_serve(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    """The API server is away, so the new sidecar has no view."""
    sidecar = new_sidecar()
    nodes = await new_nodes(3)
    sidecar.tell(nodes)
    await eventually_async(lambda: sidecar.loop.ready)
    await eventually_async(lambda: len(sidecar.in_rotation()) == 3)
    sidecar.kill()
    haproxy.kill()
    haproxy.start()
    new = new_sidecar()
    await eventually_async(lambda: ready(haproxy) == 200)
    assert new.in_rotation() == {node.name for node in nodes}
    assert new.board.view is None
    clients.start(3)
    await eventually_async(lambda: all(node.executed for node in nodes))
    await clients.stop()
    assert clients.failed == {}
