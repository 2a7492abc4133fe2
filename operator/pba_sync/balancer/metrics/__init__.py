"""What the sidecar tells of itself: the numbers that its users need to trust the balancer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Metric, ProcessCollector, generate_latest

from pba_sync.balancer.metrics.answers import AnswerMetrics
from pba_sync.balancer.metrics.faults import FaultCounts
from pba_sync.balancer.metrics.frontends import FrontendMetrics
from pba_sync.balancer.metrics.haproxy import HAProxyMetrics, RetryCounts
from pba_sync.balancer.metrics.nodes import NodeMetrics
from pba_sync.balancer.metrics.tls import TLSMetrics
from pba_sync.haproxy.retries import Budget
from pba_sync.judging.tallies import FAMILY
from pba_sync.watching.view import Board


class Metrics:
    """The sidecar's metrics, in a registry of their own; each part is told by one of the sidecar's."""

    def __init__(self, board: Board, clock: Callable[[], float]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.nodes = NodeMetrics(self.registry, board, clock)
        self.haproxy = HAProxyMetrics(self.registry, clock)
        self.answers = AnswerMetrics(self.registry, board)
        self.frontends = FrontendMetrics(self.registry)
        self.tls = TLSMetrics(self.registry)

    def count_retries(self, budget: Callable[[], Budget]) -> None:
        """Tell of HAProxy's own counts of retries, too; `budget` asks for them."""
        self.registry.register(RetryCounts(budget))

    def count_faults(self, parts: Mapping[str, Callable[[], int]]) -> None:
        """Tell of our own faults, too; `parts` tell how many each of them has met."""
        self.registry.register(FaultCounts(parts))

    def families(self) -> Iterator[Metric]:
        """Yield all metrics that `text` tells; of those by node only what they are."""
        yield from self.registry.collect()
        yield FAMILY

    def text(self) -> bytes:
        """Return all metrics, in Prometheus' text format."""
        return generate_latest(self.registry) + self.answers.times.text()
