"""Which of the nodes shall serve: those that we were told of, and others where none of these can.

What must stay true:
- draining by hand never takes out the last node that can serve;
- nor does a view that is wrong: pods of which nothing is told any more, though none of them was told to go, serve on as
  long as they pass their checks and no other node can. (EndpointSlices that somebody deleted, an API server that was
  restored from an old backup: what answers is believed, not what is missing.)
- nor do probes that find all of them unready at once;
- a node that HAProxy's checks have found dead is not counted on, whoever calls it ready, unless he says so anew.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from pba_sync.haproxy.servers import Admin, Server
from pba_sync.looks import Lasting
from pba_sync.watching import external
from pba_sync.watching.membership import Node, NodeState

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Past:
    """What was known of the nodes before, as far as it matters."""

    served: frozenset[str] = frozenset()
    """Those that have served as long as we know: they are no application that just starts."""
    unready: frozenset[str] = frozenset()
    """Those that are not ready, or are again and get no requests yet."""


def remember(told: Mapping[str, Node], live: Mapping[str, Server], before: Past) -> Past:
    """Return what is to be known of the nodes later.

    Args:
        told: the nodes as we were told of them.
        live: HAProxy's servers: what is in rotation there has served, whoever put it there.
        before: the answer of the last call.
    """
    serving = {name for name, node in told.items() if node.state is NodeState.SERVING}
    unready = {name for name, node in told.items() if node.state is NodeState.UNREADY}
    there = {name for name, server in live.items() if server.admin is Admin.READY}
    waiting = {name for name, server in live.items() if not server.usable}
    return Past(
        served=frozenset(told.keys() & (serving | there | before.served)),
        unready=frozenset(unready | (serving & waiting & before.unready)),
    )


@dataclass(frozen=True, slots=True)
class Heeded:
    """The nodes as they shall be, beside those that we were told of."""

    told: Mapping[str, Node]
    nodes: Mapping[str, Node]
    served: frozenset[str]
    """Those that have served before."""

    @property
    def drained(self) -> int:
        """How many nodes serve that are drained by hand."""
        return self._other(NodeState.DRAINED)

    @property
    def unready(self) -> int:
        """How many nodes serve that are unready."""
        return self._other(NodeState.UNREADY)

    @property
    def vanished(self) -> int:
        """How many nodes serve of which we are told nothing."""
        return len(self.nodes) - len(self.told)

    @property
    def is_final(self) -> bool:
        """Whether the nodes shall be the same, whatever HAProxy's checks find: none waits for another to die."""
        waiting = (
            node.state is NodeState.DRAINED or (node.state is NodeState.UNREADY and name in self.served)
            for name, node in self.told.items()
        )
        return self.nodes == self.told and not any(waiting)

    def serves(self, server: Server) -> bool:
        """Tell whether a server gets requests that somebody has called or found well: a check, or who told us of it."""
        node = self.nodes.get(server.name)
        return server.usable and (server.asked or (node is not None and node.proven))

    def _other(self, state: NodeState) -> int:
        return sum(self.nodes[name] != node for name, node in self.told.items() if node.state is state)


def heed(told: Mapping[str, Node], live: Mapping[str, Server], past: Past) -> Heeded:
    """Return the nodes as they shall be: pure.

    Where none would serve, those do that are drained by hand, have vanished, or are unready and served before: that
    all are bad at once is more often a fault of what finds them so (a slow health path, kubelets that reach no API
    server). Which of them answer HAProxy's checks tell, before they get any request, and where none does, its floor.

    Args:
        told: the nodes as we were told of them.
        live: HAProxy's servers; one that its checks have found dead does not serve.
        past: `remember`.
    """
    known = {name: _as_known(node, past) for name, node in told.items()}
    if any(
        node.state is NodeState.SERVING and not _is_dead(node, live.get(name)) for name, node in known.items()
    ):
        return Heeded(told, known, past.served)
    let_in = {name: _let_in(node, past.served) for name, node in known.items()}
    vanished = {server.name: _serving(server) for server in live.values() if _is_vanished(told, server)}
    return Heeded(told, let_in | vanished, past.served)


def _as_known(node: Node, past: Past) -> Node:
    is_again = node.state is NodeState.SERVING and node.name in past.unready
    return replace(node, ready_again=True) if is_again else node


def _let_in(node: Node, served: Collection[str]) -> Node:
    if node.state is NodeState.DRAINED:
        return replace(node, state=NodeState.SERVING)
    if node.state is NodeState.UNREADY and node.name in served:
        return replace(node, state=NodeState.SERVING, proven=False)
    return node


def _is_vanished(told: Mapping[str, Node], server: Server) -> bool:
    """Tell whether nobody has said that this pod goes, nor that it is there; nodes outside are taken out by a word."""
    return server.usable and server.name not in told and not external.is_outside(server.name)


def _serving(server: Server) -> Node:
    return Node(server.name, server.address, server.port, NodeState.SERVING)


def _is_dead(node: Node, server: Server | None) -> bool:
    """Tell whether HAProxy's checks say so, and know it better than who calls it ready.

    A server that HAProxy has not, or does not check, may well serve.
    """
    if server is None or server.admin is Admin.MAINT:
        return False
    return not server.up and not node.ready_again


class Heeding:
    """Keeps what was known of the nodes, and logs whenever others serve than we were told of."""

    def __init__(self) -> None:
        self._vanished = Lasting(
            _LOG,
            begins="nothing is told of nodes any more: those that pass their checks serve on",
            ends="no node serves any more of which nothing is told",
        )
        self._unready = Lasting(
            _LOG,
            begins="no node is ready: those that served before serve on",
            ends="no node serves any more that is unready",
        )
        self._drained = Lasting(
            _LOG,
            begins="nodes that are drained by hand serve on: no other node can serve",
            ends="other nodes can serve: those that are drained by hand get no new requests",
        )
        self.forget()

    def forget(self) -> None:
        """Forget what was known of the nodes."""
        self._past = Past()

    def look(self, told: Mapping[str, Node], live: Mapping[str, Server]) -> Heeded:
        """Return the nodes as they shall be (see `heed`)."""
        self._past = remember(told, live, self._past)
        heeded = heed(told, live, self._past)
        self._vanished.note(heeded.vanished > 0)
        self._unready.note(heeded.unready > 0)
        self._drained.note(heeded.drained > 0)
        return heeded
