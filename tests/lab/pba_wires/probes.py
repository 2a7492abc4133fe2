"""Tries all flows at once, with real packets: TCP connections, UDP questions, and SCTP's first packet.

The kernel here may have no SCTP: its INIT is sent and seen as it is (RFC 9260, section 3.3.2), one way.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Collection
from functools import partial

from pba_policies.stage import PODS, PORTS, Flow

from pba_hack.cluster.local.namespaces import in_network_of
from pba_wires.stage import Wires

_SCTP = 132
_DEADLINE_SECONDS = 20.0
_QUIET_SECONDS = 0.1
"""How long we wait for what must not come, once all has come that must: between namespaces a packet needs no time."""
_FIRST_PORT = 20000
_IP_HEADER_BYTES = 20
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: a connection that is closed is gone at once."""

Look = Callable[[], Flow | None]
"""Takes what has come at a socket; returns the flow that it shows, if any."""


class Prober(contextlib.ExitStack):
    """Servers in all pods, on all ports, and the clients of all flows."""

    def __init__(self, wires: Wires) -> None:
        super().__init__()
        self._wires = wires
        self._selector = self.enter_context(selectors.DefaultSelector())
        self._tries: Counter[str] = Counter()
        self._packets: dict[bytes, Flow] = {}
        for name, process in wires.pods.items():
            for port in PORTS:
                self._serve(wires.listener(process, port), _accept)
                self._serve(wires.udp(process, ("", port)), _echo)
            with in_network_of(process):
                raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, _SCTP)
            self._serve(raw, partial(self._seen, name))

    def reached(self, flows: Collection[Flow], expected: Collection[Flow]) -> set[Flow]:
        """Try flows; returns those that came through.

        Args:
            flows: what to try.
            expected: what is waited for; the rest is given only a moment after that.
        """
        found: set[Flow] = set()
        self._packets.clear()
        with contextlib.ExitStack() as clients:
            for flow in flows:
                self._try(flow, clients)
            deadline = time.monotonic() + _DEADLINE_SECONDS
            while set(expected) - found and time.monotonic() < deadline:
                found |= self._look(_QUIET_SECONDS)
            deadline = time.monotonic() + _QUIET_SECONDS
            while time.monotonic() < deadline:
                found |= self._look(_QUIET_SECONDS)
        return found

    def _serve(self, server: socket.socket, look: Callable[[socket.socket], Flow | None]) -> None:
        server.setblocking(False)
        self.enter_context(server)
        self._selector.register(server, selectors.EVENT_READ, partial(look, server))

    def _try(self, flow: Flow, clients: contextlib.ExitStack) -> None:
        process, target = self._wires.pods[flow.source], PODS[flow.target].address
        # No two tries have the same ends: the kernel would take the second for a part of the first.
        self._tries[flow.source] += 1
        port = _FIRST_PORT + self._tries[flow.source]
        kind = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM, "sctp": socket.SOCK_RAW}[flow.protocol]
        with in_network_of(process):
            client = clients.enter_context(
                socket.socket(socket.AF_INET, kind, _SCTP if flow.protocol == "sctp" else 0)
            )
        client.setblocking(False)
        if flow.protocol == "sctp":
            packet = _init(port, flow.port, len(self._packets))
            self._packets[packet] = flow
            client.sendto(packet, (target, 0))
            return
        client.bind(("", port))
        if flow.protocol == "tcp":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            client.connect_ex((target, flow.port))
            self._await(client, selectors.EVENT_WRITE, lambda: _connected(client, flow), clients)
        else:
            client.sendto(b"?", (target, flow.port))
            self._await(client, selectors.EVENT_READ, lambda: _answered(client, flow), clients)

    def _await(self, client: socket.socket, event: int, look: Look, clients: contextlib.ExitStack) -> None:
        def once() -> Flow | None:
            self._selector.unregister(client)
            return look()

        def forget() -> None:
            with contextlib.suppress(KeyError):
                self._selector.unregister(client)

        self._selector.register(client, event, once)
        clients.callback(forget)

    def _look(self, seconds: float) -> set[Flow]:
        """Return the flows that have come through since the last look."""
        looks: list[Look] = [key.data for key, _ in self._selector.select(seconds)]
        return {flow for look in looks if (flow := look())}

    def _seen(self, name: str, end: socket.socket) -> Flow | None:
        flow = self._packets.get(end.recv(256)[_IP_HEADER_BYTES:])
        return flow if flow and flow.target == name else None


def _accept(server: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has gone meanwhile
        server.accept()[0].close()


def _echo(server: socket.socket) -> None:
    data, asker = server.recvfrom(16)
    server.sendto(data, asker)


def _connected(client: socket.socket, flow: Flow) -> Flow | None:
    return None if client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) else flow


def _answered(client: socket.socket, flow: Flow) -> Flow | None:
    try:
        return flow if client.recv(16) == b"?" else None
    except OSError:
        return None


def _init(source: int, target: int, tag: int) -> bytes:
    """Return an SCTP packet with an INIT chunk; its checksum is no one's business on the way."""
    chunk = struct.pack("!BBHIIHHI", 1, 0, 20, tag + 1, 65536, 1, 1, 1)
    return struct.pack("!HHII", source, target, 0, 0) + chunk
