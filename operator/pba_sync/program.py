"""The sidecar's start and end: settings, log, threads, signals."""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pykube  # type: ignore[import-untyped]

from pba_api import ports
from pba_sync import logs, probes
from pba_sync.balancer import frontends, others
from pba_sync.balancer.exchange import Exchange
from pba_sync.balancer.loop import Loop, LoopHooks
from pba_sync.balancer.metrics import Metrics
from pba_sync.balancer.planner import Terms
from pba_sync.balancer.stopping import Stopping
from pba_sync.balancer.weigher import Weigher, WeigherHooks
from pba_sync.haproxy.runtime import HAProxy
from pba_sync.settings import Settings, SettingsError, read_settings
from pba_sync.tls import pod
from pba_sync.watching import kube
from pba_sync.watching.memory import Memory
from pba_sync.watching.resolver import Resolver, addresses
from pba_sync.watching.roster import Roster
from pba_sync.watching.view import Board, Watcher, WatcherHooks

STUCK_SECONDS = 15.0
"""A pass of the balancer's loop that takes longer has lost itself: every step of it has a time limit."""
WATCH_STUCK_SECONDS = 120.0
"""A watch that neither ends, fails nor says anything for so long: each of its waits is shorter than half of it."""
COMMAND_SECONDS = 2.0
"""HAProxy answers within milliseconds: one that is silent for so long counts as one that does not answer."""

_LOG = logging.getLogger("pba_sync")


