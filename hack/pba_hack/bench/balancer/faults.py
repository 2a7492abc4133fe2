"""Cases in which a node turns bad: by the frontend, and by peers in the same run.

What happens is told in `FAULTS`; what a case tells of it are pure functions of what was seen (`FIGURES`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from pba_hack.bench.balancer import frontend
from pba_hack.bench.balancer.balancers import Balancer
from pba_hack.bench.balancer.load import WELL, Load, Sent
from pba_hack.bench.balancer.peers import RETRYING as RETRYING_PEERS
from pba_hack.bench.balancer.peers.names import (
    CADDY,
    ENVOY_LEAST,
    ENVOY_ROBIN,
    LEAST,
    OBSERVE,
    RANDOM,
    retrying,
)
from pba_hack.bench.balancer.stage import RATE, Found, Stage, in_namespace
from pba_hack.bench.case import Case
from pba_hack.bench.statistics import percentile
from pba_hack.beside import beside

SHORTER: Final = 10.0
"""The short form is shorter by this, and slower by as much as its rate says."""
POSTS: Final = 10
"""Of 100 requests, where it matters what is sent again."""
BAD: Final = 3
"""The place of the node that turns bad."""
BACK_SECONDS: Final = 10.0
"""So long after its recovery a node is looked at."""
MARGIN_SECONDS: Final = 0.5
"""The node is told to turn bad by our clock; when a request was due is by that of the program that sends them, which
begins a moment later. So what counts as the time of the fault begins so much before it."""


@dataclass(frozen=True)
class Fault:
    """How a node turns bad for a while: seconds, and what it is told (`Nodes.order`)."""

    how: Mapping[str, float]
    seconds: float
    nodes: int = 11
    before: float = 5.0
    after: float = 3.0
    posts: int = 0
    """Of 100 requests so many are POSTs."""

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
        return replace(self, seconds=seconds, before=before, after=after)


@dataclass(frozen=True)
class Seen:
    """What became of a load in which a node turned bad."""

    fault: Fault
    load: Load
    hits: int
    """Requests that the bad node got while it was bad."""
    sent_twice: int = 0
    """POSTs that were executed more than once."""

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


def _failed_though_safe(seen: Seen) -> float:
    return seen.load.failed_gets + seen.sent_twice


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
    "slow-hits-3": (_SLOW, _hits),
    "slow-p999": (_SLOW, _p999),
    "slow5-p99": (Fault({"delay_ms": 90.0, "jitter_ms": 20.0}, 60.0, before=10.0), _p99_ratio),
    "failing": (Fault({"fail_share": 1.0}, 10.0, nodes=5), _failed),
    "failing-retry": (Fault({"fail_share": 1.0}, 10.0, nodes=5, posts=POSTS), _failed_though_safe),
    "flaky": (Fault({**WELL, "fail_share": 0.3}, 30.0, nodes=5), _share_of_round_robin),
    "recovered": (Fault(_SLOW.how, 15.0, after=BACK_SECONDS + 3.0), _recovered),
}
"""By a case: what happens, and what is told of it."""
RETRYING: Final = ("failing-retry",)
"""Cases in which what is safe is tried again; in the others nothing is."""
INSTANCES: Final = {"slow-hits-3": 3}
"""So many frontends there are; one if nothing is said."""


def nodes(case: str) -> int:
    """Return how many nodes there are."""
    return FAULTS[case][0].nodes


def perform(stage: Stage) -> Found:
    """Let a node turn bad behind one balancer after another."""
    whole, figure = FAULTS[stage.orders.case]
    fault = whole.shortened() if stage.orders.short else whole
    stage.settings = frontend.RETRYING if stage.orders.case in RETRYING else frontend.ONCE
    return stage.in_turn(
        lambda balancer: figure(_seen(stage, balancer, fault)), instances=INSTANCES.get(stage.orders.case, 1)
    )


def _seen(stage: Stage, balancer: Balancer, fault: Fault) -> Seen:
    hits: list[int] = []

    def turn() -> None:
        time.sleep(fault.before)
        before = stage.nodes.order("set", [BAD], **fault.how)[0]["requests"]
        time.sleep(fault.seconds)
        hits.append(stage.nodes.order("set", [BAD], **WELL)[0]["requests"] - before)

    with beside(turn):
        load = stage.load(balancer, fault.end + fault.after, posts=fault.posts)
    if not fault.posts:
        return Seen(fault, load, hits[0])
    seen = Seen(fault, load, hits[0], stage.sent_twice(load))
    stage.note(load.told_by_method(seen.sent_twice))
    return seen


OTHERS: Final = (LEAST, RANDOM, ENVOY_LEAST, ENVOY_ROBIN, CADDY)


def _case(case: str, unit: str, reach: str, measures: str, *, peers: Sequence[str] = OTHERS) -> Case:
    return Case(
        id=case,
        unit=unit,
        reach=reach,
        measures=measures,
        measure=partial(in_namespace, __name__, case, peers),
    )


CASES: Final = (
    _case(
        "slow-hits-1",
        "requests",
        "<= 10",
        f"requests that one of 11 nodes gets in 15 s in which it is 1 s slow, {RATE:,.0f} requests/s",
    ),
    _case(
        "slow-hits-3",
        "requests",
        "<= 20",
        "requests that one of 11 nodes gets from three frontends, which each decide by themselves, in 15 s in which "
        f"it is 1 s slow, {RATE:,.0f} requests/s",
    ),
    _case(
        "slow-p999",
        "ms",
        "<= 200",
        "99.9th percentile of the latency in the 15 s in which one of 11 nodes is 1 s slow",
    ),
    _case(
        "slow5-p99",
        "ratio",
        "<= 1.5",
        "99th percentile of the latency in the 60 s in which one of 11 nodes is 5 times slower / before",
    ),
    _case(
        "failing",
        "requests",
        "<= 25",
        "failed while one of 5 nodes fails all that it gets at once, for 10 s (10,000 requests)",
        peers=(*OTHERS, OBSERVE),
    ),
    _case(
        "failing-retry",
        "requests",
        "== 0",
        "GETs that fail, and POSTs that are executed twice, while one of 5 nodes fails all that it gets at once, for "
        "10 s (10,000 requests), and what is safe is tried again",
        peers=tuple(map(retrying, RETRYING_PEERS)),
    ),
    _case(
        "flaky",
        "ratio",
        "<= 0.15",
        "failed in the 30 s in which one of 5 nodes fails 30 % at random / what fails by round robin",
        peers=(*OTHERS, OBSERVE),
    ),
    _case(
        "recovered",
        "ratio",
        ">= 0.9",
        "a node's share from 10 s to 13 s after it is well again / its fair share",
    ),
)
