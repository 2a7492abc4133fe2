"""`equal-*`: equal nodes, by the frontend and by the same HAProxy with a static file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import Final

from pba_hack.bench.balancer.lab import run_inside
from pba_hack.bench.case import Case, Measured, Trial
from pba_hack.bench.samples import Round, SideBySide
from pba_hack.binaries import binary
from pba_hack.images.rootfs import rootfs

ROUNDS: Final = 7
NODES: Final = 11
RATE: Final = 1000.0
"""Requests a second, where the rate is given."""
SECONDS: Final = 10.0
_INSIDE: Final = "pba_hack.bench.balancer.equal_inside"


@dataclass(frozen=True)
class Orders:
    """What the half inside of the network namespace is to do; paths as text, so that it can be JSON."""

    figure: str
    rounds: int
    seconds: float
    seed: int
    folder: str


def measure(figure: str, trial: Trial) -> Measured:
    """Measure in a network namespace.

    Raises:
        CalledProcessError: a step failed; it has told why.
    """
    for program in ("kubernetes", "loadlab"):
        binary(program)
    rootfs("haproxy")
    rounds, seconds = (1, 1.0) if trial.short else (ROUNDS, SECONDS)
    orders = Orders(figure, rounds, seconds, trial.seed, str(trial.folder))
    run_inside(_INSIDE, json.dumps(vars(orders)))
    found = json.loads((trial.folder / "found.json").read_text())
    return Measured(SideBySide([Round(**one) for one in found["rounds"]]), tuple(found["notes"]))


def _case(figure: str, reach: str, what: str) -> Case:
    return Case(
        id=f"equal-{figure}",
        unit="ratio",
        reach=reach,
        measures=f"{what}, {NODES} equal nodes: the frontend / the same HAProxy with a static file",
        measure=partial(measure, figure),
    )


THROUGHPUT: Final = _case("throughput", ">= 0.98", "requests a second that are carried at most")
PROCESSOR: Final = _case("cpu", "<= 1.05", f"processor time per request at {RATE:,.0f} requests/s")
P99: Final = _case("p99", "<= 1.05", f"99th percentile of the latency at {RATE:,.0f} requests/s")
