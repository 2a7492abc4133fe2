"""What the operator tells Prometheus about itself.

What must stay true: no label takes more values than the kinds, verbs and codes there are: never a cluster's
name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

NAMESPACE: Final = "pba_operator"
"""The prefix of all names: metrics of many programs meet in one Prometheus."""
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """The metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ours: dict[str, Any] = {"namespace": NAMESPACE, "registry": self.registry}
        self._reconciles = Counter("reconcile", "Reconciles, by how they ended", ["result"], **ours)
        self._seconds = Histogram("reconcile_seconds", "Duration of a reconcile", buckets=_SECONDS, **ours)
        self._depth = Gauge("queue_depth", "Clusters that wait for a worker", **ours)
        self._oldest = Gauge("queue_oldest_seconds", "How long the first in the queue has waited", **ours)
        self._requests = Counter(
            "api_requests", "Requests to the API server", ["verb", "kind", "code"], **ours
        )
        self._events = Counter("watch_events", "Events from the watches", ["kind", "type"], **ours)
        self._relists = Counter(
            "relists", "Listings that compare the cache with the API server", ["kind"], **ours
        )
        self._healed = Counter(
            "relist_corrections",
            "What such a listing found that no watch had told",
            ["kind"],
            **ours,
        )
        self._leader = Gauge("leader", "1 while this process holds the Lease", **ours)

    def reconciled(self, result: str, seconds: float) -> None:
        """Count a reconcile."""
        self._reconciles.labels(result).inc()
        self._seconds.observe(seconds)

    def requested(self, verb: str, kind: str, code: str) -> None:
        """Count a request to the API server."""
        self._requests.labels(verb, kind, code).inc()

    def watched(self, kind: str, event: str) -> None:
        """Count an event from a watch."""
        self._events.labels(kind, event).inc()

    def relisted(self, kind: str, corrections: int) -> None:
        """Count a listing, and what it has corrected."""
        self._relists.labels(kind).inc()
        self._healed.labels(kind).inc(corrections)

    def leads(self, *, leader: bool) -> None:
        """Note whether this process holds the Lease."""
        self._leader.set(1 if leader else 0)

    def follow_queue(self, depth: Callable[[], float], oldest: Callable[[], float]) -> None:
        """Have the queue's length and age read whenever somebody asks for the metrics."""
        self._depth.set_function(depth)
        self._oldest.set_function(oldest)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)
