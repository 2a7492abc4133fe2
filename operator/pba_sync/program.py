"""The sidecar's start and end: settings, log, threads, signals."""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Mapping
from functools import partial

import pykube  # type: ignore[import-untyped]

from pba_sync import logs, probes
from pba_sync.balancer.kube import KubernetesSlices
from pba_sync.balancer.loop import Loop, LoopHooks
from pba_sync.balancer.metrics import Metrics
from pba_sync.balancer.outliers import Limits
from pba_sync.balancer.runtime import HAProxy
from pba_sync.balancer.stopping import Stopping
from pba_sync.balancer.view import Board, Watcher, WatcherHooks
from pba_sync.balancer.weigher import Weigher, WeigherHooks
from pba_sync.settings import Settings, SettingsError, read_settings

STUCK_SECONDS = 15.0
"""A pass of the balancer's loop that takes longer has lost itself: every step of it has a time limit."""
WATCH_STUCK_SECONDS = 120.0
"""A watch that neither ends, fails nor says anything for so long: each of its waits is shorter than half of it."""
COMMAND_SECONDS = 2.0

_LOG = logging.getLogger("pba_sync")


class _Sidecar:
    """The parts, put together."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.board = Board(time.monotonic)
        self.metrics = Metrics(self.board, time.monotonic)
        haproxy = HAProxy(settings.socket, COMMAND_SECONDS, self.metrics.on_command)
        self.loop = Loop(
            haproxy,
            self.board,
            Stopping(settings.socket.parent, time.monotonic),
            settings.drain_seconds,
            LoopHooks(time.monotonic, self.metrics.on_pass, self.metrics.on_change, self.metrics.on_restart),
            settings.affinity,
        )
        self.weigher = Weigher(
            haproxy,
            Limits(),
            WeigherHooks(time.monotonic, self.metrics.on_look, self.metrics.on_left, self.metrics.on_answers),
            settings.affinity,
        )
        self.watcher = Watcher(
            KubernetesSlices(
                partial(pykube.KubeConfig.from_service_account, str(settings.token_folder)),
                settings.namespace,
                settings.service,
                settings.port_name,
            ),
            self.board,
            WatcherHooks(
                clock=time.monotonic,
                sleep=time.sleep,
                jitter=random.random,
                on_relist=self.metrics.on_relist,
                on_error=self.metrics.on_error,
            ),
        )
        self.threads: list[threading.Thread] = []

    def healthz(self) -> str:
        """Return what is wrong with us."""
        now = time.monotonic()
        if now - self.loop.passed_at > STUCK_SECONDS:
            return f"the balancer's loop has not finished a pass for {now - self.loop.passed_at:.0f} s"
        if now - self.weigher.looked_at > STUCK_SECONDS:
            return f"the nodes' answers have not been looked at for {now - self.weigher.looked_at:.0f} s"
        if now - self.watcher.moved_at > WATCH_STUCK_SECONDS:
            return f"the watch of EndpointSlices has not moved for {now - self.watcher.moved_at:.0f} s"
        dead = [thread.name for thread in self.threads if not thread.is_alive()]
        return f"threads have ended: {', '.join(dead)}" if dead else ""

    def readyz(self) -> str:
        """Return why HAProxy is not ready."""
        return (
            ""
            if self.loop.ready
            else "HAProxy does not answer, or no backend node could serve since it started"
        )

    def start(self) -> None:
        """Start the threads."""
        server = probes.serve(
            self.settings.listen,
            self.settings.http_port,
            healthz=self.healthz,
            readyz=self.readyz,
            metrics=self.metrics.text,
        )
        for name, target in (
            ("watch", self.watcher.run),
            ("loop", self.loop.run),
            ("weights", self.weigher.run),
            ("failures", self.weigher.follow_failures),
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
    _Sidecar(settings).start()
    _LOG.info("following EndpointSlices of Service %s/%s", settings.namespace, settings.service)
    ended.wait()
    return 0


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    logs.set_up()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    sys.exit(run(os.environ, ended))
