"""Backend nodes as small as can be: they count what they execute, and end as a well-behaved application does."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import Iterator
from typing import Self

from pba_lab.listening import stop_listening
from pba_lab.patience import eventually_async

_HEAD_END = b"\r\n\r\n"
_FIRST_SECONDS = 60.0
"""How long a node waits for the first request of a connection."""


def _head(raw: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = raw.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines if line)
    return method, path, {key.lower(): value.strip() for key, _, value in pairs}


class Node:
    """An HTTP/1.1 node on a port of its own.

    Attributes:
        executed: how often each request identifier (`X-Test-Id`) was executed.
        delay_seconds: how long a request takes.
        idle_seconds: after how long it closes a kept connection on which nothing comes, as application servers do.
        seen: the headers of the last request.
        targets: what was ever asked for, health checks included.
        running: how many requests run that are no health checks.
        most: how many of them ran at the same time at most.
        health: the status that paths under `/healthz` answer, after `health_delay_seconds`.
        status: the status that all others answer.
        failing: paths that answer 500 all the same.
        headers: what their answers hold besides.
    """

    def __init__(self, name: str, *, delay_seconds: float = 0.0, idle_seconds: float = 60.0) -> None:
        self.name = name
        self.delay_seconds = delay_seconds
        self.idle_seconds = idle_seconds
        self.health = 200
        self.health_delay_seconds = 0.0
        self.status = 200
        self.failing: set[str] = set()
        self.headers: list[tuple[str, str]] = []
        self.executed: Counter[str] = Counter()
        self.seen: dict[str, str] = {}
        self.targets: set[str] = set()
        self.port = 0
        self.address = "127.0.0.1"
        self._server: asyncio.Server | None = None
        self.running = 0
        self.most = 0
        self._running = 0
        self._idle: set[asyncio.StreamWriter] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self._ending = False
        self._is_dead = False
        self._at_rest = asyncio.Event()

    async def start(self, address: str = "127.0.0.1", port: int = 0) -> None:
        """Listen on `port` (0: any)."""
        await asyncio.sleep(0)  # one that was killed just now closes its listener in this turn
        self._ending = self._is_dead = False
        self._server = await asyncio.start_server(self._serve, address, port, backlog=512)
        self.address, self.port = self._server.sockets[0].getsockname()[:2]

    async def __aenter__(self) -> Self:
        """Serve until the block ends."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.kill()

    async def finish(self) -> None:
        """End as on SIGTERM: accept nothing more, close what is idle, answer what runs, and only then return."""
        self._ending = True
        self._stop_listening()
        for writer in list(self._idle):
            writer.close()
        if self._running:
            self._at_rest.clear()
            await self._at_rest.wait()
        self.kill()

    def kill(self) -> None:
        """End as on SIGKILL: every connection is reset."""
        self._is_dead = True
        self._stop_listening()
        for writer in list(self._open):
            writer.transport.abort()

    def _stop_listening(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            stop_listening(server)

    @property
    def is_serving(self) -> bool:
        """Whether it accepts connections."""
        return self._server is not None

    async def rest(self) -> None:
        """Return when nobody is connected; whoever was has ended, or waits to be accepted before us."""
        reader, writer = await asyncio.open_connection(self.address, self.port)
        writer.write(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        await reader.read()
        writer.close()
        await eventually_async(lambda: not self._open)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_dead:
            writer.transport.abort()
            return
        self._open.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            kept = await self._answer(reader, writer, _FIRST_SECONDS)
            while kept:
                kept = await self._answer(reader, writer, self.idle_seconds)
        self._open.discard(writer)
        writer.close()

    async def _read_head(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float
    ) -> bytes:
        self._idle.add(writer)
        try:
            async with asyncio.timeout(seconds):
                return await reader.readuntil(_HEAD_END)
        finally:
            self._idle.discard(writer)

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float
    ) -> bool:
        """Answer one request that comes within `seconds`; return whether the connection stays open."""
        raw = await self._read_head(reader, writer, seconds)
        self._running += 1
        try:
            _, path, headers = _head(raw.removesuffix(_HEAD_END))
            self.targets.add(path)
            await reader.readexactly(int(headers.get("content-length", "0")))
            status = self.health if path.startswith("/healthz") else self.status
            status = 500 if path in self.failing else status
            if path.startswith("/healthz"):
                await asyncio.sleep(self.health_delay_seconds)
            else:
                self.seen = headers
                self.running += 1
                self.most = max(self.most, self.running)
                try:
                    await asyncio.sleep(self.delay_seconds)
                finally:
                    self.running -= 1
                self.executed[headers.get("x-test-id", "")] += 1
            close = self._ending or headers.get("connection", "").lower() == "close"
            body = self.name.encode()
            ours = [("Content-Length", str(len(body))), ("Connection", "close" if close else "keep-alive")]
            lines = "".join(f"{name}: {value}\r\n" for name, value in [*ours, *self.headers])
            writer.write(f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + body)
            await writer.drain()
            return not close
        finally:
            self._running -= 1
            if not self._running:
                self._at_rest.set()


@contextlib.contextmanager
def swallowing(name: str) -> Iterator[Node]:
    """Give a node on a machine that neither accepts nor refuses connections.

    Linux drops what asks for a connection while a listener's queue is full (`tcp(7)`).
    """
    with socket.socket() as listener, contextlib.ExitStack() as held:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        while True:
            client = held.enter_context(socket.socket())
            client.settimeout(0.2)
            try:
                client.connect(listener.getsockname())
            except TimeoutError:
                break
        node = Node(name)
        node.port = listener.getsockname()[1]
        yield node
