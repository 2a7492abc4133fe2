"""Which nodes take requests and answer none, so that it is no chance.

What has ended tells how a node is (`outliers`). One that hangs ends nothing before the first time limit, which is long;
its clients wait for all of it. So what runs is counted, too.

What must stay true:
- only requests that were begun since the node last ended one prove anything: streams, and long requests that were left
  alone in a lull, do not;
- what often takes so long proves little: of the requests to all nodes as many count as hang, and as have ended in the
  same time, soon or late;
- where all hang, nobody stands out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pba_sync.judging.pasts import SURPRISE, End

SEVERAL: Final = 3
"""Fewer requests than so many prove nothing."""
COUNT_SECONDS: Final = 1.0
"""How often it is counted what runs, to find nodes that hang: what they take is compared with seconds."""
COUNT_SECONDS_A_NODE: Final = 0.005
"""For each node at least: with 1,000 the answer is long."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """A node since it was last heard of."""

    base: int
    """How many requests ran then."""
    seen: tuple[tuple[float, int], ...]
    """How many ran at later moments; the first is as old as what counts, or the oldest there is."""

    def begun(self, before: float) -> int:
        """Return how many of the requests that run were begun in the silence, and before this moment."""
        then = [count for at, count in self.seen if at <= before]
        return max(0, min(then[-1], self.seen[-1][1]) - self.base) if then else 0


@dataclass(frozen=True, slots=True)
class Ended:
    """What has ended at all nodes between two looks: how many soon, how many late."""

    at: float
    soon: int
    late: int


@dataclass(frozen=True, slots=True)
class Silences:
    """What is known of all nodes."""

    nodes: Mapping[str, Quiet] = field(default_factory=dict)
    ended: tuple[Ended, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen at one look."""

    now: float
    """Monotonic, in seconds."""
    running: Mapping[str, int]
    """How many requests run on each node that gets some."""
    heard: Collection[str]
    """The nodes that have ended a request since the last look."""
    seconds: Iterable[float]
    """How long each of those requests took."""


def follow(known: Silences, seen: Seen, span: float) -> Silences:
    """Return what is known after another look.

    Args:
        known: the answer of the last call.
        seen: what was seen.
        span: for so many seconds a request has to run to count.
    """
    took = list(seen.seconds)
    late = sum(seconds > span for seconds in took)
    ended = (*known.ended, Ended(seen.now, len(took) - late, late))
    return Silences(
        {name: _quiet(known.nodes.get(name), name, seen, span) for name in seen.running},
        tuple(entry for entry in ended if entry.at > seen.now - span),
    )


def _quiet(known: Quiet | None, name: str, seen: Seen, span: float) -> Quiet:
    count = seen.running[name]
    if known is None or name in seen.heard:
        return Quiet(count, ((seen.now, count),))
    old = [entry for entry in known.seen if entry[0] <= seen.now - span]
    young = known.seen[len(old) :]
    return Quiet(known.base, (*old[-1:], *young, (seen.now, count)))


def silent(known: Silences, now: float, span: float) -> frozenset[str]:
    """Return the nodes whose silence is no chance.

    Args:
        known: the answer of `follow`, at the moment `now`.
        now: monotonic, in seconds.
        span: as in `follow`.
    """
    hang = {name: quiet.begun(now - span) for name, quiet in known.nodes.items()}
    late = sum(entry.late for entry in known.ended) + sum(hang.values())
    count = late + sum(entry.soon for entry in known.ended)

    def chance(own: int) -> float:
        usual = (late - own + 1) / (count - own + 2)
        return float(usual**own)

    return frozenset(name for name, own in hang.items() if own >= SEVERAL and chance(own) <= SURPRISE)


class Listener:
    """Counts what runs now and then, and keeps which nodes are silent."""

    def __init__(self, span: float) -> None:
        """Have requests count that have run for `span` seconds; infinite: none."""
        self._span = span
        self._known = Silences()
        self._counted_at = -math.inf
        self._heard: set[str] = set()
        self._took: list[float] = []
        self.silent: frozenset[str] = frozenset()
        """Nodes that take requests, and end none."""

    def note(self, ended: Mapping[str, Sequence[End]]) -> None:
        """Take in what has ended at each node."""
        for name, ends in ended.items():
            if ends:
                self._heard.add(name)
                self._took.extend(end.seconds for end in ends)

    def look(self, names: Collection[str], now: float, count: Callable[[], Mapping[str, int]]) -> None:
        """Count, if it is time to.

        Args:
            names: the nodes that get requests.
            now: monotonic, in seconds.
            count: returns how many requests run on each node.
        """
        pace = max(COUNT_SECONDS, COUNT_SECONDS_A_NODE * len(names))
        if now - self._counted_at < pace or math.isinf(self._span):
            return
        self._counted_at = now
        counts = count()
        running = {name: counts[name] for name in names if name in counts}
        self._known = follow(self._known, Seen(now, running, self._heard, self._took), self._span)
        self.silent = silent(self._known, now, self._span)
        self._heard, self._took = set(), []
