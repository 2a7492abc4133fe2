"""Clients with kept connections that send every request exactly once.

A client that loses its connection counts the request as failed and goes on with the next one on a new connection.
It opens a new connection only where HTTP says so: after a response with `Connection: close`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import ssl
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pba_lab.nodes import Node
from pba_lab.wire_client import response


class _RequestLostError(Exception):
    """A request was sent, and no whole response came back."""


@dataclass
class Clients:
    """Some clients of one address, each with a kept connection of its own.

    Attributes:
        answered: by request identifier, the name of the node that answered.
        failed: by request identifier, why it failed.
        at: by request identifier, when it was sent, in monotonic seconds.
        pause_seconds: between an answer and the client's next request.
        path: what is asked for.
        methods: of the requests, in turn.
        tls: with it, the connections are over TLS, and ask for the host `server_name`.
        keeps_connections: without it, each request has a connection of its own.
        connections: how many there were.
        slowest: seconds of the slowest answer.
    """

    host: str
    port: int
    pause_seconds: float = 0.01
    path: str = "/"
    methods: tuple[str, ...] = ("GET", "POST")
    tls: ssl.SSLContext | None = None
    server_name: str | None = None
    keeps_connections: bool = True
    connections: int = 0
    answered: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    at: dict[str, float] = field(default_factory=dict)
    slowest: float = 0.0
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _stopping: bool = False
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def sent(self) -> int:
        """How many requests were sent and have ended."""
        return len(self.answered) + len(self.failed)

    def by_node(self) -> Counter[str]:
        """Return how many answers each node gave."""
        return Counter(self.answered.values())

    def assert_each_was_executed_once(self, nodes: Iterable[Node]) -> None:
        """Make sure that no request failed, and that the nodes executed each of them, and once.

        Raises:
            AssertionError: it was otherwise.
        """
        executed: Counter[str] = Counter()
        for node in nodes:
            executed.update({key: count for key, count in node.executed.items() if key})
        assert self.failed == {}
        assert executed == Counter(self.answered.keys())

    def start(self, count: int) -> None:
        """Start `count` clients."""
        self._tasks += [asyncio.create_task(self._client(number)) for number in range(count)]

    async def stop(self) -> None:
        """Let every client end its request, and wait for all."""
        self._stopping = True
        await asyncio.gather(*self._tasks)

    async def _client(self, number: int) -> None:
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while not self._stopping:
            serial = next(self._numbers)
            identifier = f"{number}-{serial}"
            started = time.monotonic()
            try:
                if connection is None:
                    connection = await asyncio.open_connection(
                        self.host, self.port, ssl=self.tls, server_hostname=self.server_name
                    )
                    self.connections += 1
                node, close = await self._exchange(
                    *connection, self.methods[serial % len(self.methods)], identifier
                )
                self.answered[identifier] = node
            except (OSError, _RequestLostError, asyncio.IncompleteReadError) as error:
                self.failed[identifier] = f"{type(error).__name__}: {error}"
                close = True
            self.at[identifier] = started
            self.slowest = max(self.slowest, time.monotonic() - started)
            if (close or not self.keeps_connections) and connection is not None:
                connection[1].close()
                connection = None
            await asyncio.sleep(self.pause_seconds)
        if connection is not None:
            connection[1].close()
            with contextlib.suppress(OSError):
                await connection[1].wait_closed()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str, identifier: str
    ) -> tuple[str, bool]:
        body = b"x" * 32 if method == "POST" else b""
        writer.write(
            f"{method} {self.path} HTTP/1.1\r\nHost: lab\r\nX-Test-Id: {identifier}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        await writer.drain()
        answer = await response(reader)
        if answer.status != 200:
            raise _RequestLostError(f"status {answer.status}")
        return answer.body.decode(), answer.headers.get("connection", "").lower() == "close"
