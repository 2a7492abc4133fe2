"""What the sidecar tells of itself: the numbers that its users need to trust the balancer."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from pba_sync.balancer.planner import Change, Kind, unheeded, vanished
from pba_sync.haproxy.errors import HAProxyError
from pba_sync.haproxy.retries import Budget
from pba_sync.haproxy.servers import Admin, Server
from pba_sync.judging.answers import Answer
from pba_sync.judging.outliers import Phase, Standings
from pba_sync.judging.tallies import FAMILY, ResponseTimes
from pba_sync.watching.membership import Node, NodeState
from pba_sync.watching.view import Board, View

_IN_ROTATION = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)


class _Retries(Collector):
    """HAProxy's own counts of retries, asked for when they are wanted; none while it does not answer."""

    def __init__(self, budget: Callable[[], Budget]) -> None:
        self._budget = budget

    def collect(self) -> Iterator[CounterMetricFamily]:
        try:
            budget = self._budget()
        except HAProxyError:
            return
        yield CounterMetricFamily(
            "pba_sync_retries", "Requests that were sent to another node, once for each time.", budget.spent
        )
        yield CounterMetricFamily(
            "pba_sync_retries_refused",
            "Requests with a safe method that came while the budget of retries was spent.",
            budget.refused,
        )


class Metrics:
    """The sidecar's metrics, in a registry of their own."""

    def __init__(self, board: Board, clock: Callable[[], float]) -> None:
        self.registry = CollectorRegistry()
        self._board = board
        self._clock = clock
        ProcessCollector(registry=self.registry)
        self._age = Gauge(
            "pba_sync_view_age_seconds",
            "Seconds since anything told that the view of the nodes is current; NaN before the first view.",
            registry=self.registry,
        )
        self._age.set_function(self._view_age)
        self._in_step_at = float("nan")
        step = Gauge(
            "pba_sync_haproxy_age_seconds",
            "Seconds since HAProxy was seen to be as the view of the nodes wants it; NaN before the first time.",
            registry=self.registry,
        )
        step.set_function(lambda: self._clock() - self._in_step_at)
        nodes = Gauge("pba_sync_nodes", "Nodes that we were told of.", ["state"], registry=self.registry)
        for state in NodeState:
            nodes.labels(state.value).set_function(partial(self._nodes, state))
        self._unheeded = Gauge(
            "pba_sync_drains_unheeded",
            "Nodes that are drained by hand and serve on, because no other node can.",
            registry=self.registry,
        )
        self._vanished = Gauge(
            "pba_sync_nodes_vanished",
            "Nodes of which nothing is told any more and that serve on, because no other node can.",
            registry=self.registry,
        )
        unresolved = Gauge(
            "pba_sync_nodes_unresolved",
            "Nodes outside of the cluster whose host's address was never known.",
            registry=self.registry,
        )
        unresolved.set_function(self._unresolved)
        self._lookups = Counter(
            "pba_sync_lookup_failures",
            "Failures to find the address of a node outside of the cluster.",
            registry=self.registry,
        )
        self._servers = Gauge(
            "pba_sync_servers", "Servers in HAProxy, by what it was told.", ["admin"], registry=self.registry
        )
        self._usable = Gauge(
            "pba_sync_servers_usable", "Servers to which HAProxy sends requests.", registry=self.registry
        )
        self._others = Gauge(
            "pba_sync_frontends_serving",
            "Other frontends that have a node which passes their checks.",
            registry=self.registry,
        )
        self._spread_clients = Gauge(
            "pba_sync_clients_spread",
            "Clients that ask several frontends together for more than a client may.",
            registry=self.registry,
        )
        self._unheard = Gauge(
            "pba_sync_frontends_unheard",
            "Other frontends that were asked what clients ask them for, and did not tell.",
            registry=self.registry,
        )
        self._standings = Gauge(
            "pba_sync_nodes_by_standing",
            "Nodes in rotation, by what their answers have made of them: full, rising, out, trial.",
            ["standing"],
            registry=self.registry,
        )
        self._left = Gauge(
            "pba_sync_nodes_left",
            "Nodes whose bound clients are sent to others: they fail, are too slow, or drained for long enough.",
            registry=self.registry,
        )
        self._clients = Counter(
            "pba_sync_requests_by_client",
            "Requests that nodes were sent, by what the client's cookie said; none where no cookie binds clients.",
            ["client"],
            registry=self.registry,
        )
        self._times = ResponseTimes(lambda: board.view.nodes if board.view else None)
        self._changes = Counter(
            "pba_sync_changes", "Changes of HAProxy's set of servers.", ["change"], registry=self.registry
        )
        self._commands = Counter(
            "pba_sync_commands", "Commands to HAProxy.", ["command"], registry=self.registry
        )
        self._failures = Counter(
            "pba_sync_command_failures",
            "Commands that HAProxy refused or did not answer.",
            ["command"],
            registry=self.registry,
        )
        self._relists = Counter(
            "pba_sync_relists", "Full reads of the EndpointSlices.", ["reason"], registry=self.registry
        )
        self._errors = Counter(
            "pba_sync_watch_errors",
            "Failures to read EndpointSlices, or the ConfigMap of nodes.",
            ["error"],
            registry=self.registry,
        )
        self._restarts = Counter(
            "pba_sync_haproxy_restarts", "Restarts of HAProxy that were seen.", registry=self.registry
        )
        self._rotation = Histogram(
            "pba_sync_in_rotation_seconds",
            "From the event of a node's EndpointSlice to its place in HAProxy's rotation.",
            buckets=_IN_ROTATION,
            registry=self.registry,
        )

        self._usable_secrets = Gauge(
            "pba_sync_tls_secret_usable",
            "1: HAProxy uses what the Secret holds; 0: that cannot be used, HAProxy goes on with what it has.",
            ["secret"],
            registry=self.registry,
        )
        self._certificate_ends = Gauge(
            "pba_sync_tls_certificate_not_after_timestamp_seconds",
            "When the certificate expires that HAProxy shows.",
            ["secret"],
            registry=self.registry,
        )

    def count_retries(self, budget: Callable[[], Budget]) -> None:
        """Tell of HAProxy's own counts of retries, too; `budget` asks for them."""
        self.registry.register(_Retries(budget))

    def families(self) -> Iterator[Metric]:
        """Yield all metrics that `text` tells; of those by node only what they are."""
        yield from self.registry.collect()
        yield FAMILY

    def text(self) -> bytes:
        """Return all metrics, in Prometheus' text format."""
        return generate_latest(self.registry) + self._times.text()

    def _view_age(self) -> float:
        age = self._board.age()
        return float("nan") if age is None else age

    def _nodes(self, state: NodeState) -> float:
        view = self._board.view
        return sum(node.state is state for node in view.nodes.values()) if view else 0

    def _unresolved(self) -> float:
        view = self._board.view
        return len(view.unresolved) if view else 0

    def on_step(self) -> None:
        """Note that HAProxy is as it should be."""
        self._in_step_at = self._clock()

    def on_others(self, count: int) -> None:
        """Note how many other frontends can serve."""
        self._others.set(count)

    def on_rates(self, spread: int, unheard: int) -> None:
        """Note how many clients are held to what others tell of them, and how many others tell nothing."""
        self._spread_clients.set(spread)
        self._unheard.set(unheard)

    def on_lookup_failure(self) -> None:
        """Note that a host could not be resolved."""
        self._lookups.inc()

    def on_look(self, known: Standings) -> None:
        """Note how the nodes stand."""
        tally = Tally(mark.phase for mark in known.marks.values())
        for phase in Phase:
            self._standings.labels(phase.value).set(tally[phase])

    def on_answers(self, answers: Sequence[Answer]) -> None:
        """Note what requests came to."""
        self._times.add(answers)
        for client, count in Tally(answer.client for answer in answers if answer.client).items():
            self._clients.labels(client).inc(count)

    def on_left(self, count: int) -> None:
        """Note how many nodes bound clients leave."""
        self._left.set(count)

    def on_pass(self, live: Mapping[str, Server]) -> None:
        """Note HAProxy's servers."""
        tally = Tally(server.admin for server in live.values())
        for admin in Admin:
            self._servers.labels(admin.value).set(tally[admin])
        self._usable.set(sum(server.usable for server in live.values()))

    def on_plan(self, told: Mapping[str, Node], nodes: Mapping[str, Node]) -> None:
        """Note which nodes shall be that are others than we were told of."""
        self._unheeded.set(unheeded(told, nodes))
        self._vanished.set(vanished(told, nodes))

    def on_change(self, change: Change, view: View) -> None:
        """Note a change that was carried out."""
        self._changes.labels(change.kind.value).inc()
        if change.kind is Kind.ADD:
            self._rotation.observe(self._clock() - view.changed_at)

    def on_command(self, verb: str, succeeded: bool) -> None:  # noqa: FBT001 - a callback's shape
        """Note a command."""
        self._commands.labels(verb).inc()
        if not succeeded:
            self._failures.labels(verb).inc()

    def on_relist(self, reason: str) -> None:
        """Note a full read."""
        self._relists.labels(reason).inc()

    def on_error(self, error: str) -> None:
        """Note a failure to read."""
        self._errors.labels(error).inc()

    def on_restart(self) -> None:
        """Note a restart of HAProxy."""
        self._restarts.inc()

    def on_secret(self, secret: str, usable: bool) -> None:  # noqa: FBT001 - a callback's shape
        """Note whether HAProxy uses what a Secret with a certificate holds."""
        self._usable_secrets.labels(secret).set(usable)

    def on_certificate(self, secret: str, ends: float) -> None:
        """Note when a certificate expires that HAProxy shows."""
        self._certificate_ends.labels(secret).set(ends)
