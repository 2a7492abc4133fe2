"""What is told of HAProxy: its servers, what it was told, its counts."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from pba_sync.balancer.planner import Change
from pba_sync.haproxy.errors import HAProxyError
from pba_sync.haproxy.retries import Budget
from pba_sync.haproxy.servers import Admin, Server


class RetryCounts(Collector):
    """HAProxy's own counts of retries, asked for when they are wanted; none while it does not answer."""

    def __init__(self, budget: Callable[[], Budget]) -> None:
        self._budget = budget

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Ask for them."""
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


class HAProxyMetrics:
    """Metrics of HAProxy as the sidecar keeps it."""

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._in_step_at = float("nan")
        step = Gauge(
            "pba_sync_haproxy_age_seconds",
            "Seconds since HAProxy was seen to be as the view of the nodes wants it; NaN before the first time.",
            registry=registry,
        )
        step.set_function(lambda: self._clock() - self._in_step_at)
        self._servers = Gauge(
            "pba_sync_servers", "Servers in HAProxy, by what it was told.", ["admin"], registry=registry
        )
        self._usable = Gauge(
            "pba_sync_servers_usable", "Servers to which HAProxy sends requests.", registry=registry
        )
        self._changes = Counter(
            "pba_sync_changes", "Changes of HAProxy's set of servers.", ["change"], registry=registry
        )
        self._commands = Counter("pba_sync_commands", "Commands to HAProxy.", ["command"], registry=registry)
        self._failures = Counter(
            "pba_sync_command_failures",
            "Commands that HAProxy refused or did not answer.",
            ["command"],
            registry=registry,
        )
        self._restarts = Counter(
            "pba_sync_haproxy_restarts", "Restarts of HAProxy that were seen.", registry=registry
        )

    def on_step(self) -> None:
        """Note that HAProxy is as it should be."""
        self._in_step_at = self._clock()

    def on_pass(self, live: Mapping[str, Server]) -> None:
        """Note HAProxy's servers."""
        tally = Tally(server.admin for server in live.values())
        for admin in Admin:
            self._servers.labels(admin.value).set(tally[admin])
        self._usable.set(sum(server.usable for server in live.values()))

    def on_change(self, change: Change) -> None:
        """Note a change that was carried out."""
        self._changes.labels(change.kind.value).inc()

    def on_command(self, verb: str, succeeded: bool) -> None:  # noqa: FBT001 - a callback's shape
        """Note a command."""
        self._commands.labels(verb).inc()
        if not succeeded:
            self._failures.labels(verb).inc()

    def on_restart(self) -> None:
        """Note a restart of HAProxy."""
        self._restarts.inc()
