"""The nodes of the balancer's laboratory end as processes do."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from pba_lab.nodes import Node
from pba_lab.wire_client import request, said


@pytest.mark.parametrize("way", ["finish", "kill"])
async def test_nobody_is_left_waiting_by_a_node_that_ends_while_clients_come(way: str) -> None:
    """With `Server.close` alone one in nine was, until the garbage collector came (CPython 3.11.7)."""
    for turns in range(50):
        node = Node("ends")
        await node.start()
        clients = [asyncio.create_task(_answer(node)) for _ in range(30)]
        for _ in range(turns % 10):
            await asyncio.sleep(0)
        if way == "finish":
            await node.finish()
        else:
            node.kill()
        async with asyncio.timeout(20):
            await asyncio.gather(*clients)


async def _answer(node: Node) -> None:
    with contextlib.suppress(OSError):
        await said(node.port, request())


async def test_one_that_was_killed_may_begin_again_at_once_at_its_port() -> None:
    node = Node("again")
    await node.start()
    for _ in range(5):
        node.kill()
        assert not node.is_serving
        await node.start(port=node.port)
        assert (await said(node.port, request())).startswith(b"HTTP/1.1 200 ")
    node.kill()
