"""Counters and histograms by node, kept small: there may be 1,000 nodes, and each comes and goes.

What must stay true: a node's numbers take some hundred bytes, and are dropped after the node has gone; to tell all of
them takes little more memory than their text (`prometheus_client` makes an object of each line: 6 MiB for 1,000 nodes).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Container, Iterable
from itertools import accumulate
from typing import Final

from prometheus_client.core import HistogramMetricFamily

from pba_sync.judging.answers import Answer

BUCKETS: Final = (0.01, 0.05, 0.25, 1.0, 5.0)
"""Seconds. Few, because each is a line for each node."""
MANY: Final = 2000
"""With more nodes' numbers those are dropped that nobody has asked for, and whose nodes have gone."""

FAMILY: Final = HistogramMetricFamily(
    "pba_sync_response_seconds",
    "How long nodes took to begin an answer, or to fail, by node and result.",
    labels=["node", "result"],
)

_LIMITS: Final = (*map(str, BUCKETS), "+Inf")


class _Tally:
    """How often it took how long."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = array("Q", bytes(8 * len(_LIMITS)))
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds


class ResponseTimes:
    """How long each node took to answer, or to fail, for Prometheus."""

    def __init__(self, nodes: Callable[[], Container[str] | None]) -> None:
        """Keep nothing yet; `nodes` returns the nodes that there are, None if that is not known."""
        self._nodes = nodes
        self._tallies: dict[tuple[str, str], _Tally] = {}

    def add(self, answers: Iterable[Answer]) -> None:
        """Count answers."""
        for answer in answers:
            end = answer.end
            result = "passed on" if answer.passed_on else "failed" if end.failed else "answered"
            seconds = end.milliseconds / 1000 if end.milliseconds >= 0 else max(0.0, end.seconds)
            self._tallies.setdefault((answer.node, result), _Tally()).add(seconds)
        if len(self._tallies) > MANY:
            self._drop()

    def _drop(self) -> None:
        nodes = self._nodes()
        if nodes is not None:
            for key in list(self._tallies):
                if key[0] not in nodes:
                    self._tallies.pop(key, None)

    def text(self) -> bytes:
        """Return the numbers, in Prometheus' text format; those of nodes that have gone for the last time."""
        name = FAMILY.name
        lines = [f"# HELP {name} {FAMILY.documentation}\n# TYPE {name} {FAMILY.type}\n".encode()]
        for (node, result), tally in list(self._tallies.items()):
            labels = f'node="{node}",result="{result}"'
            below = list(accumulate(tally.counts))
            lines += [
                f'{name}_bucket{{le="{limit}",{labels}}} {count}\n'.encode()
                for limit, count in zip(_LIMITS, below, strict=True)
            ]
            lines.append(
                f"{name}_count{{{labels}}} {below[-1]}\n{name}_sum{{{labels}}} {tally.seconds}\n".encode()
            )
        self._drop()
        return b"".join(lines)
