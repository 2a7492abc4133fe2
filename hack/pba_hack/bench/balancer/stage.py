"""Where balancers are measured, one after another: in a network of their own, nodes behind them, clients before them.

A case is measured by `in_namespace`, of a module with two names: `nodes`, which tells how many there are; and
`perform`, which is called in the network namespace with a `Stage`, and returns what it found.
"""

from __future__ import annotations

import importlib
import json
import random
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Unpack

from pba_hack.apiserver import ApiServer
from pba_hack.bench.balancer import frontend, lab
from pba_hack.bench.balancer.balancers import Balancer, several
from pba_hack.bench.balancer.load import WELL, Kind, Load, Nodes, executions, posts_executed_twice, serving
from pba_hack.bench.balancer.loads import Loads
from pba_hack.bench.balancer.peers import PEERS
from pba_hack.bench.case import Measured, Trial
from pba_hack.bench.samples import Values
from pba_hack.bench.statistics import median
from pba_hack.beside import beside
from pba_hack.binaries import binary
from pba_hack.images.rootfs import rootfs
from pba_hack.progress import Progress

RATE: Final = 1000.0
"""Requests a second."""
SHORT_RATE: Final = 200.0
REPEATS: Final = 5
WARM_SECONDS: Final = 2.0
LOAD_SECONDS: Final = 5.0
"""Of each stretch of requests that go on while something else happens."""
PROJECT: Final = "the frontend"
EXECUTED: Final = "executed"
"""The file in which nodes write down how often each request was executed."""

Found = Mapping[str, Any]
"""What was found, as JSON; `notes` are words."""


@dataclass(frozen=True)
class Orders:
    """What the half inside of the network namespace is to do; paths as text, so that it can be JSON."""

    module: str
    case: str
    short: bool
    seed: int
    folder: str
    peers: Sequence[str] = ()


class Stage:
    """Nodes and clients, and the balancers that may stand between them."""

    def __init__(self, orders: Orders, nodes: Nodes, server: ApiServer | None = None) -> None:
        """Take over nodes that listen, and an API server that is prepared: without one there is no frontend."""
        self.orders = orders
        self.nodes = nodes
        self.serving = len(nodes.addresses)
        """So many of the nodes are behind a balancer when it begins."""
        self.settings: Mapping[str, Any] = frontend.ONCE
        """What the PBACluster says of its frontend."""
        self._server = server
        self._executed = Path(orders.folder) / EXECUTED
        self.loads = Loads(Path(orders.folder))
        self.dice = random.Random(orders.seed)  # noqa: S311 - nothing is kept secret by it
        self.say = Progress().say
        self._failed_here = 0
        self._notes: list[str] = []
        self._measured = PROJECT

    @property
    def rate(self) -> float:
        """Requests a second, where the rate is given."""
        return SHORT_RATE if self.orders.short else RATE

    def start(self, name: str, instances: int = 1) -> AbstractContextManager[Balancer]:
        """Start the frontend (`PROJECT`) or a peer, so many times."""
        return several(lambda: self._start(name), instances)

    @property
    def server(self) -> ApiServer:
        """The API server.

        Raises:
            ValueError: there is none.
        """
        if self._server is None:
            raise ValueError("the frontend cannot be without an API server")
        return self._server

    def _start(self, name: str) -> AbstractContextManager[Balancer]:
        if name != PROJECT:
            return PEERS[name].run(self.nodes.addresses[: self.serving])
        pods = frontend.pods(self.nodes.addresses[: self.serving])
        return frontend.followed(self.server, pods, self.settings)

    @property
    def notes(self) -> Sequence[str]:
        """What was kept so far."""
        return self._notes

    def note(self, text: str) -> None:
        """Tell something of what is measured; what is said of the frontend is kept for the record."""
        self.say(f"{self._measured}: {text}")
        if self._measured == PROJECT:
            self._notes.append(text)

    def load(self, balancer: Balancer, seconds: float, **kind: Unpack[Kind]) -> Load:
        """Send requests to a balancer, and return what became of them; the arguments are those of `load.send`."""
        whose = "the frontend" if balancer.is_the_frontend else "others"
        load = self.loads.send(balancer.target, whose, seconds=seconds, rate=self.rate, **kind)
        if balancer.is_the_frontend:
            self._failed_here += load.failures.total()
        return load

    def losses(self) -> str:
        """Say how many requests of all loads did not end well, and how many were executed more than once."""
        ours, twice = self._failed_here, sum(times > 1 for times in executions(self._executed))
        return (
            f"requests failed: {ours} of the frontend, {self.loads.failed - ours} of others; "
            f"{twice} were executed twice"
        )

    @contextmanager
    def under_load(self, balancer: Balancer) -> Iterator[None]:
        """Send requests to a balancer until the block ends, `LOAD_SECONDS` at a time."""
        done = threading.Event()

        def load() -> None:
            while not done.is_set():
                self.load(balancer, LOAD_SECONDS)

        with beside(load, end=done.set):
            yield

    def sent_twice(self, load: Load) -> int:
        """Return how many POSTs of a load nodes have executed more than once, by their own count."""
        self.nodes.order("count")
        return posts_executed_twice(load, executions(self._executed))

    def in_turn(self, figure: Callable[[Balancer], float], *, instances: int = 1) -> Found:
        """Start the frontend and each peer, warm it, and take its figure; again and again, in an order by chance."""
        names = [PROJECT, *self.orders.peers]
        figures: dict[str, list[float]] = {name: [] for name in names}
        for repeat in range(1 if self.orders.short else REPEATS):
            for name in self.dice.sample(names, len(names)):
                self.nodes.order("set", None, **WELL)
                self._measured = name
                with self.start(name, instances) as balancer:
                    self.load(balancer, WARM_SECONDS)
                    figures[name].append(figure(balancer))
                self.say(f"{repeat + 1}: {name}: {figures[name][-1]:.4g}")
        told = [f"{name}: {', '.join(f'{one:.4g}' for one in figures[name])}" for name in self.orders.peers]
        medians = {name: median(figures[name]) for name in self.orders.peers}
        return {"figures": figures[PROJECT], "peers": medians, "notes": [*told, *self._notes]}


