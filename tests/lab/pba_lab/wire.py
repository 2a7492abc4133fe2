"""The network between a program and the API server, for tests that break it."""

from __future__ import annotations

import select
import socket
import threading
import time

from pba_hack.loopback import free_port


class Wire:
    """A TCP connection to the API server that can be cut (nobody answers) or silenced (nothing passes)."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.port = free_port()
        self.silent = False
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.mend()

    def mend(self) -> None:
        """Let connections through (again)."""
        self.silent = False
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """Refuse new connections, and end those that are open or about to be."""
        with self._lock:
            if self._listener is not None:
                self._listener.shutdown(socket.SHUT_RDWR)
                self._listener.close()
                self._listener = None
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()
                continue
            with self._lock:
                if self._listener is not listener:  # cut while this one was being put through
                    client.close()
                    server.close()
                    return
                self._pairs.append((client, server))
            threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        ends = {client: server, server: client}
        with client, server:
            while True:
                try:
                    for end in select.select(list(ends), [], [], 0.05)[0]:
                        if self.silent:
                            time.sleep(0.02)
                            continue
                        data = end.recv(65536)
                        if not data:
                            return
                        ends[end].sendall(data)
                except (OSError, ValueError):
                    return