class _Sidecar:
    """The parts, put together."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.board = Board(time.monotonic)
        self.frontends = frontends.FrontendsDesk(time.monotonic)
        self.metrics = metrics = Metrics(self.board, time.monotonic)
        haproxy = HAProxy(settings.socket, COMMAND_SECONDS, metrics.haproxy.on_command)
        metrics.count_retries(haproxy.budget)
        metrics.frontends.tell_age(self.frontends.age)
        self.loop = self._loop(haproxy)
        self.weigher = self._weigher(haproxy)
        self.others = others.Others(
            haproxy, partial(self._others, ports.FRONTEND_HEALTH), time.monotonic, metrics.frontends.on_others
        )
        self.exchange = Exchange(
            haproxy,
            settings.requests_per_client,
            partial(self._others, settings.http_port),
            time.monotonic,
            metrics.frontends.on_rates,
        )
        self.certificates = pod.keeper(settings, haproxy, metrics.tls.on_secret, metrics.tls.on_certificate)
        self.resolver = Resolver(addresses, metrics.nodes.on_lookup_failure)
        self.roster = Roster(self.board, on_hosts=lambda hosts: self.resolver.follow(hosts, self.roster))
        self.watchers = self._watchers()
        self.threads: list[threading.Thread] = []
        metrics.count_faults(
            {
                "balancer": lambda: self.loop.looks.faults,
                "answers": lambda: self.weigher.looks.faults,
                "frontends": lambda: self.others.looks.faults,
                "rates": lambda: self.exchange.looks.faults,
                "certificates": lambda: self.certificates.looks.faults,
            }
        )

    def _loop(self, haproxy: HAProxy) -> Loop:
        settings, metrics = self.settings, self.metrics
        memory = Memory(settings.socket.parent, time.monotonic)
        hooks = LoopHooks(
            clock=time.monotonic,
            share=self._share,
            on_pass=metrics.haproxy.on_pass,
            on_plan=metrics.nodes.on_plan,
            on_change=metrics.haproxy.on_change,
            on_joined=metrics.nodes.on_joined,
            on_restart=metrics.haproxy.on_restart,
            on_step=metrics.haproxy.on_step,
            keep=memory.keep,
            recall=memory.recall,
        )
        stopping = Stopping(settings.socket.parent, settings.leave_seconds, time.monotonic)
        terms = Terms(settings.drain_seconds, settings.check, settings.requests_per_node, settings.affinity)
        return Loop(haproxy, self.board, stopping, terms, hooks)

    def _weigher(self, haproxy: HAProxy) -> Weigher:
        told = self.metrics.answers
        hooks = WeigherHooks(
            clock=time.monotonic,
            on_look=told.on_look,
            on_left=told.on_left,
            on_answers=told.on_answers,
            on_cut_off=told.on_cut_off,
            on_refused=told.on_refused,
        )
        return Weigher(haproxy, self.settings.limits, hooks, self.settings.affinity)

    def _watchers(self) -> Mapping[str, Watcher[Any]]:
        """Return what follows the nodes' slices, their declaration and the frontends' slices, by what it is."""
        settings, told = self.settings, self.metrics.nodes
        configure = partial(pykube.KubeConfig.from_service_account, str(settings.token_folder))
        hooks = WatcherHooks(
            clock=time.monotonic,
            sleep=time.sleep,
            jitter=random.random,
            on_relist=told.on_relist,
            on_error=told.on_error,
        )
        uncounted = replace(hooks, on_relist=lambda _: None)
        slices = partial(kube.slices, configure, settings.namespace, port_name=settings.port_name)
        declaration = kube.declaration(configure, settings.namespace, settings.nodes_config_map)
        return {
            self.roster.pods.what: Watcher(slices(settings.services), self.roster.pods, hooks),
            self.roster.declaration.what: Watcher(declaration, self.roster.declaration, uncounted),
            self.frontends.what: Watcher(slices((settings.frontend_service,)), self.frontends, uncounted),
        }

    def _others(self, port: int) -> Mapping[str, others.Address]:
        """Return where the other frontends have this port."""
        settings = self.settings
        return others.wanted(self.frontends.nodes, settings.frontend_prefix, settings.own_addresses, port)

    def _share(self) -> int:
        """Return how many requests of this frontend may run on a node at a time."""
        settings = self.settings
        serving = frontends.count(self.frontends.nodes, settings.frontend_prefix, settings.own_addresses)
        return frontends.share(settings.requests_per_node, serving)

    def healthz(self) -> str:
        """Return what is wrong with us."""
        now = time.monotonic()
        rates = [("the clients' rates have not been looked at", self.exchange.looks.ended_at, STUCK_SECONDS)]
        for what, beat, longest in (
            ("the balancer's loop has not finished a pass", self.loop.looks.ended_at, STUCK_SECONDS),
            ("the nodes' answers have not been looked at", self.weigher.looks.ended_at, STUCK_SECONDS),
            ("the other frontends have not been looked at", self.others.looks.ended_at, STUCK_SECONDS),
            ("the certificates have not been looked at", self.certificates.looks.ended_at, STUCK_SECONDS),
            *(rates if self.settings.requests_per_client else ()),
            *(
                (f"the watch of {what} has not moved", watcher.moved_at, WATCH_STUCK_SECONDS)
                for what, watcher in self.watchers.items()
            ),
        ):
            if now - beat > longest:
                return f"{what} for {now - beat:.0f} s"
        dead = [thread.name for thread in self.threads if not thread.is_alive()]
        return f"threads have ended: {', '.join(dead)}" if dead else ""

    def readyz(self) -> str:
        """Return why HAProxy is not ready."""
        return "" if self.loop.ready else "HAProxy does not answer, or no node could serve since it started"

    def started(self) -> str:
        """Return why HAProxy cannot be started yet."""
        return "" if self.certificates.started else "no Secret with a certificate can be used"

    def start(self, ended: threading.Event) -> None:
        """Start the threads: some look until `ended` is set; those that wait for the network end with the process."""
        server = probes.serve(
            self.settings.listen,
            self.settings.http_port,
            healthz=self.healthz,
            readyz=self.readyz,
            started=self.started,
            metrics=self.metrics.text,
            rates=self.exchange.page,
        )
        rates = (("rates", partial(self.exchange.run, ended)),) if self.settings.requests_per_client else ()
        for name, target in (
            *((what, watcher.run) for what, watcher in self.watchers.items()),
            ("loop", partial(self.loop.run, ended)),
            ("weights", partial(self.weigher.run, ended)),
            ("failures", self.weigher.follow_failures),
            ("others", partial(self.others.run, ended)),
            ("certificates", partial(self.certificates.run, ended)),
            *rates,
            ("http", server.serve_forever),
        ):
            thread = threading.Thread(target=target, name=name, daemon=True)
            thread.start()
            self.threads.append(thread)


def run(environment: Mapping[str, str], ended: threading.Event) -> int:
    """Run the sidecar until `ended` is set; return the exit status."""
    try:
        settings = read_settings(environment)
    except SettingsError as error:
        _LOG.error("%s", error)
        return 2
    failed = _ended_by_faults(ended)
    _Sidecar(settings).start(ended)
    _LOG.info(
        "following EndpointSlices of the Services %s in namespace %s",
        ", ".join(settings.services),
        settings.namespace,
    )
    ended.wait()
    return 1 if failed else 0


def _ended_by_faults(ended: threading.Event) -> Collection[str]:
    """Have the first thread that dies of a fault end the sidecar; return the names of those that have.

    Each of them is there for something that nobody else does: without it the others would only look well. Our container
    is started anew at once.
    """
    dead: list[str] = []

    def note(fault: threading.ExceptHookArgs) -> None:
        name = fault.thread.name if fault.thread else "?"
        _LOG.critical(
            "the thread %s has died of a fault of its own, and the sidecar ends",
            name,
            exc_info=fault.exc_value,
        )
        dead.append(name)
        ended.set()

    threading.excepthook = note
    return dead


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    logs.set_up()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    sys.exit(run(os.environ, ended))
