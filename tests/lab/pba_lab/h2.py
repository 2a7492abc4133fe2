"""A client of HTTP/2 (RFC 9113), as small as can be: one request at a time, headers written without compression.

Responses' headers are not read but for the status, which HAProxy sends by its number in HPACK's static table.
"""

from __future__ import annotations

import ssl
import struct
from dataclasses import dataclass
from typing import Final

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _GOAWAY = 0, 1, 3, 4, 7
_ACK: Final = 1
_END_STREAM: Final = 1
_END_HEADERS: Final = 4
_STATUS_200: Final = 0x88
"""HPACK (RFC 7541, appendix A): the entry 8."""


class LostError(Exception):
    """A request was sent, and no whole response of status 200 came back."""


@dataclass(frozen=True)
class Answer:
    """A response of status 200."""

    body: bytes
    is_last: bool
    """The server has said that it takes no more requests on this connection."""


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _literal(name: str, value: str) -> bytes:
    """Return a header that is not indexed, of a new name (RFC 7541, 6.2.2)."""
    return b"\0" + b"".join(bytes([len(text)]) + text.encode() for text in (name, value))


class Connection:
    """A connection over TLS on which HTTP/2 was agreed on."""

    def __init__(self, secure: ssl.SSLSocket) -> None:
        assert secure.selected_alpn_protocol() == "h2"
        self._secure = secure
        self._stream = -1
        self._buffer = b""
        self._is_last = False
        secure.sendall(_PREFACE + _frame(_SETTINGS, 0, 0))

    def ask(self, headers: dict[str, str], method: str = "GET") -> Answer:
        """Send a request for `/` and return its response.

        Raises:
            LostError: there is none.
        """
        self._stream += 2
        pseudo = {":method": method, ":scheme": "https", ":authority": "shop.example", ":path": "/"}
        block = b"".join(_literal(*header) for header in {**pseudo, **headers}.items())
        self._secure.sendall(_frame(_HEADERS, _END_STREAM | _END_HEADERS, self._stream, block))
        status, body, ended = b"", b"", False
        while not ended:
            kind, flags, stream, payload = self._read()
            if kind == _GOAWAY:
                self._is_last = True
                if struct.unpack(">I", payload[:4])[0] < self._stream:
                    raise LostError("the server has gone away")
            if kind == _SETTINGS and not flags & _ACK:
                self._secure.sendall(_frame(_SETTINGS, _ACK, 0))
            if stream != self._stream:
                continue
            if kind == _RESET:
                raise LostError("the stream was reset")
            status, body = (payload[:1], body) if kind == _HEADERS else (status, body + payload)
            ended = bool(flags & _END_STREAM) and kind in (_DATA, _HEADERS)
        if status != bytes([_STATUS_200]):
            raise LostError(f"the status is not 200: {status!r}")
        return Answer(body, self._is_last)

    def _read(self) -> tuple[int, int, int, bytes]:
        head = self._take(9)
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        return kind, flags, stream & 0x7FFFFFFF, self._take(struct.unpack(">I", b"\0" + head[:3])[0])

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            data = self._secure.recv(65536)
            if not data:
                raise LostError("the connection was closed")
            self._buffer += data
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken
