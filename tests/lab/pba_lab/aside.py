"""Nodes and clients in a thread of their own, beside a test that waits for something else.

The nodes have this machine's own address: the API server takes none of loopback into an EndpointSlice, and the sidecar
believes none.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

from pba_lab.clients import Clients
from pba_lab.nodes import Node

_Answer = TypeVar("_Answer")
_SECONDS = 30.0


def own_address() -> str:
    """Return the address by which this machine would reach others; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("198.51.100.1", 9))
        return str(probe.getsockname()[0])


class Aside:
    """Nodes that serve, and clients that ask without end; both go on whatever the test waits for."""

    def __init__(self, port: int) -> None:
        """Have clients for 127.0.0.1:`port`; none asks yet."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="aside", daemon=True)
        self._thread.start()
        self.clients = Clients("127.0.0.1", port)
        self.nodes: dict[str, Node] = {}
        self._started = False

    def do(self, work: Coroutine[Any, Any, _Answer]) -> _Answer:
        """Return what `work` comes to, over there."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_SECONDS)

    def add(self, name: str) -> Node:
        """Return a node that serves from now on."""
        node = self.nodes[name] = Node(name)
        self.do(node.start(own_address()))
        return node

    def ask(self, count: int) -> None:
        """Have so many clients ask from now on."""
        self._started = True

        async def start() -> None:
            self.clients.start(count)

        self.do(start())

    def rest(self) -> None:
        """Have the clients end their last requests, and ask no more."""
        if self._started:
            self._started = False
            self.do(self.clients.stop())

    def end(self) -> None:
        """End all of it."""
        try:
            self.rest()
            self.do(self._end_nodes())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_SECONDS)
            self._loop.close()

    async def _end_nodes(self) -> None:
        """Kill the nodes, and end what their tasks still do: what the garbage collector finds open is a warning."""
        for node in self.nodes.values():
            node.kill()
        await asyncio.sleep(0.01)  # who was accepted just now is served
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for node in self.nodes.values():
            node.kill()
        await asyncio.sleep(0.01)


@contextlib.contextmanager
def aside(port: int) -> Iterator[Aside]:
    """Make one that ends with the block."""
    made = Aside(port)
    try:
        yield made
    finally:
        made.end()
