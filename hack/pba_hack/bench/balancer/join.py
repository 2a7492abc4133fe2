"""`join-p99`: from the moment in which an EndpointSlice says that a node is ready until its first request."""

from __future__ import annotations

import time
from functools import partial
from typing import Final

from pba_hack.bench.balancer.balancers import Balancer
from pba_hack.bench.balancer.frontend import TERMINATING, Pod, announce, pods
from pba_hack.bench.balancer.load import WELL
from pba_hack.bench.balancer.stage import Found, Stage, in_namespace
from pba_hack.bench.case import Case
from pba_hack.bench.statistics import percentile
from pba_hack.waiting import wait_for

NODES: Final = 11
"""So many stay."""
SPARE: Final = 8
"""So many places are there for those that join; each leaves when the next one joins."""
JOINS: Final = 100
SHORT_JOINS: Final = 5
PAUSE_SECONDS: Final = (0.2, 0.7)
"""Between two joins, by chance: so that they agree with no clock of the sidecar's."""


def nodes(_case: str) -> int:
    """Return how many nodes there are."""
    return NODES + SPARE


def perform(stage: Stage) -> Found:
    """Let nodes join, one after another, under load."""
    stage.serving = NODES
    return stage.in_turn(partial(_joins, stage))


def _joins(stage: Stage, balancer: Balancer) -> float:
    with stage.under_load(balancer):
        took = [_join(stage, number) for number in range(SHORT_JOINS if stage.orders.short else JOINS)]
    stage.note(f"joins, in ms: median {percentile(took, 0.5):.0f}, at most {max(took):.0f}")
    return percentile(took, 0.99)


def _join(stage: Stage, number: int) -> float:
    """Let a node join, and the one before it leave; return after how many milliseconds it got a request."""
    time.sleep(stage.dice.uniform(*PAUSE_SECONDS))
    stay = pods(stage.nodes.addresses[:NODES])
    place = _place(number)
    stage.nodes.order("set", [place], **WELL)
    leaving = [_pod(stage, number - 1, TERMINATING)] if number else []
    began = time.time()
    announce(stage.server, [*stay, *leaving, _pod(stage, number)])
    first = wait_for(
        "a request to a node that has joined",
        lambda: stage.nodes.order("report", [place])[0]["first"],
        poll_seconds=0.05,
    )
    return first / 1000 - began * 1000


def _pod(stage: Stage, number: int, state: str = "ready") -> Pod:
    return Pod(f"joined-{number}", stage.nodes.addresses[_place(number)], state)


def _place(number: int) -> int:
    return NODES + number % SPARE


CASES: Final = (
    Case(
        id="join-p99",
        unit="ms",
        reach="<= 300",
        measures=f"from an EndpointSlice's ready to the node's first request, 99th percentile of {JOINS} joins",
        measure=partial(in_namespace, __name__, "join-p99", ()),
    ),
)
