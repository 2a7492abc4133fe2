"""The real engine on the simulated cluster, its time in the test's hands."""

from __future__ import annotations

from pba_operator.engine.assembly import Engine
from pba_operator.engine.metrics import Metrics
from pba_simulation.apiserver import SimulatedApi
from pba_simulation.time import ManualClock
from pba_simulation.world import DOMAIN, SimulatedMySQL, material


def engine_on(api: SimulatedApi, clock: ManualClock, *, jitter: float = 0.0) -> Engine:
    return Engine(
        kube=api,
        domain=DOMAIN,
        accounts=SimulatedMySQL(api),
        material=material,
        clock=clock,
        jitter=lambda: jitter,
        metrics=Metrics(),
    )