def held(module: str, case: str, trial: Trial, peers: Sequence[str] = ()) -> Found:
    """Have a module's `perform` do its part in a network namespace; return what it found.

    Args:
        module: of the case.
        case: its id.
        trial: what it is measured with.
        peers: names in `PEERS`.

    Raises:
        CalledProcessError: a step failed; it has told why.
    """
    for program in ("kubernetes", "loadlab"):
        binary(program)
    rootfs("haproxy")
    for name in peers:
        PEERS[name].provide()
    orders = Orders(module, case, trial.short, trial.seed, str(trial.folder), list(peers))
    lab.run_inside(__name__, json.dumps(vars(orders)))
    found: Found = json.loads((trial.folder / "found.json").read_text())
    return found


def in_namespace(module: str, case: str, peers: Sequence[str], trial: Trial) -> Measured:
    """Measure in a network namespace: `held`, and the figures of what it returns.

    Args:
        module: of the case; it has `nodes(case)`, how many nodes there are, and `perform(stage)`, what is measured.
        case: its id.
        peers: names in `PEERS`.
        trial: what it is measured with.

    Raises:
        CalledProcessError: a step failed; it has told why.
    """
    found = held(module, case, trial, peers)
    values = Values(found["figures"], peers=found.get("peers", {}), series=found.get("series"))
    return Measured(values, tuple(found["notes"]))


def main(argv: Sequence[str]) -> None:
    """Do as ordered, and write what was found into `found.json`."""
    orders = Orders(**json.loads(argv[0]))
    module = importlib.import_module(orders.module)
    folder = Path(orders.folder)
    executed = folder / EXECUTED
    with (
        frontend.prepared(folder / "apiserver") as server,
        serving(lab.addresses(module.nodes(orders.case)), executed) as nodes,
    ):
        stage = Stage(orders, nodes, server)
        found = module.perform(stage)
    notes = (
        stage.losses(),
        *found["notes"],
        stage.loads.note(),
    )
    (folder / "found.json").write_text(json.dumps({**found, "notes": notes}))


if __name__ == "__main__":
    main(sys.argv[1:])
