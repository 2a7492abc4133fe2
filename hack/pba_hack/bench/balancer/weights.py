"""`weights-*`: the weights over time while one node's latency changes: does it go once, and come back once?

Seen from outside: weights as HAProxy tells them, requests as the nodes have counted them. A node that goes and comes
while nothing changes would be an oscillation, whatever its cause.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Final

from pba_lab.haproxy import ask

from pba_hack.bench.balancer.balancers import Balancer
from pba_hack.bench.balancer.load import WELL, Nodes
from pba_hack.bench.balancer.peers.names import LEAST
from pba_hack.bench.balancer.stage import PROJECT, RATE, WARM_SECONDS, Found, Stage, in_namespace
from pba_hack.bench.case import Case
from pba_hack.bench.reach import Reach
from pba_hack.bench.samples import Chart, Series
from pba_hack.beside import beside
from pba_sync.haproxy.commands import FULL_WEIGHT, SHOW_SERVERS
from pba_sync.haproxy.servers import read_servers

NODES: Final = 11
BAD: Final = 3
"""The place of the node whose latency changes."""
REPEATS: Final = 3
LOOK_SECONDS: Final = 0.05
"""From one look at the weights to the next: half of the sidecar's own."""
EACH: Final = 5
"""Every so many looks the requests are counted, and a point is drawn."""
SHARE_SECONDS: Final = 1.0
"""A share is that of so long."""
STEP: Final = 0.01
"""The node is told a new latency when it has changed by this part."""
SHORTER: Final = 20.0
REACH: Final = "== 2"
"""Once out, once back, and no other node."""


@dataclass(frozen=True)
class Scenario:
    """How the latency of a node changes."""

    factor: Callable[[float], float]
    """What its answers take, in times of what its like take, so many seconds after the beginning of the change."""
    seconds: float
    """It is well again after so long."""
    before: float = 5.0
    after: float = 15.0

    @property
    def whole(self) -> float:
        """How long all of it takes."""
        return self.before + self.seconds + self.after

    def at(self, seconds: float) -> float:
        """Return the factor at a moment of the whole."""
        within = seconds - self.before
        return self.factor(within) if 0.0 <= within < self.seconds else 1.0

    def shortened(self) -> Scenario:
        """Return the same, over sooner: it shows that it runs, and nothing of the weights."""
        return replace(
            self,
            factor=lambda seconds: self.factor(seconds * SHORTER),
            seconds=self.seconds / SHORTER,
            before=self.before / SHORTER,
            after=self.after / SHORTER,
        )


SCENARIOS: Final[Mapping[str, Scenario]] = {
    # A little more than what counts as late (25 ms more, or twice the usual): a node so near to the bound is the one
    # that would come and go.
    "weights-step": Scenario(lambda _: 2.5, 40.0),
    "weights-drift": Scenario(lambda seconds: 1.0 + 9.0 * seconds / 60.0, 60.0),
    "weights-slow5": Scenario(lambda _: 5.0, 60.0),
}


@dataclass(frozen=True)
class Point:
    """What is drawn of a moment."""

    seconds: float
    factor: float
    weights: Sequence[int]
    """Of all nodes by their places; empty where nobody tells them."""
    requests: Sequence[int]
    """So many each of them has got so far."""


def changes(looks: Sequence[Sequence[int]]) -> int:
    """Return how often any node went out of rotation (weight 0) or came back, by the weights look by look."""
    return sum(
        (now > 0) != (then > 0)
        for one, other in pairwise(looks)
        for now, then in zip(one, other, strict=True)
    )


def shares(points: Sequence[Point]) -> list[list[float]]:
    """Return what each node got of the requests of the second before each point, in fair parts."""
    found = []
    for place, now in enumerate(points):
        since = next(one for one in points[: place + 1] if now.seconds - one.seconds <= SHARE_SECONDS)
        got = [after - before for after, before in zip(now.requests, since.requests, strict=True)]
        fair = sum(got) / len(got)
        found.append([one / fair if fair else 1.0 for one in got])
    return found


def nodes(_case: str) -> int:
    """Return how many nodes there are."""
    return NODES


def perform(stage: Stage) -> Found:
    """Let the latency change behind one frontend after another, and once behind a balancer that has no weights."""
    whole = SCENARIOS[stage.orders.case]
    scenario = whole.shortened() if stage.orders.short else whole
    runs = [_run(stage, PROJECT, scenario) for _ in range(1 if stage.orders.short else REPEATS)]
    figures = [float(changes(looks)) for looks, _ in runs]
    for number, (looks, points) in enumerate(runs):
        stage.note(f"{number + 1}: {told(looks, points)}")
    worst = figures.index(Reach.parse(REACH).worst(figures))
    _, points = runs[worst]
    _, by_leastconn = _run(stage, LEAST, scenario)
    stage.say(f"changes: {figures}")
    return {"figures": figures, "series": drawn(points, by_leastconn).raw(), "notes": stage.notes}


