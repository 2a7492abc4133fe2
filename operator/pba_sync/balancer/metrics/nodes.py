"""What is told of the view: the nodes that we were told of, and how current that is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from pba_sync.balancer.heeding import Heeded
from pba_sync.watching.membership import NodeState
from pba_sync.watching.view import Board

_IN_ROTATION: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)
_NAN: Final = float("nan")


class NodeMetrics:
    """Metrics of the view of the nodes, and of what it takes to have it."""

    def __init__(self, registry: CollectorRegistry, board: Board, clock: Callable[[], float]) -> None:
        self._board = board
        self._clock = clock
        age = Gauge(
            "pba_sync_view_age_seconds",
            "Seconds since anything told that the view of the nodes is current; NaN before the first view.",
            registry=registry,
        )
        age.set_function(self._age)
        self._told(registry)
        self._read(registry)
        self._rotation = Histogram(
            "pba_sync_in_rotation_seconds",
            "From the event of a node's EndpointSlice to its place in HAProxy's rotation.",
            buckets=_IN_ROTATION,
            registry=registry,
        )

    def _told(self, registry: CollectorRegistry) -> None:
        nodes = Gauge("pba_sync_nodes", "Nodes that we were told of.", ["state"], registry=registry)
        for state in NodeState:
            nodes.labels(state.value).set_function(partial(self._count, state))
        self._unheeded = Gauge(
            "pba_sync_drains_unheeded",
            "Nodes that are drained by hand and serve on, because no other node can.",
            registry=registry,
        )
        self._unready = Gauge(
            "pba_sync_nodes_unready_serving",
            "Nodes that are unready and serve on, because no other node can.",
            registry=registry,
        )
        self._vanished = Gauge(
            "pba_sync_nodes_vanished",
            "Nodes of which nothing is told any more and that serve on, because no other node can.",
            registry=registry,
        )
        unresolved = Gauge(
            "pba_sync_nodes_unresolved",
            "Nodes outside of the cluster whose host's address was never known.",
            registry=registry,
        )
        unresolved.set_function(self._unresolved)

    def _read(self, registry: CollectorRegistry) -> None:
        self._lookups = Counter(
            "pba_sync_lookup_failures",
            "Failures to find the address of a node outside of the cluster.",
            registry=registry,
        )
        self._relists = Counter(
            "pba_sync_relists", "Full reads of the EndpointSlices.", ["reason"], registry=registry
        )
        self._errors = Counter(
            "pba_sync_watch_errors",
            "Failures to read EndpointSlices, or the ConfigMap of nodes.",
            ["error"],
            registry=registry,
        )

    def _age(self) -> float:
        age = self._board.age()
        return _NAN if age is None else age

    def _count(self, state: NodeState) -> float:
        view = self._board.view
        return sum(node.state is state for node in view.nodes.values()) if view else 0

    def _unresolved(self) -> float:
        view = self._board.view
        return len(view.unresolved) if view else 0

    def on_plan(self, heeded: Heeded) -> None:
        """Note which nodes shall be that are others than we were told of."""
        self._unheeded.set(heeded.drained)
        self._unready.set(heeded.unready)
        self._vanished.set(heeded.vanished)

    def on_joined(self, seconds: float) -> None:
        """Note how long a node that was added has waited for it."""
        self._rotation.observe(seconds)

    def on_lookup_failure(self) -> None:
        """Note that a host could not be resolved."""
        self._lookups.inc()

    def on_relist(self, reason: str) -> None:
        """Note a full read."""
        self._relists.labels(reason).inc()

    def on_error(self, error: str) -> None:
        """Note a failure to read."""
        self._errors.labels(error).inc()
