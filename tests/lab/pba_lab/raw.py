"""Both ends of a connection as bytes: a client that says exactly this, and a node that swallows packets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

from pba_lab.nodes import Node

_SECONDS = 60.0


async def ask(port: int, request: bytes) -> bytes:
    """Return all that comes back to `request` until the other side closes, or resets the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    try:
        async with asyncio.timeout(_SECONDS):
            with contextlib.suppress(OSError):
                writer.write(request)
                while chunk := await reader.read(65536):
                    answer += chunk
    finally:
        writer.close()
    return answer


def request(method: str = "GET", path: str = "/", body: bytes = b"", **headers: str) -> bytes:
    """Return a request after which HAProxy closes the connection; `_` in a header's name stands for `-`."""
    told = {"Host": "lab", "Connection": "close", "Content-Length": str(len(body)), **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in told.items()]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode() + body


def status(answer: bytes) -> int:
    """Return the status of an answer; 0: there was none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


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
