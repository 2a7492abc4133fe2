"""Nodes that die at a certain stage of each request; health checks find those well that accept connections.

What must stay true: a node counts what it has read of, before it does anything else, so that a request that was sent
to two nodes is seen at both.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections import Counter
from enum import Enum

from pba_lab.listening import stop_listening

_LIFE_SECONDS = 0.1
_HEAD_END = b"\r\n\r\n"


class Stage(Enum):
    """Where a node leaves a request alone."""

    REFUSED = "nobody listens"
    NOT_ACCEPTED = "the connection, and the request, wait in the queue of a listener that ends"
    ACCEPTED = "the connection is accepted, nothing is read"
    HEAD_READ = "the head was read"
    EXECUTED = "the whole request was read"
    STATUS_BEGUN = "half a line of the answer was sent"
    HEAD_BEGUN = "a part of the answer's head was sent"
    BODY_BEGUN = "the answer's head and half its body were sent"
    FAILED = "the answer is 500"
    BUSY = "the answer is 503"
    SILENT = "no answer comes"


_SENT = {
    Stage.STATUS_BEGUN: b"HTTP/1.1 2",
    Stage.HEAD_BEGUN: b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nX-",
    Stage.BODY_BEGUN: b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf",
    Stage.FAILED: b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n",
    Stage.BUSY: b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n",
}


class FaultyNode:
    """A node that leaves every request alone at `stage`.

    Attributes:
        read: how often each request identifier (`X-Test-Id`) was read of.
        connections: how many connections were accepted that were no health check's.
    """

    def __init__(self, name: str, stage: Stage) -> None:
        self.name = name
        self.stage = stage
        self.address = "127.0.0.1"
        self.port = 0
        self.read: Counter[str] = Counter()
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._ended = asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()
        self._listens = asyncio.Event()
        self._dying: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen."""
        if self.stage is Stage.NOT_ACCEPTED:
            self._dying = asyncio.create_task(self._die_again_and_again())
            await self._listens.wait()
            return
        self._server = await asyncio.start_server(self._serve, self.address, 0, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]
        if self.stage is Stage.REFUSED:
            self.kill()

    def kill(self) -> None:
        """End; what waits is let go."""
        self._ended.set()
        if self._dying is not None:
            self._dying.cancel()
        if self._server is not None:
            stop_listening(self._server)
        for writer in list(self._open):
            writer.transport.abort()

    async def _die_again_and_again(self) -> None:
        """Listen without accepting; when the listener is closed, Linux resets what waits in its queue."""
        while True:
            with socket.create_server((self.address, self.port)) as listener:
                self.port = listener.getsockname()[1]
                self._listens.set()
                await asyncio.sleep(_LIFE_SECONDS)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._answer(reader, writer)
        self._open.discard(writer)
        # With what was not read, a close is a reset.
        writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Until then nobody knows whether it is a check.
        head = (await reader.readuntil(_HEAD_END)).decode("latin-1")
        if " /healthz" in head.split("\r\n")[0]:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        self.connections += 1
        if self.stage is Stage.ACCEPTED:
            return
        identifier = re.search(r"(?mi)^x-test-id: *(\S+)", head)
        self.read[identifier[1] if identifier else ""] += 1
        if self.stage is Stage.HEAD_READ:
            return
        length = re.search(r"(?mi)^content-length: *(\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
        if self.stage is Stage.SILENT:
            await self._ended.wait()
        if self.stage in _SENT:
            writer.write(_SENT[self.stage])
            await writer.drain()
