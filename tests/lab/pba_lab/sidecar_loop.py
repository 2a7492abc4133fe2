"""The sidecar's own loop beside the real HAProxy, without a process and without an API server."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from pba_lab.haproxy import HAProxyProcess
from pba_lab.nodes import Node
from pba_lab.rotation import in_rotation
from pba_lab.shop import check_of, shop
from pba_sync.balancer.loop import Loop, LoopHooks
from pba_sync.balancer.planner import Change, Terms
from pba_sync.balancer.stopping import Stopping
from pba_sync.haproxy.runtime import HAProxy
from pba_sync.watching.external import Declared, External
from pba_sync.watching.membership import Endpoint, NodeState
from pba_sync.watching.membership import Node as Member
from pba_sync.watching.memory import Memory
from pba_sync.watching.resolver import Resolver
from pba_sync.watching.roster import Roster
from pba_sync.watching.view import Board

TERMS: Final = Terms(30.0, check_of(shop("default")), requests=100)
NOBODY: Final = "nobody"
"""A node that HAProxy does not have."""
Lookup = Callable[[str], tuple[str, ...]]
"""Returns what a host's name resolves to; raises OSError if it cannot be resolved."""


def unknown(host: str) -> tuple[str, ...]:
    """Be a name server that knows nobody."""
    raise OSError(f"no {host}")


class SidecarLoop:
    """The sidecar's loop in a thread of its own; the test says which nodes there are."""

    def __init__(self, haproxy: HAProxyProcess, terms: Terms, lookup: Lookup = unknown) -> None:
        """Start it; `lookup` is its name server."""
        self.commands: Counter[tuple[str, bool]] = Counter()
        self.changes: list[Change] = []
        self.restarts = 0
        self.share = terms.requests
        self.ahead_seconds = 0.0
        """By how much time seems to have gone on for a frontend that goes."""
        self.board = Board(time.monotonic)
        memory = Memory(haproxy.folder, time.monotonic)
        self._resolver = Resolver(lookup, lambda: None)
        self.roster = Roster(self.board, on_hosts=self._resolve)
        self.haproxy = HAProxy(
            haproxy.socket, 5, lambda verb, succeeded: self.commands.update([(verb, succeeded)])
        )
        self.loop = Loop(
            self.haproxy,
            self.board,
            Stopping(haproxy.folder, 5.0, lambda: time.monotonic() + self.ahead_seconds),
            terms,
            LoopHooks(
                clock=time.monotonic,
                share=lambda: self.share,
                on_change=self.changes.append,
                on_restart=self._restarted,
                keep=memory.keep,
                recall=memory.recall,
            ),
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.loop.run, args=(self._stop,))
        self._thread.start()

    def _resolve(self, hosts: frozenset[str]) -> None:
        self._resolver.follow(hosts, self.roster)

    def _restarted(self) -> None:
        self.restarts += 1

    def tell(
        self, serving: list[Node], draining: list[Node] | None = None, unready: list[Node] | None = None
    ) -> None:
        """Say which nodes there are, as the EndpointSlices would; those that drain terminate, and still serve."""
        states = {
            NodeState.SERVING: serving,
            NodeState.DRAINING: draining or [],
            NodeState.UNREADY: unready or [],
        }
        self.board.publish(
            {
                node.name: Member(node.name, node.address, node.port, state, state is NodeState.DRAINING)
                for state, nodes in states.items()
                for node in nodes
            }
        )

    def tell_slices(
        self, pods: Iterable[Node], *, outside: Iterable[External] = (), drained: Iterable[Node] = ()
    ) -> None:
        """Say which pods there are by EndpointSlices, and what the operator declares beside them."""
        by_hand = frozenset(node.name for node in drained)
        self.roster.declaration.put({"shop-nodes": Declared(tuple(outside), by_hand)})
        endpoints = tuple(
            Endpoint(pod.name, pod.address, pod.port, ready=True, serving=True, terminating=False)
            for pod in pods
        )
        self.roster.pods.put({"one": endpoints})

    def kill(self) -> None:
        """End between two passes, and never come back."""
        self._stop.set()
        self._resolve(frozenset())
        # Another view wakes the thread. It tells of the same nodes: a pass that has just begun may act on it.
        view = self.board.view
        if view is not None:
            self.board.publish(view.nodes, view.unresolved | {NOBODY}, awaited=view.awaited)
        self._thread.join()

    def in_rotation(self) -> set[str]:
        """Return the names of the servers that HAProxy sends requests to."""
        return in_rotation(self.haproxy.servers)

    def has(self, name: str) -> bool:
        """Tell whether HAProxy has this server."""
        return name in self.haproxy.servers()

    def refused(self) -> list[str]:
        """Return the commands that HAProxy refused."""
        return [verb for (verb, succeeded), count in self.commands.items() if count and not succeeded]
