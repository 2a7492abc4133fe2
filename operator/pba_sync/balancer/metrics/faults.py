"""What is told of the sidecar's own faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector


class FaultCounts(Collector):
    """The faults of each part, counted where they are met."""

    def __init__(self, parts: Mapping[str, Callable[[], int]]) -> None:
        self._parts = parts

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Ask the parts."""
        counts = CounterMetricFamily(
            "pba_sync_faults",
            "Looks and passes that failed on a fault of the sidecar's own.",
            labels=["part"],
        )
        for part, count in self._parts.items():
            counts.add_metric([part], count())
        yield counts
