"""Both ends of a load on nodes, outside of pods: clients that go on until they are told to end, and the tally."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

from pba_hack.bench.balancer.load import Load, recorded
from pba_hack.binaries import binary

AT_MOST_SECONDS: Final = 1200.0
"""Clients end by themselves then."""
MICROSECONDS: Final = 1e6


@dataclass(frozen=True)
class Kind:
    """What clients are like.

    Attributes:
        rate: requests a second, however long the answers take.
        posts: of 100 requests so many are POSTs.
        fresh: of 100 requests so many come with a connection of their own; the others on connections that are kept.
        users: the requests are those of so many, who keep their cookies; 0: nobody keeps any.
    """

    rate: float
    posts: int = 10
    fresh: int = 10
    users: int = 0


class Clients:
    """Clients at work."""

    def __init__(self, process: subprocess.Popen[str], records: Path) -> None:
        """Take over the program; return when it has begun.

        Raises:
            RuntimeError: it could not begin; it has told why.
        """
        self._process = process
        self._records = records
        said = cast("IO[str]", process.stdout).readline()
        if not said.strip():
            raise RuntimeError("the clients did not begin: loadlab has said why")
        self.began = int(said) / MICROSECONDS
        """When that was, in seconds as `time.time` counts them."""

    def end(self) -> Load:
        """Let them end; return what became of all their requests, once each is answered or given up.

        Raises:
            RuntimeError: they have ended badly; they have told why.
        """
        self._process.terminate()
        if self._process.wait() != 0:
            raise RuntimeError("the clients ended badly: loadlab has said why")
        return recorded(self._records)


@contextlib.contextmanager
def asking(target: str, records: Path, kind: Kind, first: int) -> Iterator[Clients]:
    """Let clients ask HOST:PORT until `Clients.end`, or at the latest until the block ends.

    Args:
        target: what they connect to.
        records: a file for the record of each request.
        kind: what they are like.
        first: the number of the first request; the moments of the requests are by it, too.
    """
    what = ("-target", target, "-records", str(records), "-duration", f"{AT_MOST_SECONDS}s")
    how = ("-rate", f"{kind.rate}", "-posts", f"{kind.posts}", "-fresh", f"{kind.fresh}")
    which = ("-users", f"{kind.users}", "-first", f"{first}", "-seed", f"{first}")
    command = [str(binary("loadlab")), "clients", *what, *how, *which]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Clients(process, records)
        finally:
            process.kill()


class Tally:
    """What nodes have executed, as they have told it."""

    def __init__(self, process: subprocess.Popen[str], executed: Path) -> None:
        """Take over the program, which has its input and output from us; return when it listens.

        Raises:
            RuntimeError: it does not; it has told why.
        """
        self._orders, self._answers = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
        self._executed = executed
        if self._answers.readline().strip() != '"ready"':
            raise RuntimeError("the tally did not begin: loadlab has said why")

    def by_node(self) -> Mapping[str, int]:
        """Return how many requests each node has executed."""
        print(file=self._orders, flush=True)
        told: dict[str, int] = json.loads(self._answers.readline())
        return told

    def executions(self) -> bytes:
        """Return how often each request was executed: a byte for each number."""
        self.by_node()
        return self._executed.read_bytes()


@contextlib.contextmanager
def counting(address: str, executed: Path) -> Iterator[Tally]:
    """Run the tally at HOST:PORT until the block ends."""
    options = ("-listen", address, "-executed", str(executed))
    with subprocess.Popen(
        [binary("loadlab"), "tally", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Tally(process, executed)
        finally:
            process.kill()
