"""A node that tells what reached it, byte by byte, and reads a request as strictly as RFC 9112 has it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pba_lab.nodes import Node

_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP/1\.[01]")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00\r\n]*?)[ \t]*")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]+)(?:;[^\r\n]*)?\r\n")

Headers = tuple[tuple[str, str], ...]
"""Names in lower case, and values, in their order."""


@dataclass(frozen=True)
class Seen:
    """One request as it reached the node; `rest` came behind it on its connection, and belongs to nothing."""

    method: str
    target: str
    headers: Headers
    body: bytes
    rest: bytes = b""
    trailers: Headers = ()

    def all(self, name: str) -> list[str]:
        """Return the values of each header of this name (in lower case)."""
        return [value for key, value in self.headers if key == name]


class AmbiguousError(Exception):
    """What reached the node can be read in two ways, or in none."""


class Witness(Node):
    """A node that notes each request for anything but its health, and answers it with its name.

    Attributes:
        requests: what reached it, in order.
        ambiguous: what should never have reached a node.
        body: what it answers.
        lines: further header lines of its answers.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.requests: list[Seen] = []
        self.ambiguous: list[str] = []
        self.body = name.encode()
        self.lines: tuple[str, ...] = ()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float
    ) -> bool:
        head = await self._read_head(reader, writer, seconds)
        if head.startswith(b"GET /healthz"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return False
        try:
            seen = await _read(head, reader)
        except AmbiguousError as error:
            self.ambiguous.append(f"{error}: {head!r}")
            return False
        lines = (
            "HTTP/1.1 200 OK",
            "Connection: close",
            f"Content-Length: {len(self.body)}",
            *self.lines,
            "",
            "",
        )
        writer.write("\r\n".join(lines).encode() + (b"" if seen.method == "HEAD" else self.body))
        await writer.drain()
        rest = b""
        with contextlib.suppress(OSError):  # HAProxy closes it, or resets it
            writer.write_eof()
            # Nothing follows the request on its connection: what still comes was smuggled.
            rest = await reader.read()
        self.requests.append(replace(seen, rest=rest))
        return False


async def _read(head: bytes, reader: asyncio.StreamReader) -> Seen:
    first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    request_line = _REQUEST_LINE.fullmatch(first)
    if request_line is None:
        raise AmbiguousError("malformed")
    headers = _headers(lines)
    seen = Seen(request_line[1].decode("ascii"), request_line[2].decode("ascii"), headers, b"")
    lengths, codings = seen.all("content-length"), seen.all("transfer-encoding")
    if len(lengths) + len(codings) > 1 or len(seen.all("host")) > 1:
        raise AmbiguousError("framed, or addressed, twice")
    body = b""
    trailers: Headers = ()
    if codings:
        if codings != ["chunked"]:
            raise AmbiguousError("an unknown coding")
        body, trailers = await _chunks(reader)
    elif lengths:
        if not re.fullmatch(r"[0-9]+", lengths[0]):
            raise AmbiguousError("no length")
        body = await reader.readexactly(int(lengths[0]))
    return replace(seen, body=body, trailers=trailers)


def _headers(lines: Iterable[bytes]) -> Headers:
    fields = [_HEADER.fullmatch(line) for line in lines]
    if not all(fields):
        raise AmbiguousError("malformed")
    return tuple((found[1].decode("ascii").lower(), found[2].decode("latin-1")) for found in fields if found)


async def _chunks(reader: asyncio.StreamReader) -> tuple[bytes, Headers]:
    body = b""
    while True:
        line = await reader.readuntil(b"\r\n")
        size = _CHUNK_SIZE.fullmatch(line)
        if size is None:
            raise AmbiguousError(f"no size of a chunk: {line!r}")
        length = int(size[1], 16)
        if length == 0:
            lines = []
            while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
                lines.append(line.removesuffix(b"\r\n"))
            return body, _headers(lines)
        body += await reader.readexactly(length)
        if await reader.readexactly(2) != b"\r\n":
            raise AmbiguousError("a chunk does not end where it says")
