"""The half of the cases of faults that runs in the network namespace."""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Final

from pba_hack.bench.balancer import lab
from pba_hack.bench.balancer.balancers import Balancer, followed, prepared, static
from pba_hack.bench.balancer.faults import (
    BAD,
    FAULTS,
    LEAST,
    OBSERVE,
    RANDOM,
    RATE,
    REPEATS,
    SHORT_RATE,
    Orders,
    Seen,
)
from pba_hack.bench.balancer.load import WELL, Load, Nodes, executions, serving
from pba_hack.bench.balancer.loads import Loads
from pba_hack.bench.statistics import median
from pba_hack.progress import Progress

WARM_SECONDS: Final = 2.0
PROJECT: Final = "the frontend"

Start = Callable[[], AbstractContextManager[Balancer]]


class Contest:
    """Lets a node turn bad behind one balancer after another."""

    def __init__(self, orders: Orders, nodes: Nodes) -> None:
        fault, self._figure = FAULTS[orders.case]
        self._fault = fault.shortened() if orders.short else fault
        self._rate = SHORT_RATE if orders.short else RATE
        self._nodes = nodes
        self.loads = Loads(Path(orders.folder))

    def ask(self, start: Start) -> float:
        """Return the figure of a balancer, which is started for it."""
        self._nodes.order("set", None, **WELL)
        with start() as balancer:
            self._load(balancer, WARM_SECONDS)
            return self._figure(self._seen(balancer))

    def _seen(self, balancer: Balancer) -> Seen:
        fault = self._fault
        hits: list[int] = []

        def turn() -> None:
            time.sleep(fault.before)
            before = self._nodes.order("set", [BAD], **fault.how)[0]["requests"]
            time.sleep(fault.seconds)
            hits.append(self._nodes.order("set", [BAD], **WELL)[0]["requests"] - before)

        turning = threading.Thread(target=turn)
        turning.start()
        load = self._load(balancer, fault.end + fault.after)
        turning.join()
        return Seen(fault, load, hits[0])

    def _load(self, balancer: Balancer, seconds: float) -> Load:
        return self.loads.send(balancer.target, seconds=seconds, rate=self._rate)


def _peers(addresses: Sequence[str]) -> Mapping[str, Start]:
    """Return HAProxy as one would set it up for this without us, by name."""
    observe = "observe layer7 error-limit 10 on-error mark-down"
    return {
        LEAST: partial(static, addresses),
        RANDOM: partial(static, addresses, balance="random(2)"),
        OBSERVE: partial(static, addresses, options=observe),
    }


def main(argv: Sequence[str]) -> None:
    """Do as ordered, and write what was found into `found.json`."""
    orders = Orders(**json.loads(argv[0]))
    folder = Path(orders.folder)
    executed = folder / "executed"
    dice = random.Random(orders.seed)  # noqa: S311 - nothing is kept secret by it
    count = FAULTS[orders.case][0].nodes
    figures: dict[str, list[float]] = {}
    with prepared(folder / "apiserver") as server, serving(lab.addresses(count), executed) as nodes:
        contest = Contest(orders, nodes)
        peers = _peers(nodes.addresses)
        starts = {PROJECT: partial(followed, server, nodes.addresses)} | {
            name: peers[name] for name in orders.peers
        }
        for repeat in range(1 if orders.short else REPEATS):
            for name in dice.sample(sorted(starts), len(starts)):
                figures.setdefault(name, []).append(contest.ask(starts[name]))
                Progress().say(f"{repeat + 1}: {name}: {figures[name][-1]:.4g}")
    twice = sum(times > 1 for times in executions(executed))
    told = [f"{name}: {', '.join(f'{figure:.4g}' for figure in figures[name])}" for name in orders.peers]
    notes = (
        *told,
        f"{twice} requests, all GETs, were executed twice: trials that failed",
        contest.loads.note(),
    )
    medians = {name: median(figures[name]) for name in orders.peers}
    found = {"figures": figures[PROJECT], "peers": medians, "notes": notes}
    (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
