"""The sidecar's own loop beside the real HAProxy, without a process and without an API server."""

from __future__ import annotations

import threading
import time
from collections import Counter

from pba_lab.haproxy import HAProxyProcess
from pba_lab.nodes import Node
from pba_lab.shop import check_of, shop
from pba_sync.balancer.loop import Loop, LoopHooks
from pba_sync.balancer.membership import Node as Member
from pba_sync.balancer.membership import NodeState
from pba_sync.balancer.planner import Change, Terms
from pba_sync.balancer.runtime import HAProxy
from pba_sync.balancer.stopping import Stopping
from pba_sync.balancer.view import Board

TERMS = Terms(30.0, check_of(shop("default")), requests=100)


class SidecarLoop:
    """The sidecar's loop in a thread of its own; the test says which nodes there are."""

    def __init__(self, haproxy: HAProxyProcess, terms: Terms) -> None:
        self.commands: Counter[tuple[str, bool]] = Counter()
        self.changes: list[Change] = []
        self.restarts = 0
        self.share = terms.requests
        self.board = Board(time.monotonic)
        self.loop = Loop(
            HAProxy(haproxy.socket, 5, lambda verb, succeeded: self.commands.update([(verb, succeeded)])),
            self.board,
            Stopping(haproxy.folder, time.monotonic),
            terms,
            LoopHooks(
                time.monotonic,
                lambda _: None,
                lambda change, _: self.changes.append(change),
                self._restarted,
                lambda: self.share,
            ),
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _restarted(self) -> None:
        self.restarts += 1

    def _run(self) -> None:
        while not self._stop.is_set():
            version = self.board.version
            self.board.wait(version, self.loop.step())

    def tell(self, serving: list[Node], draining: list[Node] | None = None) -> None:
        """Say which nodes there are, as the EndpointSlices would."""
        states = {NodeState.SERVING: serving, NodeState.DRAINING: draining or []}
        self.board.publish(
            {
                node.name: Member(node.name, node.address, node.port, state)
                for state, nodes in states.items()
                for node in nodes
            }
        )

    def kill(self) -> None:
        """End between two passes, and never come back."""
        self._stop.set()
        # Another view wakes the thread; it ends before it acts on it.
        self.board.publish({"end": Member("end", "10.0.0.1", 1, NodeState.DRAINING)})
        self._thread.join()

    def refused(self) -> list[str]:
        """Return the commands that HAProxy refused."""
        return [verb for (verb, succeeded), count in self.commands.items() if count and not succeeded]
