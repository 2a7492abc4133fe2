"""A balancer that runs, whoever made it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from pba_hack.process_usage import processor_seconds


@dataclass(frozen=True)
class Balancer:
    """A balancer that runs: where it is asked, and the processes that it consists of."""

    targets: Sequence[str]
    """HOST:PORT of each instance; each decides by itself."""
    pids: Sequence[int]
    sidecars: Sequence[int] = ()
    """Those of `pids` that are the frontend's sidecars."""
    sockets: Sequence[Path] = ()
    """The runtime APIs of the frontend's HAProxys."""

    @property
    def is_the_frontend(self) -> bool:
        """Whether it is ours: others have no sidecar."""
        return bool(self.sidecars)

    @property
    def target(self) -> str:
        """Where clients connect to: to any of the instances, by chance."""
        return ",".join(self.targets)

    def processor_seconds(self) -> float:
        """Return the processor time of all of it so far."""
        return sum(map(processor_seconds, self.pids))


Start = Callable[[], AbstractContextManager[Balancer]]
"""Starts a balancer, which runs until the block ends."""


@contextlib.contextmanager
def several(start: Start, count: int) -> Iterator[Balancer]:
    """Start a balancer so many times, beside each other, and give them as one."""
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(start()) for _ in range(count)]
        yield Balancer(
            [target for one in found for target in one.targets],
            [pid for one in found for pid in one.pids],
            [pid for one in found for pid in one.sidecars],
            [socket for one in found for socket in one.sockets],
        )
