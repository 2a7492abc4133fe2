"""An engine whose domain is the test's: the test says what is planned, and sees what was written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pba_api.identity import LABEL_CLUSTER
from pba_operator.domain.cluster import Invalid, read
from pba_operator.domain.drift import stamp
from pba_operator.domain.model import (
    AccountState,
    Action,
    Apply,
    ChildId,
    Cluster,
    DatabaseObservation,
    Delete,
    EnsureAccounts,
    Failure,
    Generate,
    Manifest,
    Observed,
    Plan,
)
from pba_operator.engine.assembly import Engine
from pba_operator.engine.metrics import Metrics
from pba_operator.engine.ports import Domain
from pba_operator.engine.worker import Outcome
from pba_operator.kube import kinds
from pba_operator.kube.store import Address, Key
from pba_simulation.apiserver import SimulatedApi
from pba_simulation.time import ManualClock
from pba_simulation.world import cluster as manifest_of

KEY = Key("default", "shop")
MAP = ChildId("ConfigMap", "shop-a")
CLUSTER = Address("PBACluster", "default", "shop")
QUESTION = EnsureAccounts(
    "h", "s", "u", (ChildId("Secret", "app"), "p"), ChildId("Secret", "adm"), ChildId("Secret", "ca"), "1"
)


def config_map(name: str = "shop-a", *, label: bool = True, **data: str) -> Manifest:
    labels = {LABEL_CLUSTER: "shop"} if label else {}
    metadata = {"name": name, "namespace": "default", "labels": labels}
    return stamp({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data or {"k": "v"}})


def address(child: ChildId) -> Address:
    return Address(child.kind, "default", child.name)


STATUS = "APPLY PBACluster/shop"


class Bench:
    """An engine whose domain is the test's: `plan` is asked, and until then nothing is planned."""

    def __init__(self) -> None:
        self.api = SimulatedApi()
        self.clock = ManualClock()
        self.plan: Callable[[Observed], Plan] = lambda _observed: Plan()
        self.status: Manifest = {"conditions": []}
        self.failures: tuple[Failure, ...] = ()
        self.contested: Mapping[ChildId, str] = {}
        self.evidence: Callable[[Observed], Manifest | None] = lambda _observed: None
        self.references: tuple[ChildId, ...] = ()
        self.asked: list[EnsureAccounts] = []
        self.answers: list[DatabaseObservation] = []
        self.secrets: Mapping[ChildId, Manifest] = {}
        self.planned = 0
        self.before_generating: Callable[[Generate], None] = lambda _action: None
        self.engine = Engine(
            kube=self.api,
            domain=Domain(
                read=read,
                plan=self._plan,
                report=self._report,
                references=lambda _spec: self.references,
                evidence=lambda _cluster, observed: self.evidence(observed),
            ),
            accounts=self,
            material=self._material,
            clock=self.clock,
            jitter=lambda: 0.0,
            metrics=Metrics(),
        )

    def _plan(self, _cluster: Cluster | Invalid, observed: Observed) -> Plan:
        self.planned += 1
        return self.plan(observed)

    def _report(
        self, cluster: Cluster | Invalid, observed: Observed, failures: tuple[Failure, ...], _plan: Plan
    ) -> Manifest:
        self.failures = failures
        self.contested = observed.contested
        return {"observedGeneration": cluster.generation, **self.status}

    async def ensure(
        self, wanted: EnsureAccounts, secrets: Mapping[ChildId, Manifest], may_write: Callable[[], None]
    ) -> DatabaseObservation:
        may_write()
        self.asked.append(wanted)
        self.secrets = secrets
        return (
            self.answers.pop(0) if self.answers else DatabaseObservation(AccountState.READY, wanted, "9.7.4")
        )

    async def _material(self, action: Generate, issuer: Manifest | None) -> dict[str, str]:
        self.before_generating(action)
        return {"signed-by": issuer["metadata"]["name"] if issuer else "nobody", "of": action.generator.value}

    async def begin(self, **spec: Any) -> None:
        self.api.create_as("user", manifest_of(**spec))
        await self.engine.resync.seed()

    async def reconcile(self) -> Outcome:
        return await self.engine.reconciler.reconcile(KEY)

    def see_events(self) -> None:
        events, self.api.events = self.api.events, []
        for event in events:
            self.engine.intake.event(kinds.of(event.object), event.type, event.object)

    @property
    def written(self) -> list[str]:
        return [str(write) for write in self.api.writes]

    def wants(self, *actions: Action) -> None:
        """Plan these actions for as long as their objects are not there (or still there, to be deleted)."""

        def due(action: Action, observed: Observed) -> bool:
            match action:
                case Apply(manifest) | Generate(manifest):
                    return ChildId.of(manifest) not in observed.children
                case Delete(target):
                    return target in observed.children
                case EnsureAccounts():
                    return observed.database.asked != action
            return True

        self.plan = lambda observed: Plan(tuple(action for action in actions if due(action, observed)))
