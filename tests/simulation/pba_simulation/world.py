"""The whole: a simulated cluster, an operator on it that can be ended and begun again, and time."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping
from typing import Any

from pba_hack.conditions import condition, is_ready
from pba_operator.domain.cluster import read
from pba_operator.domain.frontend import SyncImage
from pba_operator.domain.model import (
    AccountState,
    ChildId,
    DatabaseObservation,
    EnsureAccounts,
    Generate,
    Manifest,
)
from pba_operator.domain.plan import evidence, plan, references
from pba_operator.domain.report import report
from pba_operator.engine.assembly import Engine
from pba_operator.engine.metrics import Metrics
from pba_operator.engine.ports import Domain
from pba_operator.engine.resync import SETTLE_SECONDS
from pba_operator.kube import kinds
from pba_operator.kube.store import Address
from pba_simulation.apiserver import Event, SimulatedApi
from pba_simulation.controllers import Controllers
from pba_simulation.secrets import content
from pba_simulation.time import ManualClock

Object = dict[str, Any]
NAMESPACE = "default"
NAME = "shop"
SYNC_IMAGE = SyncImage("localhost/pba-sync:1", "IfNotPresent")
HORIZON = 900.0
"""Seconds that a world may need to come to rest."""

DOMAIN = Domain(
    read=read,
    plan=functools.partial(plan, sync_image=SYNC_IMAGE),
    report=report,
    references=references,
    evidence=evidence,
)


class Killed(BaseException):
    """The operator's process was ended."""


class SimulatedMySQL:
    """Answers as MySQL would, if the pod behind the host is ready."""

    def __init__(self, api: SimulatedApi) -> None:
        self._api = api
        self.asked: list[EnsureAccounts] = []
        self.refusals: list[DatabaseObservation] = []
        """What it answers next, instead."""

    async def ensure(
        self,
        wanted: EnsureAccounts,
        secrets: Mapping[ChildId, Manifest],  # noqa: ARG002 - it believes any password
        may_write: Callable[[], None],
    ) -> DatabaseObservation:
        may_write()
        self.asked.append(wanted)
        if self.refusals:
            answer = self.refusals.pop(0)
            return DatabaseObservation(answer.state, wanted, answer.version, answer.detail)
        if not any(is_ready(pod) and "mysql" in pod["metadata"]["name"] for pod in self._api.of_kind("Pod")):
            return DatabaseObservation(AccountState.UNREACHABLE, wanted, detail="no pod is ready")
        return DatabaseObservation(AccountState.READY, wanted, "9.7.4")


async def material(action: Generate, issuer: Manifest | None) -> dict[str, str]:
    """Make the content of a Secret, the same each time."""
    return content(action, issuer)


def cluster(name: str = NAME, **spec: Any) -> Object:
    """Return a PBACluster; `spec` is merged into a small valid one."""
    return {
        "apiVersion": kinds.CLUSTER.api_version,
        "kind": kinds.CLUSTER.name,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "application": {"image": "app:1"},
            "database": {"image": "mysql:9.7.4", "storage": {"size": "1Gi"}},
            **spec,
        },
    }


class World:
    """A simulated cluster with one operator."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.api = SimulatedApi()
        self.controllers = Controllers(self.api)
        self.mysql = SimulatedMySQL(self.api)
        self.deliver: Callable[[list[Event]], list[Event]] = list
        """What becomes of events on their way: a test may lose, repeat or reorder them."""
        self.engine = self._engine()
        self.running = False

    def _engine(self) -> Engine:
        return Engine(
            kube=self.api,
            domain=DOMAIN,
            accounts=self.mysql,
            material=material,
            clock=self.clock,
            jitter=lambda: 0.0,
            metrics=Metrics(),
        )

    async def start(self) -> None:
        """Begin the operator anew, with nothing but what the API server knows."""
        self.engine.queue.close()
        self.engine = self._engine()
        self.api.events.clear()
        await self.engine.resync.seed()
        self.engine.lead()
        self.running = True

    def stop(self) -> None:
        """End the operator; what happens meanwhile it will not have seen."""
        self.engine.queue.close()
        self.running = False

    async def settle(self, horizon: float = HORIZON) -> None:
        """Let everything happen until nothing does any more, or the horizon is reached."""
        end = self.clock.now() + horizon
        while self.clock.now() < end:
            await self._run()
            due = self.clock.next_due() if self.running else None
            if due is None:
                return
            await self.clock.advance(due)

    async def compare(self) -> None:
        """Have the cache compared with the API server, as after a gap in every stream."""
        for stream in list(self.engine.resync._streams):
            task = asyncio.create_task(self.engine.resync.relist(stream))
            while not task.done():
                await self.clock.advance(SETTLE_SECONDS)

    async def _run(self) -> None:
        while True:
            busy = self.controllers.run()
            busy = self._hand_over() or busy
            if self.running and self.engine.queue.depth:
                busy = True
                await self.step()
            if not busy:
                return

    async def step(self) -> None:
        """Let the operator look at one PBACluster."""
        try:
            await self.engine.workers.work_once()
        except Killed:
            self.stop()

    def _hand_over(self) -> bool:
        events, self.api.events = self.api.events, []
        if self.running:
            for event in self.deliver(events):
                self.engine.intake.event(kinds.BY_NAME[event.object["kind"]], event.type, event.object)
        return bool(events)

    # What a user sees and does.

    def get(self, kind: str, name: str) -> Object | None:
        return self.api.objects.get(Address(kind, NAMESPACE, name))

    def create(self, manifest: Object) -> Object:
        return self.api.create_as("user", manifest)

    def edit(self, kind: str, name: str, **patch: Any) -> Object:
        return self.api.patch_as("user", Address(kind, NAMESPACE, name), patch)

    def delete(self, kind: str, name: str) -> None:
        self.api.delete_as(Address(kind, NAMESPACE, name))

    def condition(self, type_: str, name: str = NAME) -> Object | None:
        return condition(self.get(kinds.CLUSTER.name, name) or {}, type_)

    def is_ready(self, name: str = NAME) -> bool:
        return is_ready(self.get(kinds.CLUSTER.name, name) or {})
