"""A node that speaks WebSocket, as far as a proxy sees it: after 101 it sends back every byte."""

from __future__ import annotations

import asyncio
import base64
import hashlib

from pba_lab.nodes import Node

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455, 1.3."""


def opening(path: str = "/chat", key: str = "dGhlIHNhbXBsZSBub25jZQ==") -> bytes:
    """Return a client's opening handshake."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: shop.example",
        "Connection: keep-alive, Upgrade",
        "Upgrade: websocket",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def accepted(key: str) -> str:
    """Return what the server answers to a client's key."""
    return base64.b64encode(hashlib.sha1(f"{key}{_GUID}".encode(), usedforsecurity=False).digest()).decode()


class EchoNode(Node):
    """A node that changes to WebSocket where it is asked to, tells events, and else answers as any node does.

    Attributes:
        say: an event is told whenever it is set.
        end: the next one is the last.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.say = asyncio.Event()
        self.end = asyncio.Event()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float
    ) -> bool:
        head = await self._read_head(reader, writer, seconds)
        lines = (line.partition(": ") for line in head.decode("latin-1").split("\r\n"))
        headers = {name.lower(): value for name, _, value in lines}
        self.targets.add(head.split(b" ")[1].decode())
        if head.startswith(b"GET /events"):
            await self._tell(writer)
            return False
        if headers.get("upgrade", "").lower() != "websocket":
            body = self.name.encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
            )
            await writer.drain()
            return False
        lines_out = (
            "HTTP/1.1 101 Switching Protocols",
            "Connection: Upgrade",
            "Upgrade: websocket",
            f"Sec-WebSocket-Accept: {accepted(headers['sec-websocket-key'])}",
        )
        writer.write("\r\n".join([*lines_out, "", ""]).encode())
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        return False

    async def _tell(self, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        number = 0
        while await self.say.wait() and not self.end.is_set():
            self.say.clear()
            event = b"data: %d\n" % number
            writer.write(b"%x\r\n%s\r\n" % (len(event), event))
            await writer.drain()
            number += 1
        writer.write(b"0\r\n\r\n")
        await writer.drain()
