"""Both ends of a load: nodes behind a balancer and clients before it, by the program `loadlab`.

It never retries. Requests have numbers that both ends count: sent = answered = executed once can be checked.
"""

from __future__ import annotations

import contextlib
import csv
import json
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, TypedDict, Unpack, cast

from pba_hack.bench.statistics import percentile
from pba_hack.binaries import binary

GOOD: Final = range(200, 400)
GET: Final = "GET"
"""The only method that is sent and may be sent again."""
POST: Final = "POST"
WELL: Final[Mapping[str, float]] = {"delay_ms": 18.0, "jitter_ms": 4.0}
"""How a node answers that is well (`Nodes.order`): 20 ms in the middle."""


@dataclass(frozen=True)
class Sent:
    """What became of one request."""

    number: int
    method: str
    due: float
    """Seconds after the beginning of the load at which it was to be sent."""
    took: float
    """Seconds from then to the end of the answer."""
    status: int
    """0: there was no answer, and `complaint` says why."""
    node: str
    complaint: str
    left: str = ""
    """The node that had set the request's cookies, if another one answered it."""

    @property
    def failed(self) -> bool:
        """Whether there was no answer, or one that says so."""
        return self.status not in GOOD


@dataclass(frozen=True)
class Load:
    """What became of all requests of one load."""

    sent: Sequence[Sent]

    @property
    def failures(self) -> Counter[str]:
        """How many requests failed, by what the client saw."""
        return Counter(one.complaint or str(one.status) for one in self.sent if one.failed)

    @property
    def by_node(self) -> Mapping[str, int]:
        """How many requests each node answered."""
        return Counter(one.node for one in self.sent if one.node)

    @property
    def failed_gets(self) -> int:
        """How many requests failed that may be sent again."""
        return sum(one.failed for one in self.sent if one.method == GET)

    def told_by_method(self, sent_twice: int) -> str:
        """Say what failed, when so many POSTs were executed twice: those that a node had begun cannot but fail."""
        posts = [one.failed for one in self.sent if one.method == POST]
        gets = len(self.sent) - len(posts)
        return (
            f"{self.failed_gets} of {gets:,} GETs failed; {sum(posts)} of {len(posts):,} POSTs failed, "
            f"{sent_twice} were executed twice"
        )

    def latency(self, share: float) -> float:
        """Return a percentile of the answers' times, in seconds; failures count with the time that they took."""
        return percentile([one.took for one in self.sent], share)


class Kind(TypedDict, total=False):
    """Of requests and of who sends them; what is left out is none."""

    clients: int
    """Instead of a rate: so many ask again as soon as they are answered (a closed model), with GETs."""
    posts: int
    """Of 100 requests so many are POSTs."""
    users: int
    """The requests are those of so many, in turn by their numbers, who keep their cookies."""


class Nodes:
    """Servers that answer as they are told."""

    def __init__(self, process: subprocess.Popen[str], addresses: Sequence[str]) -> None:
        """Take over the program, which has its input and output from us; addresses are HOST:PORT."""
        self._process = process
        self._orders, self._answers = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
        self.addresses = addresses

    def await_ready(self) -> None:
        """Return when they listen.

        Raises:
            RuntimeError: they do not.
        """
        if self._answers.readline().strip() != '"ready"':
            raise RuntimeError("the nodes did not begin: loadlab has said why")

    def end(self) -> None:
        """End them; how often each request was executed is written now."""
        self._orders.close()
        self._process.wait()

    def order(
        self, what: str, nodes: Sequence[int] | None = None, **how: float
    ) -> Sequence[Mapping[str, int]]:
        """Have nodes (all, if none are named) do something; return what each has done so far.

        Args:
            what: `set` (how they answer from now on), `kill`, `start`, `report`, or `count`, which writes down how
                often each request was executed so far.
            nodes: which, by their places in `addresses`.
            **how: for `set`: delay_ms, jitter_ms, fail_share; what is left out is none.
        """
        print(json.dumps({"do": what, "nodes": nodes, **how}), file=self._orders, flush=True)
        reports: list[dict[str, int]] = json.loads(self._answers.readline())
        return reports


@contextlib.contextmanager
def serving(addresses: Sequence[str], executed: Path) -> Iterator[Nodes]:
    """Run a node at each address until the block ends; `executed` then says how often each request was executed."""
    options = ("-listen", ",".join(addresses), "-executed", str(executed))
    with subprocess.Popen(
        [binary("loadlab"), "nodes", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        made = Nodes(process, addresses)
        made.await_ready()
        yield made
        made.end()


def executions(executed: Path) -> bytes:
    """Return how often each request was executed: a byte for each number."""
    return executed.read_bytes()


def posts_executed_twice(load: Load, executed: bytes) -> int:
    """Return how many POSTs of a load were executed more than once."""
    numbers = (one.number for one in load.sent if one.method == POST)
    return sum(number < len(executed) and executed[number] > 1 for number in numbers)


def send(
    target: str,
    records: Path,
    *,
    seconds: float,
    rate: float = 0.0,
    first: int = 0,
    **kind: Unpack[Kind],
) -> Load:
    """Send requests to HOST:PORT, and return what became of each.

    Args:
        target: the balancer.
        records: a file for the record of each request.
        seconds: for how long requests are begun.
        rate: requests a second, however long the answers take (an open model).
        first: the number of the first request; the moments of the requests are by it, too.
        **kind: of the requests and of who sends them.

    Raises:
        CalledProcessError: the clients could not begin.
    """
    how = ("-rate", str(rate), *(word for name, count in kind.items() for word in (f"-{name}", str(count))))
    what = ("-target", target, "-duration", f"{seconds}s", "-records", str(records))
    which = ("-first", str(first), "-seed", str(first))
    command = [str(binary("loadlab")), "clients", *what, *how, *which]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return recorded(records)


def recorded(records: Path) -> Load:
    """Return what `loadlab clients` has recorded."""
    with records.open(newline="") as file:
        return Load([_read(row) for row in csv.reader(file)])


def _read(row: Sequence[str]) -> Sent:
    number, method, due, took, status, node, complaint, left = row
    return Sent(int(number), method, int(due) / 1e6, int(took) / 1e6, int(status), node, complaint, left)
