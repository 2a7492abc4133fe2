"""Which requests a node has not begun to answer: HAProxy tells of all that run, and of those that are answered."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from pba_lab import HAProxyProcess
from pba_lab.making import NewNodes, NewSidecar
from pba_lab.patience import eventually_async
from pba_lab.sidecar_loop import SidecarLoop
from pba_lab.websocket import EchoNode, opening
from pba_lab.wire_client import asked, connected, request

from pba_sync.haproxy import commands
from pba_sync.haproxy.servers import count_connections


async def _all_run(sidecar: SidecarLoop, name: str, count: int) -> None:
    """Wait until HAProxy has so many requests at a node, however far they are."""

    def running() -> int:
        connections = sidecar.haproxy.ask(commands.SHOW_CONNECTIONS)
        return count_connections(sidecar.haproxy.uncounted_servers(), connections)[name].in_use

    await eventually_async(lambda: running() == count)


async def test_what_is_not_answered_yet_is_counted_and_what_streams_is_not(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes, echo: EchoNode
) -> None:
    sidecar = new_sidecar()
    (slow,) = await new_nodes(1, delay_seconds=5.0)
    sidecar.tell([echo])
    await eventually_async(lambda: sidecar.loop.ready)
    async with AsyncExitStack() as stack:
        for say in (opening(), request("/events")) * 3:
            reader, writer = await stack.enter_async_context(connected(haproxy.port))
            writer.write(say)
            await reader.readuntil(b"\r\n\r\n")
        await _all_run(sidecar, echo.name, 6)
        assert sidecar.haproxy.unanswered() == {echo.name: 0}
        sidecar.tell([slow])
        await eventually_async(lambda: sidecar.in_rotation() == {slow.name})
        for method in ("GET", "POST"):
            _, writer = await stack.enter_async_context(connected(haproxy.port))
            writer.write(request(method=method))
        await eventually_async(lambda: slow.running == 2)
        assert sidecar.haproxy.unanswered() == {echo.name: 0, slow.name: 2}
    echo.end.set()
    echo.say.set()
    slow.delay_seconds = 0.0
    await asyncio.gather(*(asked(haproxy.port, request()) for _ in range(20)))
    await eventually_async(lambda: _answering(haproxy) == {0})


async def test_what_was_tried_at_two_nodes_counts_at_none_once_it_is_over(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes
) -> None:
    sidecar = new_sidecar()
    nodes = await new_nodes(2)
    nodes[0].status = 503
    sidecar.tell(nodes)
    await eventually_async(lambda: len(sidecar.in_rotation()) == 2)
    answers = await asyncio.gather(*(asked(haproxy.port, request()) for _ in range(20)))
    assert {answer.status for answer in answers} == {200}
    assert nodes[0].executed
    assert sidecar.haproxy.unanswered() == {"node-0": 0, "node-1": 0}
    assert _answering(haproxy) == {0}


def _answering(haproxy: HAProxyProcess) -> set[int]:
    """Return how many requests are said to have begun to be answered, of any server."""
    rows = haproxy.ask("show table answering").strip().splitlines()[1:]
    assert rows
    return {int(row.rpartition("conn_cur=")[2]) for row in rows}
