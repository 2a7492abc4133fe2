"""`sidecar-*`: what the sidecar takes of the machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from pba_hack.bench.balancer.balancers import Balancer
from pba_hack.bench.balancer.stage import RATE, Found, Stage, in_namespace
from pba_hack.bench.case import Case
from pba_hack.process_usage import memory_note, processor_seconds, resident_mib

NODES: Final = 11
MANY: Final = 1000
SECONDS: Final = 60.0
SHORT_SECONDS: Final = 2.0


def nodes(case: str) -> int:
    """Return how many nodes there are."""
    return MANY if case == "sidecar-memory" else NODES


def perform(stage: Stage) -> Found:
    """Look at the sidecar of one frontend after another."""
    figures: Mapping[str, Callable[[Stage, Balancer], float]] = {
        "sidecar-memory": _memory,
        "sidecar-cpu-idle": _idle,
        "sidecar-cpu-load": _loaded,
    }
    return stage.in_turn(partial(figures[stage.orders.case], stage))


def _memory(stage: Stage, balancer: Balancer) -> float:
    idle, loaded = _idle(stage, balancer), _loaded(stage, balancer)
    (sidecar,) = balancer.sidecars
    stage.note(
        f"{memory_note(sidecar)}; cores: {idle:.3f} without traffic, {loaded:.3f} at {stage.rate:,.0f}/s"
    )
    return resident_mib(sidecar)


def _idle(stage: Stage, balancer: Balancer) -> float:
    return _cores(balancer, lambda: time.sleep(_seconds(stage)))


def _loaded(stage: Stage, balancer: Balancer) -> float:
    return _cores(balancer, lambda: stage.load(balancer, _seconds(stage)))


def _cores(balancer: Balancer, meanwhile: Callable[[], object]) -> float:
    """Return how many processors the sidecar uses while something is done."""
    (sidecar,) = balancer.sidecars
    began, before = time.monotonic(), processor_seconds(sidecar)
    meanwhile()
    return (processor_seconds(sidecar) - before) / (time.monotonic() - began)


def _seconds(stage: Stage) -> float:
    return SHORT_SECONDS if stage.orders.short else SECONDS


def _case(case: str, unit: str, reach: str, measures: str) -> Case:
    return Case(
        id=case, unit=unit, reach=reach, measures=measures, measure=partial(in_namespace, __name__, case, ())
    )


CASES: Final = (
    _case(
        "sidecar-memory",
        "MiB",
        "<= 45",
        f"resident memory of the sidecar with {MANY:,} nodes, after {RATE:,.0f} requests/s for a minute",
    ),
    _case(
        "sidecar-cpu-idle",
        "cores",
        "<= 0.02",
        f"processors that the sidecar of {NODES} nodes uses without traffic",
    ),
    _case(
        "sidecar-cpu-load",
        "cores",
        "<= 0.1",
        f"processors that the sidecar of {NODES} nodes uses at {RATE:,.0f} requests/s",
    ),
)
