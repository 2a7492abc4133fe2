"""Which nodes take requests and answer none, so that it is no chance.

What has ended tells how a node is (`outliers`). One that hangs ends nothing before the first time limit, which is long;
its clients wait for all of it. So what is not answered yet is counted, too, once a second. A node is suspected if more
of its requests have waited for long than chance would have it; it then gets no new ones, and one on trial, as every
node that is out. That it hangs is proved by a trial that fails: only then those leave it who are bound to it.

What must stay true:
- what is answered already, and only goes on (streams, WebSockets, long bodies), does not count;
- requests that had waited for long when a node last answered anything (long polls) prove nothing against it; and the
  more of them there are, the less does another one prove;
- where all hang, nobody stands out, but how many requests are overdue is known: they may be sent to other nodes once
  their time is over, and count as such retries already (`pba_operator.domain.frontend.retries`);
- an answer ends the suspicion, and what it has led to; a failure is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pba_sync.judging.pasts import SURPRISE, End

SEVERAL: Final = 4
"""Fewer requests than so many prove nothing: three, and a health check may be counted with them."""
RESTING_SECONDS: Final = 5.0
"""What runs for so long rests; a shorter span would have too few counts to tell."""
COUNT_SECONDS: Final = 1.0
"""How often it is counted what runs: what it takes is compared with seconds."""
COUNT_SECONDS_A_NODE: Final = 0.005
"""For each node at least: with 1,000 the answer is long."""


@dataclass(frozen=True, slots=True)
class Count:
    """What was counted at a node at one time."""

    at: float
    """Monotonic, in seconds."""
    running: int
    """How many requests ran, and were not answered yet."""
    seconds: float
    """Since the last time."""
    took: float
    """How many seconds the requests waited for their answers, together, that have ended since."""


class Watched:
    """What was counted at one node."""

    def __init__(self) -> None:
        self._counts: list[Count] = []
        self._quiet: list[Count] = []
        self.base = 0
        """About how many requests ran for long when it last answered."""

    def count(self, count: Count, span: float, *, answered: bool) -> None:
        """Take in what was counted, and whether anything was answered since the last time."""
        is_new = not self._counts
        since = count.at - max(span, RESTING_SECONDS)
        self._counts = [old for old in self._counts if old.at > since] + [count]
        self._quiet.append(count)
        if is_new:
            self.base = count.running
        elif answered:
            self.base = self._resting()
        if is_new or answered:
            self._quiet = [count]
        while len(self._quiet) > 1 and self._quiet[1].at <= count.at - span:
            del self._quiet[0]

    def _resting(self) -> int:
        """Return how many requests ran all the time: no more than there were at any time.

        What has ended took some of the places meanwhile: by Little's law as many, on average, as the time that it took
        in all, divided by the time that has passed.
        """
        passed = sum(count.seconds for count in self._counts)
        places = sum(count.took for count in self._counts) / passed
        running = [count.running for count in self._counts]
        return max(0, min(*running, math.ceil(sum(running) / len(running) - places)))

    def beyond_base(self, span: float) -> int:
        """Return how many more requests have run for long since it last answered."""
        if not self._quiet or self._quiet[-1].at - self._quiet[0].at < span:
            return 0
        return max(0, min(count.running for count in self._quiet) - self.base)


def _waited(end: End) -> float:
    """Return for how many seconds a request was unanswered."""
    return end.milliseconds / 1000 if end.milliseconds >= 0 else end.seconds


@dataclass(frozen=True, slots=True)
class Ended:
    """What has ended at all nodes between two looks: how many soon, how many late."""

    at: float
    soon: int
    late: int


def stand_out(counts: Mapping[str, int], *, late: int, soon: int) -> frozenset[str]:
    """Return the nodes of whose requests more have run for long than chance would have it: pure.

    Args:
        counts: how many of each node have.
        late: how many others have, or had when they ended.
        soon: how many requests have ended sooner.
    """
    late += sum(counts.values())

    def chance(own: int) -> float:
        usual = (late - own + 1) / (late - own + soon + 2)
        return float(usual**own)

    return frozenset(name for name, own in counts.items() if own >= SEVERAL and chance(own) <= SURPRISE)


class Listener:
    """Listens to nodes, and keeps which of them are silent."""

    def __init__(self, span: float) -> None:
        """Have a request run for long once it has run for `span` seconds; infinite: none does."""
        self._span = span
        self._nodes: dict[str, Watched] = {}
        self._judged: frozenset[str] = frozenset()
        self._ended: list[Ended] = []
        self._counted_at = -math.inf
        self._answered: set[str] = set()
        self._took: list[float] = []
        self._took_at: dict[str, float] = {}
        self.silent: frozenset[str] = frozenset()
        """Nodes that are suspected to hang."""
        self.hanging: frozenset[str] = frozenset()
        """Those of them that failed a trial since."""
        self.overdue = 0
        """How many requests have run for long since their nodes last answered, also at nodes that get no more."""

    def note(self, ended: Mapping[str, Sequence[End]]) -> None:
        """Take in what has ended at each node."""
        for name, ends in ended.items():
            if not ends:
                continue
            took = [_waited(end) for end in ends]
            self._took.extend(took)
            self._took_at[name] = self._took_at.get(name, 0.0) + sum(took)
            if any(not end.failed for end in ends):
                self._answered.add(name)
                self.silent -= {name}
                self.hanging -= {name}

    def prove(self, failed: Iterable[str]) -> None:
        """Take in which nodes have failed a trial: of those that are suspected it is the proof."""
        self.hanging |= self.silent & set(failed)

    def look(self, names: Collection[str], now: float, count: Callable[[], Mapping[str, int]]) -> None:
        """Count, if it is time to.

        Args:
            names: the nodes that get requests: only they are suspected. One that comes back is as new.
            now: monotonic, in seconds.
            count: returns how many requests of each node are not answered yet.
        """
        pace = max(COUNT_SECONDS, COUNT_SECONDS_A_NODE * len(names))
        if now - self._counted_at < pace or math.isinf(self._span):
            return
        passed = self._span if math.isinf(self._counted_at) else now - self._counted_at
        self._counted_at = now
        running = count()
        anew = set(names) - self._judged
        self._judged = frozenset(names)
        known = {name: node for name, node in self._nodes.items() if name not in anew}
        self._nodes = {name: known.get(name) or Watched() for name in running}
        for name, node in self._nodes.items():
            counted = Count(now, running[name], passed, self._took_at.get(name, 0.0))
            node.count(counted, self._span, answered=name in self._answered)
        late = sum(seconds > self._span for seconds in self._took)
        self._ended = [entry for entry in self._ended if entry.at > now - self._span]
        self._ended.append(Ended(now, len(self._took) - late, late))
        self._answered, self._took, self._took_at = set(), [], {}
        self.silent = self._stand_out()
        self.hanging &= self.silent
        self.overdue = sum(node.beyond_base(self._span) for node in self._nodes.values())

    def _stand_out(self) -> frozenset[str]:
        judged = {name: node for name, node in self._nodes.items() if name in self._judged}
        resting = sum(node.base for node in judged.values())
        return stand_out(
            {name: node.beyond_base(self._span) for name, node in judged.items()},
            late=resting + sum(entry.late for entry in self._ended),
            soon=sum(entry.soon for entry in self._ended),
        )
