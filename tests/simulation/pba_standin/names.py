"""The way to a stand-in from another process: its names, asked for over loopback.

A line with host and port is answered with a line: the port of loopback, or why there is none.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from typing import Final

from pba_standin.connecting import LOOPBACK, Resolve

_SECONDS: Final = 10.0
_LINE: Final = 4096


@contextlib.contextmanager
def served(resolve: Resolve) -> Iterator[int]:
    """Answer for a stand-in until the block ends; yield the port of loopback to ask at.

    Args:
        resolve: the stand-in's `port`.
    """

    class Answering(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            host, port = self.rfile.readline(_LINE).decode().split()
            try:
                answer = str(resolve(host, int(port)))
            except OSError as error:
                answer = f"no {error}"
            self.wfile.write(f"{answer}\n".encode())

    with socketserver.ThreadingTCPServer((LOOPBACK, 0), Answering) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, name="names", daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(_SECONDS)


def asking(at: int) -> Resolve:
    """Return what asks the names that are served at a port of loopback."""

    def resolve(host: str, port: int) -> int:
        with socket.create_connection((LOOPBACK, at), _SECONDS) as stream, stream.makefile("rw") as lines:
            lines.write(f"{host} {port}\n")
            lines.flush()
            answer = lines.readline(_LINE).strip()
        if not answer.isdecimal():
            raise OSError(answer.removeprefix("no "))
        return int(answer)

    return resolve
