"""Cases in which a node turns bad: by the frontend, and by peers in the same run.

What happens is told in `FAULTS`; what a case tells of it are pure functions of what was seen (`FIGURES`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from pba_hack.bench.balancer.lab import run_inside
from pba_hack.bench.balancer.load import WELL, Load, Sent
from pba_hack.bench.case import Case, Measured, Trial
from pba_hack.bench.samples import Values
from pba_hack.bench.statistics import percentile
from pba_hack.binaries import binary
from pba_hack.images.rootfs import rootfs

REPEATS: Final = 5
RATE: Final = 1000.0
"""Requests a second."""
SHORT_RATE: Final = 200.0
SHORTER: Final = 10.0
"""The short form is shorter by this, and slower by as much as its rate says."""
BAD: Final = 3
"""The place of the node that turns bad."""
BACK_SECONDS: Final = 10.0
"""So long after its recovery a node is looked at."""
MARGIN_SECONDS: Final = 0.5
"""The node is told to turn bad by our clock; when a request was due is by that of the program that sends them, which
begins a moment later. So what counts as the time of the fault begins so much before it."""
_INSIDE: Final = "pba_hack.bench.balancer.faults_inside"


@dataclass(frozen=True)
class Fault:
    """How a node turns bad for a while: seconds, and what it is told (`Nodes.order`)."""

    how: Mapping[str, float]
    seconds: float
    nodes: int = 11
    before: float = 5.0
    after: float = 3.0

    @property
    def begin(self) -> float:
        """When it begins at the earliest, in seconds from the beginning of the load."""
        return self.before - MARGIN_SECONDS

    @property
    def end(self) -> float:
        """When it is over at the latest, in seconds from the beginning of the load."""
        return self.before + self.seconds

    def shortened(self) -> Fault:
        """Return the same, over sooner."""
        parts = (self.seconds, self.before, self.after)
        seconds, before, after = (max(2 * MARGIN_SECONDS, part / SHORTER) for part in parts)
        return Fault(self.how, seconds, self.nodes, before, after)


@dataclass(frozen=True)
class Seen:
    """What became of a load in which a node turned bad."""

    fault: Fault
    load: Load
    hits: int
    """Requests that the bad node got while it was bad."""

    def during(self, begin: float, end: float) -> list[Sent]:
        """Return what was to be sent between two moments, in seconds from the beginning."""
        return [one for one in self.load.sent if begin <= one.due < end]

    def latency(self, share: float, begin: float, end: float) -> float:
        """Return a percentile of what was to be sent between two moments, in seconds."""
        return percentile([one.took for one in self.during(begin, end)], share)


def _hits(seen: Seen) -> float:
    return seen.hits


def _p999(seen: Seen) -> float:
    return seen.latency(0.999, seen.fault.begin, seen.fault.end) * 1000


def _p99_ratio(seen: Seen) -> float:
    fault = seen.fault
    return seen.latency(0.99, fault.begin, fault.end) / seen.latency(0.99, 0.0, fault.begin)


def _failed(seen: Seen) -> float:
    return seen.load.failures.total()


def _share_of_round_robin(seen: Seen) -> float:
    fault = seen.fault
    fair = len(seen.during(fault.end - fault.seconds, fault.end)) / fault.nodes
    return seen.load.failures.total() / (fair * fault.how["fail_share"])


def _recovered(seen: Seen) -> float:
    fault = seen.fault
    begin = fault.end + min(BACK_SECONDS, fault.after / 2)
    answered = [one.node for one in seen.during(begin, fault.end + fault.after)]
    return answered.count(str(BAD)) / (len(answered) / seen.fault.nodes)


_SLOW: Final = Fault({"delay_ms": 1018.0, "jitter_ms": 4.0}, 15.0)
FAULTS: Final[Mapping[str, tuple[Fault, Callable[[Seen], float]]]] = {
    "slow-hits-1": (_SLOW, _hits),
    "slow-p999": (_SLOW, _p999),
    "slow5-p99": (Fault({"delay_ms": 90.0, "jitter_ms": 20.0}, 60.0, before=10.0), _p99_ratio),
    "failing": (Fault({"fail_share": 1.0}, 10.0, nodes=5), _failed),
    "flaky": (Fault({**WELL, "fail_share": 0.3}, 30.0, nodes=5), _share_of_round_robin),
    "recovered": (Fault(_SLOW.how, 15.0, after=BACK_SECONDS + 3.0), _recovered),
}
"""By a case: what happens, and what is told of it."""


@dataclass(frozen=True)
class Orders:
    """What the half inside of the network namespace is to do; paths as text, so that it can be JSON."""

    case: str
    short: bool
    seed: int
    folder: str
    peers: list[str] = field(default_factory=list)


def measure(case: str, peers: tuple[str, ...], trial: Trial) -> Measured:
    """Measure in a network namespace.

    Raises:
        CalledProcessError: a step failed; it has told why.
    """
    for program in ("kubernetes", "loadlab"):
        binary(program)
    rootfs("haproxy")
    orders = Orders(case, trial.short, trial.seed, str(trial.folder), list(peers))
    run_inside(_INSIDE, json.dumps(vars(orders)))
    found = json.loads((trial.folder / "found.json").read_text())
    return Measured(Values(found["figures"], peers=found["peers"]), tuple(found["notes"]))


LEAST: Final = "haproxy leastconn"
RANDOM: Final = "haproxy random(2)"
OBSERVE: Final = "haproxy observe"
"""`leastconn` with `observe layer7 error-limit 10 on-error mark-down`: a node is out after so many errors in a row."""


def _case(case: str, unit: str, reach: str, measures: str, *, peers: tuple[str, ...]) -> Case:
    return Case(id=case, unit=unit, reach=reach, measures=measures, measure=partial(measure, case, peers))


CASES: Final = (
    _case(
        "slow-hits-1",
        "requests",
        "<= 10",
        f"requests that one of 11 nodes gets in 15 s in which it is 1 s slow, {RATE:,.0f} requests/s",
        peers=(LEAST, RANDOM),
    ),
    _case(
        "slow-p999",
        "ms",
        "<= 200",
        "99.9th percentile of the latency in the 15 s in which one of 11 nodes is 1 s slow",
        peers=(LEAST, RANDOM),
    ),
    _case(
        "slow5-p99",
        "ratio",
        "<= 1.5",
        "99th percentile of the latency in the 60 s in which one of 11 nodes is 5 times slower / before",
        peers=(LEAST, RANDOM),
    ),
    _case(
        "failing",
        "requests",
        "<= 25",
        "failed while one of 5 nodes fails all that it gets at once, for 10 s (10,000 requests)",
        peers=(LEAST, RANDOM, OBSERVE),
    ),
    _case(
        "flaky",
        "ratio",
        "<= 0.15",
        "failed in the 30 s in which one of 5 nodes fails 30 % at random / what fails by round robin",
        peers=(LEAST, RANDOM, OBSERVE),
    ),
    _case(
        "recovered",
        "ratio",
        ">= 0.9",
        "a node's share from 10 s to 13 s after it is well again / its fair share",
        peers=(LEAST,),
    ),
)
