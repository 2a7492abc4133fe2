"""`equal-*`: equal nodes, by the frontend and by the same HAProxy with a static file; and by others.

`picker-cost`: the same beside another way to follow latency, a picker within HAProxy.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from pba_hack.bench.balancer.balancers import Balancer, Start
from pba_hack.bench.balancer.load import WELL, Load
from pba_hack.bench.balancer.peers.names import CADDY, ENVOY_LEAST, KEPT, LEAST, NGINX, PICKER
from pba_hack.bench.balancer.stage import PROJECT, RATE, WARM_SECONDS, Found, Stage, held
from pba_hack.bench.case import Case, Measured, Trial
from pba_hack.bench.rounds import Figure, side_by_side
from pba_hack.bench.samples import Round, SideBySide
from pba_hack.bench.statistics import median
from pba_hack.process_usage import processor_seconds

ROUNDS: Final = 7
NODES: Final = 11
SECONDS: Final = 10.0
SHORT_SECONDS: Final = 1.0
CLIENTS: Final = 64
"""So many ask at the same time when it is about how much is carried."""
AT_ONCE: Final = {"delay_ms": 0.0}
"""How nodes answer when it is about how much is carried: the balancer has to be what there is too little of."""
FLOOR: Final = LEAST
OTHERS: Final = (KEPT, NGINX, CADDY, ENVOY_LEAST)


def nodes(_case: str) -> int:
    """Return how many nodes there are."""
    return NODES


class Equal:
    """Measures one balancer after another."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._seconds = SHORT_SECONDS if stage.orders.short else SECONDS
        self._carried = stage.orders.case == THROUGHPUT.id
        self._sidecars: list[float] = []
        self._figure = {
            THROUGHPUT.id: self._throughput,
            PROCESSOR.id: self._processor,
            PICKER_COST.id: self._processor,
            P99.id: self._p99,
        }[stage.orders.case]

    def of(self, name: str) -> Figure:
        """Return what starts a balancer and returns its figure."""
        return lambda: self.ask(partial(self._stage.start, name))

    def ask(self, start: Start) -> float:
        """Return the figure of a balancer, which is started for it."""
        self._stage.nodes.order("set", None, **(AT_ONCE if self._carried else WELL))
        with start() as balancer:
            self._load(balancer, WARM_SECONDS)
            return self._figure(balancer)

    def notes(self) -> list[str]:
        """Return what was seen of the sidecars, where it is about processor time."""
        if not self._sidecars:
            return []
        return [f"of the frontend's the sidecar's own: {median(self._sidecars):.0f} µs per request (median)"]

    def _throughput(self, balancer: Balancer) -> float:
        load = self._load(balancer, self._seconds)
        return (len(load.sent) - load.failures.total()) / self._seconds

    def _processor(self, balancer: Balancer) -> float:
        before = balancer.processor_seconds()
        sidecars = sum(map(processor_seconds, balancer.sidecars))
        load = self._load(balancer, self._seconds)
        sidecars = sum(map(processor_seconds, balancer.sidecars)) - sidecars
        each = (balancer.processor_seconds() - before) / len(load.sent) * 1e6
        if balancer.sidecars:
            self._sidecars.append(sidecars / len(load.sent) * 1e6)
        return each

    def _p99(self, balancer: Balancer) -> float:
        return self._load(balancer, self._seconds).latency(0.99)

    def _load(self, balancer: Balancer, seconds: float) -> Load:
        return self._stage.load(balancer, seconds, clients=CLIENTS if self._carried else 0)


def perform(stage: Stage) -> Found:
    """Measure all in turns, and return the rounds."""
    equal = Equal(stage)
    floor, *others = stage.orders.peers
    peers: Mapping[str, Figure] = {name: equal.of(name) for name in others}
    rounds = side_by_side(
        equal.of(PROJECT),
        equal.of(floor),
        peers,
        rounds=1 if stage.orders.short else ROUNDS,
        dice=stage.dice,
        told=stage.say,
    )
    note = "the frontend: HAProxy and the sidecar together; the API server beside them does nothing meanwhile"
    return {**rounds.raw(), "notes": [note, *equal.notes()]}


def measure(case: str, trial: Trial) -> Measured:
    """Measure in a network namespace.

    Raises:
        CalledProcessError: a step failed; it has told why.
    """
    found = held(__name__, case, trial, (PICKER, LEAST) if case == PICKER_COST.id else (FLOOR, *OTHERS))
    return Measured(SideBySide([Round(**one) for one in found["rounds"]]), tuple(found["notes"]))


def _case(case: str, reach: str, what: str, floor: str = "the same HAProxy with a static file") -> Case:
    return Case(
        id=case,
        unit="ratio",
        reach=reach,
        measures=f"{what}, {NODES} equal nodes: the frontend / {floor}",
        measure=partial(measure, case),
    )


_COST: Final = f"processor time per request at {RATE:,.0f} requests/s"
THROUGHPUT: Final = _case("equal-throughput", ">= 0.98", "requests a second that are carried at most")
PROCESSOR: Final = _case("equal-cpu", "<= 1.05", _COST)
P99: Final = _case("equal-p99", "<= 1.05", f"99th percentile of the latency at {RATE:,.0f} requests/s")
PICKER_COST: Final = _case("picker-cost", "<= 1.1", _COST, "the same HAProxy with a picker in Lua")
CASES: Final = (THROUGHPUT, PROCESSOR, P99, PICKER_COST)
