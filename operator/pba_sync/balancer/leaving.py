"""Clients that are bound to nodes: which nodes they leave, and what HAProxy is told of it.

What must stay true: clients leave a node when what they get of it says so (`bindings`), or when one that goes has kept
them for as long as it shall, and come back to it else; HAProxy takes no cookie of a node that is left, and all others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from pba_sync.haproxy import commands
from pba_sync.haproxy.affinity import Affinity
from pba_sync.haproxy.commands import Command
from pba_sync.haproxy.servers import Admin, Server
from pba_sync.judging import bindings, outliers
from pba_sync.judging.bindings import Bound, Reason
from pba_sync.judging.outliers import Standings
from pba_sync.judging.pasts import End

_LOG = logging.getLogger(__name__)


class Runtime(Protocol):
    """HAProxy, as far as this needs it."""

    def run(self, command: Command) -> None:
        """Carry out a command."""

    def left(self) -> dict[str, str]:
        """Return the nodes that bound clients leave, by their identities."""


class Draining:
    """Keeps since when servers drain."""

    def __init__(self, affinity: Affinity) -> None:
        self._affinity = affinity
        self._since: dict[str, float] = {}

    def overdue(self, servers: Mapping[str, Server], now: float) -> list[str]:
        """Return the servers that drain for longer than they keep their clients."""
        draining = [name for name, server in servers.items() if server.admin is Admin.DRAIN]
        self._since = {name: self._since.get(name, now) for name in draining}
        return [name for name in draining if now - self._since[name] >= self._affinity.keeps_for(name)]


class Leaving:
    """Keeps which nodes bound clients leave; where none are bound, there is nothing to it."""

    def __init__(self, affinity: Affinity, on_left: Callable[[int], None]) -> None:
        """Begin with nothing learnt; `on_left` is told how many nodes are left."""
        self._affinity = affinity
        self._on_left = on_left
        self._bound: Mapping[str, Bound] = {}
        self._left: Mapping[str, Reason] = {}

    def look(
        self,
        ended: Mapping[str, Sequence[End]],
        known: Standings,
        hanging: Collection[str],
        overdue: Iterable[str],
    ) -> None:
        """Find out which nodes are left.

        Args:
            ended: what came to an end at each node since the last look.
            known: where the nodes stand.
            hanging: those that hang.
            overdue: those that have drained for long enough.
        """
        if not (self._affinity.by_cookie or self._affinity.by_address):
            return
        limit = self._affinity.leave_milliseconds
        self._bound = bindings.follow(self._bound, ended, outliers.standing_in(known), limit, known.absent)
        left = bindings.left(self._bound, known, limit, hanging)
        left |= dict.fromkeys(overdue, Reason.DRAINED)
        for name, reason in left.items():
            if name in self._left:
                continue
            if reason is Reason.DRAINED:
                _LOG.info("the clients that are bound to node %s leave it: %s", name, reason)
            else:
                _LOG.warning("the clients that are bound to node %s leave it: %s", name, reason)
        self._left = left
        self._on_left(len(left))

    def weights(self, weights: Mapping[str, int], servers: Mapping[str, Server]) -> Mapping[str, int]:
        """Return the weights to set: on a ring others than those that were found (`bindings.ring_weights`)."""
        if not self._affinity.by_address:
            return weights
        shares = {name: server.weight for name, server in servers.items()}
        return bindings.ring_weights(weights, self._left, shares)

    def release(self, haproxy: Runtime) -> None:
        """Have HAProxy take no cookies of the nodes that clients leave, and all others."""
        if not self._affinity.by_cookie:
            return
        wanted = {self._affinity.cookie(name): name for name in self._left}
        there = haproxy.left()
        for word in there.keys() - wanted.keys():
            haproxy.run(commands.stay(word))
        for word in wanted.keys() - there.keys():
            haproxy.run(commands.leave(word, wanted[word]))
