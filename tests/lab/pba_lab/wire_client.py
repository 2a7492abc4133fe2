"""A client that sends bytes as they are: what no library for HTTP would let through."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Final

_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Response:
    """One response: status, headers (names in lower case, those of one name joined by commas) and body."""

    status: int
    headers: dict[str, str]
    body: bytes


def request(
    path: str = "/",
    *headers: str,
    method: str = "GET",
    host: str = "shop.example",
    body: bytes = b"",
    last: bool = True,
) -> bytes:
    """Return a request; `headers` are whole lines, `last`: it is the last of its connection, and says so."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers]
    lines += [f"Content-Length: {len(body)}"] if body else []
    lines += ["Connection: close"] if last else []
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


@contextlib.asynccontextmanager
async def connected(
    port: int, *, source: str = "127.0.0.1", address: str = "127.0.0.1"
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Give a connection that comes from the address `source`, until the block ends."""
    local = (source, 0) if ":" not in address else None
    reader, writer = await asyncio.open_connection(address, port, local_addr=local, limit=1 << 20)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def said(
    port: int,
    *data: bytes,
    source: str = "127.0.0.1",
    address: str = "127.0.0.1",
    ends: bool = False,
) -> bytes:
    """Return everything that is answered to `data`, up to the connection's end; `ends`: nothing more is sent.

    Raises:
        TimeoutError: the connection was not closed in time.
    """
    async with asyncio.timeout(_SECONDS), connected(port, source=source, address=address) as (reader, writer):
        with contextlib.suppress(OSError):  # it may have said no, and gone, before all was sent
            for part in data:
                writer.write(part)
                await writer.drain()
            if ends:
                writer.write_eof()
        answer = bytearray()
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(65536):
                answer += chunk
        return bytes(answer)


async def asked(port: int, *data: bytes, source: str = "127.0.0.1", address: str = "127.0.0.1") -> Response:
    """Return the one response to `data`.

    Raises:
        TimeoutError: the connection was not closed in time.
    """
    (only,) = responses(await said(port, *data, source=source, address=address))
    return only


def status(answer: bytes) -> int:
    """Return the status of an answer; 0: there was none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


async def response(reader: asyncio.StreamReader) -> Response:
    """Return the next response of a connection; one that tells no length of a body has none."""
    head = await reader.readuntil(b"\r\n\r\n")
    _, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    (only,) = responses(head + await reader.readexactly(int(_joined(lines).get("content-length", "0"))))
    return only


def responses(answer: bytes) -> list[Response]:
    """Return the responses of which `answer` is made, each with the length of its body told.

    Raises:
        ValueError: it is no sequence of whole responses.
    """
    found = []
    while answer:
        head, end, answer = answer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        if not end or not first.startswith("HTTP/1."):
            raise ValueError(f"no response: {head[:200]!r}")
        headers = _joined(lines)
        length = int(headers.get("content-length", "0"))
        if len(answer) < length:
            raise ValueError(f"{len(answer)} bytes of a body of {length}")
        found.append(Response(int(first.split(" ")[1]), headers, answer[:length]))
        answer = answer[length:]
    return found


def _joined(lines: Iterable[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
