"""A frontend in simulated time: `leastconn` as HAProxy 3.0 has it, and the weights that our judgement gives.

A node on trial gets the next request, whatever its weight; if it fails it, another node is asked.

Source of the rule: `fwlc_get_key` of HAProxy 3.0's `lb_fwlc.c`: the least (in flight + 1) / weight is next, an idle
server goes before all, and of equals the one whose number changed first.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pba_sync.haproxy.commands import FULL_WEIGHT
from pba_sync.judging import outliers
from pba_sync.judging.limits import Limits
from pba_sync.judging.outliers import Look, Standings
from pba_sync.judging.pasts import End

Behaviour = Callable[[float, int, random.Random], tuple[float, bool]]
"""From the moment (seconds), the node and chance, to how long an answer takes (seconds) and whether it is good."""


@dataclass(frozen=True)
class Answered:
    """One request."""

    at: float
    node: int
    took: float
    good: bool
    trial: bool = False


@dataclass
class _Frontend:
    count: int
    weights: list[int]
    in_flight: list[int]
    changed: list[int]
    ended: dict[str, list[End]]
    known: Standings = field(default_factory=lambda: Standings({}))
    trial: int | None = None

    @classmethod
    def new(cls, count: int) -> _Frontend:
        ended: dict[str, list[End]] = {str(node): [] for node in range(count)}
        return cls(count, [FULL_WEIGHT] * count, [0] * count, list(range(count)), ended)

    def choose(self, turn: int) -> tuple[int, bool]:
        """Return the node that is asked, and whether it is its trial."""
        on_trial, self.trial = self.trial, None
        node = self._least() if on_trial is None else on_trial
        self.in_flight[node] += 1
        self.changed[node] = turn
        return node, on_trial is not None

    def _least(self) -> int:
        def key(node: int) -> tuple[float, int]:
            busy = self.in_flight[node]
            return ((busy + 1) / self.weights[node] if busy else 0.0, self.changed[node])

        return min((node for node in range(self.count) if self.weights[node]), key=key)

    def end(self, one: Answered, turn: int) -> None:
        self.in_flight[one.node] -= 1
        self.changed[one.node] = turn
        self.ended[str(one.node)].append(End(one.took * 1000, not one.good, one.took, one.trial))

    def look(self, now: float, limits: Limits) -> None:
        waiting = None if self.trial is None else str(self.trial)
        self.known = outliers.assess(self.known, Look(self.ended, now, waiting), limits)
        self.ended = {node: [] for node in self.ended}
        for name, weight in outliers.weights(self.known, now, limits).items():
            self.weights[int(name)] = weight
        self.trial = None if self.known.given is None else int(self.known.given)


@dataclass(frozen=True)
class Run:
    """What a simulation has shown."""

    answered: Sequence[Answered]
    looks: Sequence[Sequence[int]]
    """The weights of all nodes after each look."""

    @property
    def failed(self) -> int:
        """How many requests failed."""
        return sum(not one.good for one in self.answered)

    @property
    def looks_with_one_out(self) -> int:
        """After how many looks a node got no requests."""
        return sum(0 in weights for weights in self.looks)

    def hits(self, node: int, begin: float, end: float) -> int:
        """Return how many requests a node got between two moments."""
        return sum(one.node == node and begin <= one.at < end for one in self.answered)

    def share(self, node: int, begin: float, end: float) -> float:
        """Return a node's part of the requests between two moments, in fair parts."""
        by_node = Counter(one.node for one in self.answered if begin <= one.at < end)
        return by_node[node] / (by_node.total() / len(self.looks[0]))

    def latency(self, share: float, begin: float, end: float) -> float:
        """Return a percentile of the latencies of what was asked between two moments, in seconds."""
        took = sorted(one.took for one in self.answered if begin <= one.at < end)
        return took[min(len(took) - 1, int(len(took) * share))]


def simulate(
    behaviour: Behaviour,
    *,
    nodes: int = 11,
    rate: float = 1000.0,
    frontends: int = 1,
    seconds: float = 30.0,
    look_seconds: float = 0.1,
    limits: Limits = Limits(),  # noqa: B008 - it cannot change
    seed: int = 1,
) -> Run:
    """Return what becomes of requests that come by chance, `rate` a second, evenly to all frontends.

    Args:
        behaviour: of the nodes.
        nodes: how many.
        rate: requests a second.
        frontends: how many; each knows its own requests only.
        seconds: for how long.
        look_seconds: from look to look; a failure is looked at at once.
        limits: of the judgement.
        seed: of chance.
    """
    dice = random.Random(seed)  # noqa: S311 - repeatable
    turns = itertools.count(nodes)
    parts = [_Frontend.new(nodes) for _ in range(frontends)]
    answered, looks = [], []
    agenda: list[tuple[float, int, _Frontend | None, Answered | None]] = []

    def plan(at: float, part: _Frontend | None, one: Answered | None) -> None:
        heapq.heappush(agenda, (at, next(turns), part, one))

    def ask(part: _Frontend, now: float, turn: int, late: float = 0.0) -> None:
        """Send a request that was due `late` seconds ago."""
        node, trial = part.choose(turn)
        took, good = behaviour(now, node, dice)
        plan(now + took, part, Answered(now - late, node, late + took, good, trial))

    plan(0.0, None, None)
    for number, part in enumerate(parts):
        plan(look_seconds * (number + 1) / frontends, part, None)
    while agenda:
        now, turn, whose, one = heapq.heappop(agenda)
        if one is not None and whose is not None:
            whose.end(one, turn)
            if one.trial and not one.good:
                ask(whose, now, turn, late=now - one.at)
            else:
                answered.append(one)
            if not one.good:
                whose.look(now, limits)
        elif now >= seconds:
            continue
        elif whose is None:
            ask(dice.choice(parts), now, turn)
            plan(now + dice.expovariate(rate), None, None)
        else:
            whose.look(now, limits)
            looks.append(tuple(whose.weights))
            plan(now + look_seconds, whose, None)
    return Run(answered, looks)
