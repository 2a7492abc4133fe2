"""Packets on a socket: their frames, their numbers, and the change to TLS in the midst of the stream."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from typing import Final

from pba_standin.errors import SqlError
from pba_standin.wire import Done, Rows, done, error, rows

_LONGEST: Final = 0xFFFFFF
_BOTH = socket.SHUT_RDWR


class ChannelClosed(Exception):
    """The client has gone, or the server has hung up on it."""


class Channel:
    """One client, as a server hears and answers it.

    It reads no further than one packet: a client sends the first bytes of TLS right behind its request for it.
    """

    def __init__(self, client: socket.socket) -> None:
        self._socket = client
        self._number = 0
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS was begun."""
        return isinstance(self._socket, ssl.SSLSocket)

    def begin_tls(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        try:
            self._socket = context.wrap_socket(self._socket, server_side=True)
        except OSError as problem:  # the client does not like the certificate
            raise ChannelClosed from problem

    def read(self) -> bytes:
        """Return the next packet.

        Raises:
            ChannelClosed: there is none any more.
        """
        head = self._exactly(4)
        length = int.from_bytes(head[:3], "little")
        if length == _LONGEST:
            raise ChannelClosed  # nobody here sends sixteen megabytes
        self._number = (head[3] + 1) % 256
        return self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            try:
                more = self._socket.recv(count - len(data))
            except OSError as problem:
                raise ChannelClosed from problem
            if not more:
                raise ChannelClosed
            data += more
        return data

    def write(self, *packets: bytes) -> None:
        """Send packets."""
        frames = b""
        for packet in packets:
            frames += struct.pack("<I", len(packet))[:3] + bytes([self._number]) + packet
            self._number = (self._number + 1) % 256
        try:
            self._socket.sendall(frames)
        except OSError as problem:
            raise ChannelClosed from problem

    def answer(self, result: Rows | Done | SqlError, *, before_login: bool = False) -> None:
        """Send a result or an error."""
        match result:
            case Rows():
                self.write(*rows(result))
            case Done():
                self.write(done(result))
            case SqlError():
                self.write(error(result, before_login=before_login))

    def hang_up(self) -> None:
        """Close it, whoever is just reading from it."""
        with contextlib.suppress(OSError):  # the client was first
            socket.socket.shutdown(self._socket, _BOTH)

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()
