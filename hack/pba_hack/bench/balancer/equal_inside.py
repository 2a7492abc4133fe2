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

from pba_lab import account

from pba_hack.apiserver import running
from pba_hack.bench.balancer import lab
from pba_hack.bench.balancer.balancers import Balancer, cluster, followed, static
from pba_hack.bench.balancer.equal import NODES, RATE, Orders
from pba_hack.bench.balancer.load import Load, Nodes, executions, send, serving
from pba_hack.bench.rounds import side_by_side
from pba_hack.binaries import binary
from pba_hack.process_usage import idle_share
from pba_hack.progress import Progress

NAMESPACE: Final = "bench"
CLIENTS: Final = 64
"""So many ask at the same time when it is about how much is carried."""
WARM_SECONDS: Final = 2.0
DELAY: Final = {"delay_ms": 18.0, "jitter_ms": 4.0}
"""How nodes answer: 20 ms in the middle."""
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
        self._sent = 0
        self.idle: list[float] = []
        """The share of the machine's processors that was idle, load by load."""
        self.failed = 0

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
        self._nodes.order("set", None, **(AT_ONCE if carried else DELAY))
        with idle_share() as idle:
            load = send(
                balancer.target,
                Path(self._orders.folder) / "records.csv",
                seconds=seconds,
                rate=RATE,
                clients=CLIENTS if carried else 0,
                first=self._sent,
            )
        self.idle.append(idle())
        self._sent += len(load.sent)
        self.failed += load.failures.total()
        return load


def main(argv: Sequence[str]) -> None:
    """Do as ordered, and write what was found into `found.json`."""
    orders = Orders(**json.loads(argv[0]))
    folder = Path(orders.folder)
    (folder / "apiserver").mkdir()
    executed = folder / "executed"
    with running(binary("kubernetes"), folder / "apiserver") as server:
        made = server.request("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        if not made.ok:
            raise RuntimeError(made.data.decode())
        account.admit(server, cluster(NAMESPACE))
        with serving(lab.addresses(NODES), executed) as nodes:
            contest = Contest(orders, nodes)
            rounds = side_by_side(
                lambda: contest.ask(partial(followed, server, NAMESPACE, nodes.addresses)),
                lambda: contest.ask(partial(static, nodes.addresses)),
                rounds=orders.rounds,
                dice=random.Random(orders.seed),  # noqa: S311 - nothing is kept secret by it
                told=Progress().say,
            ).rounds
    twice = sum(count > 1 for count in executions(executed))
    notes = (
        f"{contest.failed} requests failed, {twice} were executed twice",
        f"idle meanwhile: {min(contest.idle):.0%} of the machine at least",
        "the frontend: HAProxy and the sidecar together; the API server beside them does nothing meanwhile",
    )
    found = {"rounds": [dataclasses.asdict(one) for one in rounds], "notes": notes}
    (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
