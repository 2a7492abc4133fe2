"""The other frontends, as HAProxy knows them: it asks each whether it can serve, and gives way to one that can.

What must stay true: HAProxy has just those that the Service's EndpointSlices tell of, but for this one; one that was
added counts as unable to serve until it has said that it is able. What HAProxy refuses is tried again at the next look.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Final, Protocol

from pba_api.sidecar import OTHERS, THIS
from pba_sync.balancer import frontends
from pba_sync.haproxy import commands
from pba_sync.haproxy.commands import Command
from pba_sync.haproxy.servers import Admin, Server, read_servers
from pba_sync.looks import Looks
from pba_sync.watching.membership import Node

LOOK_SECONDS: Final = 1.0

Address = tuple[str, int]


class Runtime(Protocol):
    """HAProxy, as far as this needs it."""

    def ask(self, command: Command) -> str:
        """Return the answer to a command that shows something."""

    def run(self, command: Command) -> None:
        """Carry out a command."""


def wanted(nodes: Mapping[str, Node], prefix: str, own: Collection[str], port: int) -> dict[str, Address]:
    """Return where the other frontends have a port, by their pods' names.

    Those that are not ready are among them: they may be soon, and one that goes says that it cannot serve.

    Args:
        nodes: what the clients' Service leads to.
        prefix: how the names of the frontends' pods begin.
        own: this pod's addresses.
        port: of their HAProxy's probes, or of their sidecars.
    """
    others = frontends.others(nodes, prefix, own)
    return {name: (node.address, port) for name, node in others.items()}


def _begin(name: str) -> list[Command]:
    """Return what has one asked that is there; until it has answered, it counts as unable to serve.

    By way of the drain, in which it gets nothing: who leaves maintenance counts as able to serve, and in maintenance
    nothing is said of health.
    """
    return [
        commands.enable_health(name, OTHERS),
        commands.set_drain(name, OTHERS),
        commands.set_unhealthy(name, OTHERS),
        commands.set_ready(name, OTHERS),
    ]


def _remove(name: str) -> list[Command]:
    return [
        commands.set_maintenance(name, OTHERS),
        commands.wait_removable(name, OTHERS),
        commands.delete_server(name, OTHERS),
    ]


def steps(known: Mapping[str, Server], shall: Mapping[str, Address]) -> list[Command]:
    """Return the commands between what HAProxy has and what it shall have.

    Args:
        known: the servers that it has.
        shall: `wanted`.
    """
    found = []
    for name, server in known.items():
        if shall.get(name) != (server.address, server.port):
            found += _remove(name)
        elif not server.checked or server.admin is not Admin.READY:
            found += _begin(name)  # what a look that was broken off has left
    for name, (address, port) in shall.items():
        if name not in known or (known[name].address, known[name].port) != (address, port):
            found += [commands.add_other(name, address, port), *_begin(name)]
    return found


class Others:
    """Keeps HAProxy's knowledge of the other frontends."""

    def __init__(
        self,
        haproxy: Runtime,
        shall: Callable[[], Mapping[str, Address]],
        clock: Callable[[], float],
        on_look: Callable[[int], None],
    ) -> None:
        """Look at nothing yet; `on_look` is told how many others can serve."""
        self._haproxy = haproxy
        self._shall = shall
        self._on_look = on_look
        self.looks = Looks(
            clock,
            problem="other frontends are not given way to: %s",
            fault="a look at the other frontends failed on a fault of its own",
        )

    def run(self, ended: threading.Event) -> None:
        """Look after look, until `ended` is set."""
        while not ended.is_set():
            self.step()
            ended.wait(LOOK_SECONDS)

    def step(self) -> None:
        """Look once."""
        with self.looks.once():
            self._look()

    def _look(self) -> None:
        found = read_servers(self._haproxy.ask(commands.SHOW_OTHERS))
        known = {name: server for name, server in found.items() if name != THIS}
        self._on_look(sum(server.usable for server in known.values()))
        for command in steps(known, self._shall()):
            self._haproxy.run(command)
