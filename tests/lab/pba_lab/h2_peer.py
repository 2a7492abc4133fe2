"""A client of HTTP/2 (RFC 9113) that sends what it is told to, byte by byte, and takes in whatever is answered.

It keeps to no rule by itself, so that a test can break each of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import hpack

from pba_lab.patience import eventually_async

SHOP: Final = "shop.example"
PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
Fields = Iterable[tuple[bytes, bytes]]
"""Header fields, pseudo ones too, in the order in which they are sent."""


class Kind(IntEnum):
    """Types of frames."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


ACK: Final = 1
END_STREAM: Final = 1
END_HEADERS: Final = 4
_PADDED: Final = 8
CANCEL: Final = struct.pack(">I", 8)
"""What RST_STREAM of a client that is not interested any more says."""
REFUSED_STREAM: Final = 7
"""What RST_STREAM says of a request of which nothing was done."""
HEADER_TABLE_SIZE: Final = 1
INITIAL_WINDOW_SIZE: Final = 4
MAX_CONCURRENT_STREAMS: Final = 3
_WINDOW: Final = 65_535


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """Return a frame as it is on the wire."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(**values: int) -> bytes:
    """Return SETTINGS by their names, in lower case."""
    numbers = {
        "header_table_size": HEADER_TABLE_SIZE,
        "max_concurrent_streams": MAX_CONCURRENT_STREAMS,
        "initial_window_size": INITIAL_WINDOW_SIZE,
    }
    pairs = (struct.pack(">HI", numbers[name], value) for name, value in values.items())
    return frame(Kind.SETTINGS, payload=b"".join(pairs))


def get(
    path: bytes = b"/", *further: tuple[bytes, bytes], method: bytes = b"GET"
) -> list[tuple[bytes, bytes]]:
    """Return the fields of a request as a browser sends them, and `further` ones behind."""
    return [
        (b":method", method),
        (b":scheme", b"https"),
        (b":authority", SHOP.encode()),
        (b":path", path),
        *further,
    ]


@dataclass
class Stream:
    """What the server said on one stream; `reset` is the code of its RST_STREAM."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: bool = False
    reset: int | None = None

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more comes."""
        return self.ended or self.reset is not None


class Peer:
    """A connection on which HTTP/2 is spoken.

    Attributes:
        streams: what was answered, by stream.
        settings: what the server has set.
        acknowledged: how many of our SETTINGS it has acknowledged.
        pongs: what the PINGs held that it has answered.
        goaway: the code of its GOAWAY; None: there was none.
        last: the newest stream.
        is_closed: it has closed the connection.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.streams: defaultdict[int, Stream] = defaultdict(Stream)
        self.settings: dict[int, int] = {}
        self.acknowledged = 0
        self.pongs: set[bytes] = set()
        self.goaway: int | None = None
        self.is_closed = False
        self._encoder, self._decoder = hpack.Encoder(), hpack.Decoder()
        self._reader, self._writer = reader, writer
        self._listening: asyncio.Task[None] | None = None
        self.last = -1

    @property
    def is_left(self) -> bool:
        """Tell whether the server has closed the connection, or has said that it is broken.

        HAProxy 3.0.11 may keep a broken one for as long as a client may be silent.
        """
        return self.is_closed or self.goaway not in {None, 0}

    def next_stream(self) -> int:
        """Return the number of a new stream."""
        self.last += 2
        return self.last

    def block(self, fields: Fields) -> bytes:
        """Return header fields compressed; what is compressed must be sent, in this order."""
        return self._encoder.encode(list(fields))

    def request(self, fields: Fields, *, stream: int | None = None, ends: bool = True) -> bytes:
        """Return HEADERS of a new stream, or of the one that is named."""
        number = self.next_stream() if stream is None else stream
        return frame(Kind.HEADERS, END_HEADERS | (END_STREAM if ends else 0), number, self.block(fields))

    async def begin(self, *, initial: bytes = frame(Kind.SETTINGS), listens: bool = True) -> None:
        """Say hello; `listens`: read what is answered from now on, and open the server's window as it sends."""
        if listens:
            self._listening = asyncio.create_task(self._listen())
        await self.send(PREFACE, initial)

    async def send(self, *data: bytes) -> None:
        """Send bytes as they are; a server that has gone hears nothing of them."""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            self._writer.write(b"".join(data))
            await self._writer.drain()

    async def until(self, holds: Callable[[], object]) -> None:
        """Return when it is so, or when the server has left."""
        await eventually_async(lambda: self.is_left or holds())

    async def over(self) -> None:
        """Return when nothing more comes on the streams that were opened."""
        await self.until(lambda: all(self.streams[number].is_over for number in range(1, self.last + 1, 2)))

    async def ping(self, text: bytes = b"12345678") -> None:
        """Return when the server has read all that was sent, or has left."""
        self.pongs.discard(text)
        await self.send(frame(Kind.PING, payload=text))
        await self.until(lambda: text in self.pongs)

    async def ask(self, fields: Fields) -> Stream:
        """Return what is answered to a request without a body."""
        data = self.request(fields)
        stream = self.streams[self.last]
        await self.send(data)
        await self.until(lambda: stream.is_over)
        return stream

    async def end(self) -> None:
        """Close the connection."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        self._writer.transport.abort()

    async def _listen(self) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            while True:
                head = await self._reader.readexactly(9)
                kind, flags, stream = struct.unpack(">BBI", head[3:])
                size = int.from_bytes(head[:3], "big")
                await self._hear(kind, flags, stream, await self._reader.readexactly(size))
        self.is_closed = True

    async def _hear(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        match kind:
            case Kind.SETTINGS if flags & ACK:
                self.acknowledged += 1
            case Kind.SETTINGS:
                self.settings |= dict(struct.iter_unpack(">HI", payload))
                await self.send(frame(Kind.SETTINGS, ACK))
            case Kind.PING if flags & ACK:
                self.pongs.add(payload)
            case Kind.GOAWAY:
                self.goaway = struct.unpack(">I", payload[4:8])[0]
            case Kind.RST_STREAM:
                self.streams[stream].reset = struct.unpack(">I", payload)[0]
            case Kind.HEADERS:
                assert flags & END_HEADERS, "HAProxy's heads fit one frame"
                self._take_head(self.streams[stream], payload)
            case Kind.DATA:
                assert not flags & _PADDED, "HAProxy pads nothing"
                self.streams[stream].body += payload
                if payload:
                    more = struct.pack(">I", len(payload))
                    await self.send(
                        frame(Kind.WINDOW_UPDATE, 0, 0, more), frame(Kind.WINDOW_UPDATE, 0, stream, more)
                    )
        if kind in {Kind.HEADERS, Kind.DATA} and flags & END_STREAM:
            self.streams[stream].ended = True

    def _take_head(self, stream: Stream, block: bytes) -> None:
        headers = {str(name): str(value) for name, value in self._decoder.decode(block)}
        status = headers.pop(":status", None)
        stream.headers |= headers
        if status is not None:
            stream.status = int(status)


@contextlib.asynccontextmanager
async def connected(port: int, context: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """Give a connection on which nothing was said yet, until the block ends.

    Args:
        port: HAProxy's.
        context: whom the client trusts; None: there is no TLS.
    """
    host = SHOP if context is not None else None
    if context is not None:
        context.set_alpn_protocols(["h2", "http/1.1"])  # as browsers do
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)
    if context is not None:
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
    peer = Peer(reader, writer)
    try:
        yield peer
    finally:
        await peer.end()


@contextlib.asynccontextmanager
async def opened(port: int, context: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """Give a connection on which the client has said hello, and listens."""
    async with connected(port, context) as peer:
        await peer.begin()
        yield peer
