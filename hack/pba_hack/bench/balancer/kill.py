"""`kill-*`: a node's process is killed at full load, and begins again: by the frontend, and by peers in the same run.

Nothing tells the balancers of it: connections are reset, and new ones refused. Requests that are not idempotent and
were under way at the node cannot but fail; they are told apart. Where clients stay on their nodes by a cookie, those of
the killed one have to move to others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from pba_hack.bench.balancer import frontend
from pba_hack.bench.balancer.balancers import Balancer
from pba_hack.bench.balancer.load import GET, Load
from pba_hack.bench.balancer.peers import BINDING, RETRYING
from pba_hack.bench.balancer.peers.names import binding, retrying
from pba_hack.bench.balancer.stage import RATE, Found, Stage, in_namespace
from pba_hack.bench.case import Case
from pba_hack.beside import beside

NODES: Final = 11
KILLED: Final = 3
"""The place of the node that is killed."""
POSTS: Final = 10
"""Of 100 requests."""
USERS: Final = 200
"""So many clients there are where each keeps to a node: some 18 of each node, who come five times a second."""
PEERS: Final = tuple(map(retrying, RETRYING))
BINDING_PEERS: Final = tuple(map(binding, BINDING))


@dataclass(frozen=True)
class Times:
    """Seconds of the load before the node is killed, in which it is dead, and after it has begun again."""

    before: float
    dead: float
    after: float


STRAYED: Final = "clients that left a node that lived: "
TIMES: Final = Times(3.0, 5.0, 5.0)
SHORT_TIMES: Final = Times(0.5, 1.0, 1.0)


@dataclass(frozen=True)
class Seen:
    """What became of a load in which a node was killed."""

    load: Load
    sent_twice: int
    """POSTs that were executed more than once."""


def failed(seen: Seen) -> float:
    """Return how many idempotent requests failed, and others were executed twice."""
    return seen.load.failed_gets + seen.sent_twice


def longest(seen: Seen) -> float:
    """Return how long an idempotent request took at most, in seconds; one that failed has taken that long, too."""
    return max(one.took for one in seen.load.sent if one.method == GET)


def strays(load: Load) -> int:
    """Return how often a client with a cookie of one node was answered by another, though it was not the killed one."""
    return sum(one.left not in {"", str(KILLED)} for one in load.sent)


FIGURES: Final[Mapping[str, Callable[[Seen], float]]] = {
    "kill-failed": failed,
    "kill-failed-cookie": failed,
    "kill-longest": longest,
}
BOUND: Final = ("kill-failed-cookie",)
"""Cases in which clients stay on their nodes."""


def nodes(_case: str) -> int:
    """Return how many nodes there are."""
    return NODES


def perform(stage: Stage) -> Found:
    """Kill a node behind one balancer after another."""
    stage.settings = frontend.COOKIE if stage.orders.case in BOUND else frontend.RETRYING
    return stage.in_turn(partial(_killed, stage))


def _killed(stage: Stage, balancer: Balancer) -> float:
    times = SHORT_TIMES if stage.orders.short else TIMES

    def kill() -> None:
        time.sleep(times.before)
        stage.nodes.order("kill", [KILLED])
        time.sleep(times.dead)
        stage.nodes.order("start", [KILLED])

    users = USERS if stage.orders.case in BOUND else 0
    with beside(kill):
        load = stage.load(balancer, times.before + times.dead + times.after, posts=POSTS, users=users)
    seen = Seen(load, stage.sent_twice(load))
    stage.note(f"{load.told_by_method(seen.sent_twice)}; the longest GET took {longest(seen):.3f} s")
    if users:
        stage.note(f"{STRAYED}{strays(load)}")
    return FIGURES[stage.orders.case](seen)


def _case(case: str, unit: str, reach: str, measures: str) -> Case:
    return Case(
        id=case,
        unit=unit,
        reach=reach,
        measures=measures,
        measure=partial(in_namespace, __name__, case, BINDING_PEERS if case in BOUND else PEERS),
    )


_FAILED: Final = "GETs that fail, and POSTs that are executed twice,"
_KILLED: Final = f"one of {NODES} nodes is killed for {TIMES.dead:.0f} s, {RATE:,.0f} requests/s"
CASES: Final = (
    _case(
        "kill-failed",
        "requests",
        "== 0",
        f"{_FAILED} when {_KILLED}",
    ),
    _case(
        "kill-failed-cookie",
        "requests",
        "== 0",
        f"{_FAILED} when {_KILLED}, of {USERS} clients who stay on their nodes by a cookie",
    ),
    _case(
        "kill-longest",
        "s",
        "<= 0.5",
        f"the longest GET when {_KILLED}",
    ),
)
