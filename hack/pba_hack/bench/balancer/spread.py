"""`spread-*`: how evenly requests are spread over equal nodes, at rest and right after the set of nodes has changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from functools import partial
from typing import Final

from pba_hack.bench.balancer.balancers import Balancer
from pba_hack.bench.balancer.frontend import TERMINATING, Pod, announce, pods
from pba_hack.bench.balancer.peers.names import CADDY, ENVOY_LEAST, ENVOY_ROBIN, LEAST, NGINX, RANDOM
from pba_hack.bench.balancer.stage import Found, Stage, in_namespace
from pba_hack.bench.case import Case

NODES: Final = 11
REQUESTS: Final = 10_000
SHORT_REQUESTS: Final = 1_000
LEAVING: Final = 3
"""The place of the node that leaves."""
PEERS: Final = (LEAST, RANDOM, ENVOY_LEAST, ENVOY_ROBIN, CADDY, NGINX)

INSTANCES: Final[Mapping[str, int]] = {
    "spread-1": 1,
    "spread-3": 3,
    "spread-change-1": 1,
    "spread-change-3": 3,
}


def nodes(case: str) -> int:
    """Return how many nodes there are: one more where one joins."""
    return NODES + _changes(case)


def perform(stage: Stage) -> Found:
    """Spread requests by one balancer after another."""
    case = stage.orders.case
    stage.serving = NODES
    figure = _after_changes if _changes(case) else _at_rest
    return stage.in_turn(partial(figure, stage), instances=INSTANCES[case])


def unevenness(by_node: Mapping[str, int], places: Collection[int]) -> float:
    """Return how much more than its fair share the busiest node got: max / mean - 1.

    Args:
        by_node: how many requests each node answered.
        places: of the nodes that were to get some; those that got none count, too.
    """
    got = [by_node.get(str(place), 0) for place in places]
    return max(got) / (sum(got) / len(got)) - 1


def _changes(case: str) -> bool:
    return case.startswith("spread-change-")


def _at_rest(stage: Stage, balancer: Balancer) -> float:
    return unevenness(_spread(stage, balancer), range(NODES))


def _after_changes(stage: Stage, balancer: Balancer) -> float:
    """Let a node leave, and then another one join; return the worse of what followed each."""
    first = pods(stage.nodes.addresses)
    stay = [pod for place, pod in enumerate(first[:NODES]) if place != LEAVING]
    announce(stage.server, [*stay, Pod(first[LEAVING].name, first[LEAVING].address, TERMINATING)])
    remaining = set(range(NODES)) - {LEAVING}
    left = unevenness(_spread(stage, balancer), remaining)
    announce(stage.server, [*stay, first[NODES]])
    joined = unevenness(_spread(stage, balancer), remaining | {NODES})
    stage.note(f"after one has left: {left:.2%}, after one has joined: {joined:.2%}")
    return max(left, joined)


def _spread(stage: Stage, balancer: Balancer) -> Mapping[str, int]:
    requests = SHORT_REQUESTS if stage.orders.short else REQUESTS
    return Counter(stage.load(balancer, requests / stage.rate).by_node)


def _case(case: str, what: str) -> Case:
    return Case(
        id=case,
        unit="ratio",
        reach="<= 0.03",
        measures=what,
        measure=partial(in_namespace, __name__, case, () if _changes(case) else PEERS),
    )


_SHARE: Final = f"max / mean - 1 of the requests that each of {NODES} equal nodes gets of {REQUESTS:,}"
CASES: Final = (
    _case("spread-1", f"{_SHARE}, one frontend"),
    _case("spread-3", f"{_SHARE}, three frontends"),
    _case(
        "spread-change-1", f"{_SHARE}, right after one has left and right after one has joined, one frontend"
    ),
    _case(
        "spread-change-3",
        f"{_SHARE}, right after one has left and right after one has joined, three frontends",
    ),
)
