"""Where one member listens: a port that stays the same while its mysqld ends and starts again."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from typing import Final

from pba_standin.channel import Channel
from pba_standin.conversation import converse
from pba_standin.database import Database
from pba_standin.server import Files, Server

_BACKLOG: Final = 64
_numbers = itertools.count(8)
"""Of connections."""


class Place:
    """A port of loopback, which refuses connections while no mysqld runs behind it."""

    def __init__(self) -> None:
        self.server: Server | None = None
        self._channels: set[Channel] = set()
        self._socket = _bound(0)
        self.port: int = self._socket.getsockname()[1]

    def fileno(self) -> int:
        """Return the descriptor that gets readable when somebody knocks."""
        return self._socket.fileno()

    def start(self, database: Database, files: Files) -> Server:
        """Start a mysqld: from now on it answers."""
        self.server = Server(database, files)
        self._socket.listen(_BACKLOG)
        return self.server

    def stop(self) -> None:
        """End it: whoever is connected loses the connection."""
        if self.server is None:
            return
        server, self.server = self.server, None
        self._socket.close()
        self._socket = _bound(self.port)
        server.end()
        for channel in list(self._channels):
            channel.hang_up()

    def close(self) -> None:
        """End it, and give the port back."""
        self.stop()
        self._socket.close()

    def welcome(self) -> None:
        """Begin a conversation with who has knocked."""
        with contextlib.suppress(OSError):  # it has gone again, or mysqld has just ended
            client, (address, _port) = self._socket.accept()
            channel = Channel(client)
            self._channels.add(channel)
            threading.Thread(target=self._converse, args=(channel, address), daemon=True).start()

    def _converse(self, channel: Channel, address: str) -> None:
        server = self.server
        try:
            if server is None:
                channel.close()
            else:
                converse(channel, server, address, next(_numbers))
        finally:
            self._channels.discard(channel)


def _bound(port: int) -> socket.socket:
    """Return a socket that is bound and does not listen: the kernel refuses connections to it."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    made.setblocking(False)
    return made
