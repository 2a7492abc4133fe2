"""The engine's parts, put together around an API server: the real one, or one that a test simulates."""

from __future__ import annotations

from collections.abc import Callable

from pba_operator.engine.act import Actor
from pba_operator.engine.events import Recorder
from pba_operator.engine.health import Health
from pba_operator.engine.intake import Intake
from pba_operator.engine.metrics import Metrics
from pba_operator.engine.ports import Accounts, Domain, Kube, Material
from pba_operator.engine.queue import Queue
from pba_operator.engine.reconcile import Reconciler
from pba_operator.engine.references import References
from pba_operator.engine.resync import Resync
from pba_operator.engine.worker import Workers
from pba_operator.kube.clock import Clock
from pba_operator.kube.store import Store
from pba_operator.kube.streams import Stream, Streams


class Engine:
    """Everything between a watch's event and a write."""

    def __init__(  # noqa: PLR0913 - what differs between the real world and a simulated one
        self,
        *,
        kube: Kube,
        domain: Domain,
        accounts: Accounts,
        material: Material,
        clock: Clock,
        jitter: Callable[[], float],
        metrics: Metrics,
        namespaces: tuple[str, ...] = (),
    ) -> None:
        """Put the parts together.

        Args:
            kube: the API server.
            domain: decides.
            accounts: MySQL.
            material: makes the content of Secrets.
            clock: the time.
            jitter: answers a number from 0 to 1.
            metrics: are told what happens.
            namespaces: that are watched; empty: all.
        """
        self.metrics = metrics
        self.store = Store()
        self.queue = Queue(clock, jitter)
        self.streams = Streams(namespaces, clock, self._gap)
        self.intake = Intake(self.store, self.queue, self.streams, metrics)
        self.resync = Resync(
            kube=kube,
            store=self.store,
            intake=self.intake,
            queue=self.queue,
            metrics=metrics,
            clock=clock,
            jitter=jitter,
            namespaces=namespaces,
            listed=self.streams.listed,
        )
        self.reconciler = Reconciler(
            domain=domain,
            store=self.store,
            kube=kube,
            actor=Actor(kube, accounts, material, clock),
            references=References(kube, clock),
            recorder=Recorder(kube, clock),
            clock=clock,
            failures_of=self.queue.failures,
        )
        self.workers = Workers(self.queue, self.reconciler.reconcile, clock, metrics)
        self.health = Health(
            queue=self.queue, workers=self.workers, streams=self.streams, resync=self.resync, kube=kube
        )
        metrics.follow_queue(lambda: self.queue.depth, self.queue.oldest)

    def _gap(self, stream: Stream) -> None:
        self.resync.gap(stream)

    def lead(self) -> None:
        """Have everything looked at: from now on this process acts."""
        self.health.acting = True
        self.metrics.leads(leader=True)
        for key in self.store.clusters():
            self.queue.add(key)