def told(looks: Sequence[Sequence[int]], points: Sequence[Point]) -> str:
    """Return in words what became of the node, and of the others."""
    others = [weight for look in looks for place, weight in enumerate(look) if place != BAD]
    parts = [one[BAD] for one in shares(points)]
    return (
        f"{changes(looks)} goings and comings, least weight of the others {min(others)} of {FULL_WEIGHT}; the node's "
        f"share of a second: {min(parts):.2f} to {max(parts):.2f} of the fair one"
    )


def _run(stage: Stage, name: str, scenario: Scenario) -> tuple[list[Sequence[int]], list[Point]]:
    stage.nodes.order("set", None, **WELL)
    with stage.start(name) as balancer:
        stage.load(balancer, WARM_SECONDS)
        looks: list[Sequence[int]] = []
        points: list[Point] = []
        over = threading.Event()

        def watch() -> None:
            for weights, point in _looks(stage.nodes, balancer, scenario, over):
                looks.append(weights)
                points.extend([point] if point else [])

        with beside(watch, end=over.set):
            stage.load(balancer, scenario.whole)
    return looks, points


def _looks(
    nodes: Nodes, balancer: Balancer, scenario: Scenario, over: threading.Event
) -> Iterator[tuple[Sequence[int], Point | None]]:
    """Change the node's latency in its time; yield the weights at each look, and at every `EACH`th a point."""
    began, said, number = time.monotonic(), 1.0, 0
    while not over.wait(max(0.0, began + number * LOOK_SECONDS - time.monotonic())):
        now = time.monotonic() - began
        factor = scenario.at(now)
        if factor != said and (factor == 1.0 or abs(factor / said - 1.0) >= STEP):
            nodes.order("set", [BAD], **{name: value * factor for name, value in WELL.items()})
            said = factor
        weights = _weights(balancer, nodes.addresses)
        counted = None
        if number % EACH == 0:
            requests = [report["requests"] for report in nodes.order("report")]
            counted = Point(now, said, weights, requests)
        yield weights, counted
        number += 1


def _weights(balancer: Balancer, addresses: Sequence[str]) -> list[int]:
    if not balancer.sockets:
        return []
    servers = read_servers(ask(balancer.sockets[0], SHOW_SERVERS.text)).values()
    by_address = {f"{server.address}:{server.port}": server.weight for server in servers}
    return [by_address[address] for address in addresses]


def drawn(points: Sequence[Point], by_leastconn: Sequence[Point]) -> Series:
    """Return the charts of a run, and of the one with the peer, whose points are taken as those of the same moments."""
    usual = WELL["delay_ms"] + WELL["jitter_ms"] / 2
    parts, others = shares(points), _without(BAD)
    plain = [one[BAD] for one in shares(by_leastconn)]
    return Series(
        [one.seconds for one in points],
        [
            Chart(
                "what an answer of the node takes, ms", {"the node": [one.factor * usual for one in points]}
            ),
            Chart(
                f"weight in HAProxy, of {FULL_WEIGHT}",
                {
                    "the node": [one.weights[BAD] for one in points],
                    "the others, least": [min(others(one.weights)) for one in points],
                },
            ),
            Chart(
                "requests of a second, in fair parts",
                {
                    "the node": [one[BAD] for one in parts],
                    "the others, least": [min(others(one)) for one in parts],
                    "the others, most": [max(others(one)) for one in parts],
                    "the node by leastconn": _as_long(plain, len(points)),
                },
            ),
        ],
    )


def _without(place: int) -> Callable[[Sequence[float]], list[float]]:
    return lambda values: [*values[:place], *values[place + 1 :]]


def _as_long(values: Sequence[float], count: int) -> list[float]:
    return [*values[:count], *[values[-1]] * (count - len(values))]


def _case(case: str, what: str) -> Case:
    measures = (
        f"times that one of {NODES} nodes is put out of rotation or comes back, while one of them {what}, "
        f"{RATE:,.0f} requests/s"
    )
    return Case(
        id=case,
        unit="changes",
        reach=REACH,
        measures=measures,
        measure=partial(in_namespace, __name__, case, (LEAST,)),
    )


CASES: Final = (
    _case("weights-step", "is 2.5 times slower for 40 s (25 ms more, or twice the usual, is late)"),
    _case("weights-drift", "gets slower by and by, 10 times within 60 s, and is well again"),
    _case("weights-slow5", "is 5 times slower for 60 s"),
)
