"""The half of `equal-*` that runs in the network namespace."""

from __future__ import annotations

import dataclasses
import json
import random
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Final

from pba_hack.bench.balancer import lab
from pba_hack.bench.balancer.balancers import Balancer, followed, prepared, static
from pba_hack.bench.balancer.equal import NODES, RATE, Orders
from pba_hack.bench.balancer.load import WELL, Load, Nodes, executions, serving
from pba_hack.bench.balancer.loads import Loads
from pba_hack.bench.rounds import side_by_side
from pba_hack.progress import Progress

CLIENTS: Final = 64
"""So many ask at the same time when it is about how much is carried."""
WARM_SECONDS: Final = 2.0
AT_ONCE: Final = {"delay_ms": 0.0}
"""How they answer when it is about how much is carried: the balancer has to be what there is too little of."""

Start = Callable[[], AbstractContextManager[Balancer]]


class Contest:
    """Measures one balancer after another."""

    def __init__(self, orders: Orders, nodes: Nodes) -> None:
        self._orders = orders
        self._nodes = nodes
        self._figure = {"throughput": self._throughput, "cpu": self._processor, "p99": self._p99}[
            orders.figure
        ]
        self.loads = Loads(Path(orders.folder))

    def ask(self, start: Start) -> float:
        """Return the figure of a balancer, which is started for it."""
        with start() as balancer:
            self._load(balancer, WARM_SECONDS)
            return self._figure(balancer)

    def _throughput(self, balancer: Balancer) -> float:
        load = self._load(balancer, self._orders.seconds)
        return (len(load.sent) - load.failures.total()) / self._orders.seconds

    def _processor(self, balancer: Balancer) -> float:
        before = balancer.processor_seconds()
        load = self._load(balancer, self._orders.seconds)
        return (balancer.processor_seconds() - before) / len(load.sent) * 1e6

    def _p99(self, balancer: Balancer) -> float:
        return self._load(balancer, self._orders.seconds).latency(0.99)

    def _load(self, balancer: Balancer, seconds: float) -> Load:
        carried = self._orders.figure == "throughput"
        self._nodes.order("set", None, **(AT_ONCE if carried else WELL))
        return self.loads.send(balancer.target, seconds=seconds, rate=RATE, clients=CLIENTS if carried else 0)


def main(argv: Sequence[str]) -> None:
    """Do as ordered, and write what was found into `found.json`."""
    orders = Orders(**json.loads(argv[0]))
    folder = Path(orders.folder)
    executed = folder / "executed"
    with prepared(folder / "apiserver") as server, serving(lab.addresses(NODES), executed) as nodes:
        contest = Contest(orders, nodes)
        rounds = side_by_side(
            lambda: contest.ask(partial(followed, server, nodes.addresses)),
            lambda: contest.ask(partial(static, nodes.addresses)),
            rounds=orders.rounds,
            dice=random.Random(orders.seed),  # noqa: S311 - nothing is kept secret by it
            told=Progress().say,
        ).rounds
    twice = sum(count > 1 for count in executions(executed))
    notes = (
        f"{contest.loads.failed} requests failed, {twice} were executed twice",
        contest.loads.note(),
        "the frontend: HAProxy and the sidecar together; the API server beside them does nothing meanwhile",
    )
    found = {"rounds": [dataclasses.asdict(one) for one in rounds], "notes": notes}
    (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
