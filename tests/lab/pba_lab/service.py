"""A Service as kube-proxy makes one: a connection stays with the pod that it was first given, whatever becomes of it.

So do connections that a proxy in front keeps and comes through a Service's address or a machine's port: nobody tells
it that the pod behind one of them goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import Final

from pba_lab.listening import stop_listening

_LOCAL: Final = "127.0.0.1"


class Service:
    """One address before several pods, which are given connections in turn.

    Attributes:
        pods: ports of those that are given new connections.
        delay_seconds: how long everything takes on its way, in each direction.
        connections: how many there were.
    """

    def __init__(self, *pods: int, delay_seconds: float = 0.0) -> None:
        self.pods = list(pods)
        self.delay_seconds = delay_seconds
        self.connections = 0
        self.port = 0
        self._turn = itertools.count()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen on a port of its own."""
        self._server = await asyncio.start_server(self._serve, _LOCAL, 0, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def end(self) -> None:
        """Break all connections off."""
        if self._server is not None:
            stop_listening(self._server)
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        pod = self.pods[next(self._turn) % len(self.pods)]
        try:
            far_reader, far_writer = await asyncio.open_connection(_LOCAL, pod)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, far_writer}
        self._open |= both
        try:
            await asyncio.gather(
                self._carry(reader, far_writer, writer), self._carry(far_reader, writer, far_writer)
            )
        finally:
            self._open -= both
            for one in both:
                one.close()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        """Bring what comes to the other side, and the connection's end as well; a broken one breaks `back`, too."""
        loop = asyncio.get_running_loop()
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            while True:
                at, data = await under_way.get()
                await asyncio.sleep(max(0.0, at - loop.time()))
                if not data:
                    writer.write_eof()
                    return
                writer.write(data)
                await writer.drain()

        delivering = asyncio.create_task(deliver())
        try:
            with contextlib.suppress(OSError):
                while data := await reader.read(65536):
                    under_way.put_nowait((loop.time() + self.delay_seconds, data))
            under_way.put_nowait((loop.time() + self.delay_seconds, b""))
            await delivering
        except OSError:
            await asyncio.sleep(self.delay_seconds)
            back.transport.abort()
        finally:
            delivering.cancel()
