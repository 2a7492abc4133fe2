"""`kill-*`: a node's process is killed at full load, and begins again: by the frontend, and by peers in the same run.

Nothing tells the balancers of it: connections are reset, and new ones refused. Requests that are not idempotent and
were under way at the node cannot but fail; they are told apart.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from pba_hack.bench.balancer.balancers import Balancer
from pba_hack.bench.balancer.load import Load
from pba_hack.bench.balancer.peers import RETRYING
from pba_hack.bench.balancer.peers.names import retrying
from pba_hack.bench.balancer.stage import RATE, Found, Stage, held
from pba_hack.bench.case import Case, Measured, Trial
from pba_hack.bench.samples import Values

NODES: Final = 11
KILLED: Final = 3
"""The place of the node that is killed."""
POSTS: Final = 10
"""Of 100 requests."""
PEERS: Final = tuple(map(retrying, RETRYING))
_IDEMPOTENT: Final = "GET"
"""The only such method that is sent."""


@dataclass(frozen=True)
class Times:
    """Seconds of the load before the node is killed, in which it is dead, and after it has begun again."""

    before: float
    dead: float
    after: float


TIMES: Final = Times(3.0, 5.0, 5.0)
SHORT_TIMES: Final = Times(0.5, 1.0, 1.0)


def failed(load: Load) -> float:
    """Return how many idempotent requests failed."""
    return sum(one.failed for one in load.sent if one.method == _IDEMPOTENT)


def longest(load: Load) -> float:
    """Return how long an idempotent request took at most, in seconds; one that failed has taken that long, too."""
    return max(one.took for one in load.sent if one.method == _IDEMPOTENT)


FIGURES: Final[Mapping[str, Callable[[Load], float]]] = {"kill-failed": failed, "kill-longest": longest}


def nodes(_case: str) -> int:
    """Return how many nodes there are."""
    return NODES


def perform(stage: Stage) -> Found:
    """Kill a node behind one balancer after another."""
    return stage.in_turn(partial(_killed, stage))


def _killed(stage: Stage, balancer: Balancer) -> float:
    times = SHORT_TIMES if stage.orders.short else TIMES

    def kill() -> None:
        time.sleep(times.before)
        stage.nodes.order("kill", [KILLED])
        time.sleep(times.dead)
        stage.nodes.order("start", [KILLED])

    killing = threading.Thread(target=kill)
    killing.start()
    load = stage.load(balancer, times.before + times.dead + times.after, posts=POSTS)
    killing.join()
    posts = sum(one.failed for one in load.sent if one.method != _IDEMPOTENT)
    stage.say(f"{failed(load):.0f} GETs failed, the longest took {longest(load):.3f} s; {posts} POSTs failed")
    return FIGURES[stage.orders.case](load)


def measure(case: str, trial: Trial) -> Measured:
    """Measure in a network namespace.

    Raises:
        CalledProcessError: a step failed; it has told why.
    """
    found = held(__name__, case, trial, PEERS)
    return Measured(Values(found["figures"], peers=found["peers"]), tuple(found["notes"]))


def _case(case: str, unit: str, reach: str, measures: str) -> Case:
    return Case(id=case, unit=unit, reach=reach, measures=measures, measure=partial(measure, case))


CASES: Final = (
    _case(
        "kill-failed",
        "requests",
        "== 0",
        f"GETs that fail when one of {NODES} nodes is killed for {TIMES.dead:.0f} s, {RATE:,.0f} requests/s",
    ),
    _case(
        "kill-longest",
        "s",
        "<= 0.5",
        f"the longest GET when one of {NODES} nodes is killed for {TIMES.dead:.0f} s, {RATE:,.0f} requests/s",
    ),
)
