"""The way to a stand-in from another process: its names, asked for over loopback.

A line with host and port is answered with a line: the port of loopback, or why there is none.
"""

from __future__ import annotations

import socket
import threading
from typing import Final

from pba_standin.connecting import LOOPBACK, Resolve

_SECONDS: Final = 10.0
_LINE: Final = 4096


class Names:
    """Answers for a stand-in, each time that somebody knocks."""

    def __init__(self, resolve: Resolve) -> None:
        """Begin to listen.

        Args:
            resolve: the stand-in's `port`.
        """
        self._resolve = resolve
        self._socket = socket.create_server((LOOPBACK, 0))
        self.port: int = self._socket.getsockname()[1]

    def fileno(self) -> int:
        """Return the descriptor that gets readable when somebody knocks."""
        return self._socket.fileno()

    def welcome(self) -> None:
        """Answer who has knocked, in a thread: it may have to wait for a mysqld's start."""
        client, _address = self._socket.accept()
        client.settimeout(_SECONDS)
        threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with client, client.makefile("rw") as lines:
            host, port = lines.readline(_LINE).split()
            try:
                answer = str(self._resolve(host, int(port)))
            except OSError as error:
                answer = f"no {error}"
            lines.write(f"{answer}\n")

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


def asking(at: int) -> Resolve:
    """Return what asks the names that are answered for at a port of loopback."""

    def resolve(host: str, port: int) -> int:
        with socket.create_connection((LOOPBACK, at), _SECONDS) as stream, stream.makefile("rw") as lines:
            lines.write(f"{host} {port}\n")
            lines.flush()
            answer = lines.readline(_LINE).strip()
        if not answer.isdecimal():
            raise OSError(answer.removeprefix("no "))
        return int(answer)

    return resolve
