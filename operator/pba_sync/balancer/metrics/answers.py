"""What is told of requests, and of how nodes stand by what they answered."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from pba_sync.judging.answers import Answer
from pba_sync.judging.outliers import Standings
from pba_sync.judging.phases import Phase
from pba_sync.judging.tallies import ResponseTimes
from pba_sync.watching.view import Board


class AnswerMetrics:
    """Metrics of what nodes answered, and of what it has made of them."""

    def __init__(self, registry: CollectorRegistry, board: Board) -> None:
        self.times = ResponseTimes(lambda: board.view.nodes if board.view else None)
        self._standings = Gauge(
            "pba_sync_nodes_by_standing",
            "Nodes in rotation, by what their answers have made of them: full, rising, out, trial.",
            ["standing"],
            registry=registry,
        )
        self._left = Gauge(
            "pba_sync_nodes_left",
            "Nodes whose bound clients are sent to others: they fail, are too slow, or drained for long enough.",
            registry=registry,
        )
        self._clients = Counter(
            "pba_sync_requests_by_client",
            "Requests that nodes were sent, by what the client's cookie said; none where no cookie binds clients.",
            ["client"],
            registry=registry,
        )

        self._cut_off = Counter(
            "pba_sync_requests_cut_off",
            "Requests that were ended at the deadline of a node that went; those of WebSocket apart.",
            ["kind"],
            registry=registry,
        )

        self._refused = Counter(
            "pba_sync_requests_refused",
            "Requests that no node has got, by the status of HAProxy's own answer, 400 or more.",
            ["status"],
            registry=registry,
        )

    def on_look(self, known: Standings) -> None:
        """Note how the nodes stand."""
        tally = Tally(mark.phase for mark in known.marks.values())
        for phase in Phase:
            self._standings.labels(phase.value).set(tally[phase])

    def on_answers(self, answers: Sequence[Answer]) -> None:
        """Note what requests came to."""
        self.times.add(answers)
        for cookie, count in Tally(answer.cookie for answer in answers if answer.cookie).items():
            self._clients.labels(cookie).inc(count)

    def on_cut_off(self, counts: Mapping[str, int]) -> None:
        """Note what was ended at the deadline of a node."""
        for kind, count in counts.items():
            self._cut_off.labels(kind).inc(count)

    def on_refused(self, counts: Mapping[str, int]) -> None:
        """Note what no node has got."""
        for status, count in counts.items():
            self._refused.labels(status).inc(count)

    def on_left(self, count: int) -> None:
        """Note how many nodes bound clients leave."""
        self._left.set(count)
