"""The addresses of nodes outside of the cluster that are known by name, asked for again and again.

HAProxy cannot do it: servers that are added at run time take no `resolvers` (3.0's management guide, `add server`).

What must stay true: a name server that hangs holds up nobody but the host that it is asked for (`getaddrinfo` takes no
time limit), so each host has a thread of its own; a failure changes nothing (`Roster.put_answers`).
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from typing import Final, Protocol

RESOLVE_SECONDS: Final = 5.0
"""From one answer to the next question: `getaddrinfo` does not tell how long an answer is good for, and name servers
keep it for so long as that is."""

_LOG = logging.getLogger(__name__)


class Answered(Protocol):
    """Takes what hosts' names resolve to."""

    def put_answers(self, host: str, answers: tuple[str, ...]) -> str | None:
        """Take the addresses of `host`; return the one that is used."""


def addresses(host: str) -> tuple[str, ...]:
    """Return what a host's name resolves to just now, in the families that this pod has.

    Raises:
        OSError: it cannot be resolved.
    """
    found = socket.getaddrinfo(
        host, None, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_ADDRCONFIG
    )
    return tuple(str(entry[4][0]) for entry in found)


class Resolver:
    """Asks for hosts' addresses for as long as they are wanted."""

    def __init__(self, lookup: Callable[[str], tuple[str, ...]], on_failure: Callable[[], None]) -> None:
        """Ask `lookup`, which raises OSError if a host cannot be resolved; `on_failure` is told of each failure."""
        self._lookup = lookup
        self._on_failure = on_failure
        self._changed = threading.Condition()
        self._wanted: dict[str, object] = {}

    def follow(self, hosts: frozenset[str], answered: Answered) -> None:
        """Ask for these hosts from now on, and tell `answered`; no more for others."""
        with self._changed:
            fresh = {host: object() for host in hosts - self._wanted.keys()}
            self._wanted = {host: ticket for host, ticket in self._wanted.items() if host in hosts} | fresh
            self._changed.notify_all()
        for host, ticket in fresh.items():
            threading.Thread(
                target=self._ask, args=(host, ticket, answered), name=f"resolve {host}", daemon=True
            ).start()

    def _is_wanted(self, host: str, ticket: object) -> bool:
        return self._wanted.get(host) is ticket

    def _ask(self, host: str, ticket: object, answered: Answered) -> None:
        """Ask until it is not wanted any more: taken back and wanted again is another ticket, and another thread."""
        fails = False
        while True:
            answers, problem = self._answers(host)
            with self._changed:
                if not self._is_wanted(host, ticket):
                    return
            address = answered.put_answers(host, answers)
            problem = problem or ("" if address in answers else f"no node can have {', '.join(answers)}")
            if problem:
                self._on_failure()
            if problem and not fails:
                _LOG.warning(
                    "%s cannot be resolved, going on with %s: %s", host, address or "nothing", problem
                )
            if fails and not problem:
                _LOG.info("%s can be resolved again: %s", host, address)
            fails = bool(problem)
            with self._changed:
                self._changed.wait_for(lambda: not self._is_wanted(host, ticket), RESOLVE_SECONDS)
                if not self._is_wanted(host, ticket):
                    return

    def _answers(self, host: str) -> tuple[tuple[str, ...], str]:
        """Return what `host` resolves to, and what went wrong; one of them is empty."""
        try:
            return self._lookup(host), ""
        except (OSError, ValueError) as error:  # ValueError: what can be no host's name
            return (), str(error)
