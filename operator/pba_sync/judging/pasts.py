"""How requests ended, and whether it is chance that so many ended badly: pure.

There are kinds of bad ends, each within the one before: later than what is late, later than four times that, than
sixteen times ..., and failed. Each is judged by itself: where an application answers pictures in no time and pages
slowly, its pages are late on every node, and only what is later than these stands out.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

SPANS: Final = (2, 4, 8, 16, 32, 64)
"""A node is judged by so many of its last requests: by few of them if it has turned bad just now, by many if it is only
somewhat worse than others."""
KEPT: Final = SPANS[-1]
ALL: Final = (1 << KEPT) - 1
"""A bit for each of them."""
SURPRISE: Final = 1e-6
"""What is less probable is no chance."""
REMEMBERED: Final = 4096
"""So many requests of all nodes tell how often one ends badly that no node is to blame for."""


RUNGS: Final = 5
"""So many kinds of late ends: with 27 ms for late, the last one begins at 7 s."""
RUNG: Final = 4.0
"""From one kind of late ends to the next one."""
KINDS: Final = RUNGS + 1
LATE: Final = 0
FAILS: Final = RUNGS
"""The first kind, and the last one, by their numbers."""
WELL: Final = 0
FAILED: Final = KINDS
"""How bad an end is: of so many kinds."""


class Asked(NamedTuple):
    """Who has asked, and for what."""

    address: str
    path: str


class End(NamedTuple):
    """How one request that was sent to a node ended."""

    milliseconds: float
    """To the first byte of the answer; of one that failed it says nothing."""
    failed: bool = False
    seconds: float = 0.0
    """From its beginning to its end."""
    trial: bool = False
    """Whether the node was out, and was asked on trial."""
    asked: Asked | None = None
    """Who has asked for what; None: it is not known."""


@dataclass(frozen=True, slots=True)
class Ends:
    """How many requests came to an end, and of them how many badly, by kind."""

    count: int = 0
    bad: tuple[int, ...] = (0,) * KINDS

    @classmethod
    def of(cls, levels: Sequence[int]) -> Ends:
        """Count ends, of which it is given how bad each is."""
        if not any(levels):
            return cls(len(levels))
        return cls(len(levels), tuple(sum(level > kind for level in levels) for kind in range(KINDS)))

    def plus(self, other: Ends) -> Ends:
        """Return both together."""
        return Ends(self.count + other.count, tuple(map(operator.add, self.bad, other.bad)))

    def minus(self, other: Ends) -> Ends:
        """Return these without the others, which are among them."""
        return Ends(self.count - other.count, tuple(map(operator.sub, self.bad, other.bad)))

    def faded(self) -> Ends:
        """Return no more than are remembered, in the same parts."""
        ends = self
        while ends.count > REMEMBERED:
            ends = Ends(ends.count // 2, tuple(bad // 2 for bad in ends.bad))
        return ends


def sum_ends(ends: Iterable[Ends]) -> Ends:
    """Return all together."""
    return functools.reduce(Ends.plus, ends, NO_ENDS)


NO_ENDS: Final = Ends()

Shares = tuple[float, ...]
"""Parts of the requests, from 0 to 1, that ended badly, by kind."""
Baseline = Callable[[int], Shares]
"""From a number of last requests to what is usual among so many of each other node."""


@dataclass(frozen=True, slots=True)
class Past:
    """How the last requests of a node ended: a bit for each, the newest at the right, by kind of bad ends."""

    count: int = 0
    bad: tuple[int, ...] = (0,) * KINDS

    def then(self, level: int) -> Past:
        """Return the past with one more request, that ended so badly."""
        bits = ((bits << 1 | (level > kind)) & ALL for kind, bits in enumerate(self.bad))
        return Past(min(self.count + 1, KEPT), tuple(bits))

    def well(self, times: int) -> Past:
        """Return the past with so many more requests that ended well."""
        bad = tuple(bits << times & ALL for bits in self.bad) if self.bad[LATE] else self.bad
        return Past(min(self.count + times, KEPT), bad)

    def without(self, bits: Sequence[int]) -> Past:
        """Return the past as if these requests had ended well, by kind."""
        return Past(self.count, tuple(own & ~others for own, others in zip(self.bad, bits, strict=True)))

    def ends(self, span: int = KEPT) -> Ends:
        """Return how the last `span` requests ended."""
        mask = (1 << span) - 1
        return Ends(min(span, self.count), tuple((bits & mask).bit_count() for bits in self.bad))


NO_PAST: Final = Past()


class Baselines:
    """The shares of bad ends that no node is to blame for."""

    def __init__(self, remembered: Ends, serving: Mapping[str, Past]) -> None:
        """Take both in.

        Args:
            remembered: how requests to any node ended for some time.
            serving: the pasts of the nodes in rotation.
        """
        self._remembered = tuple((bad + 1) / (remembered.count + 2) for bad in remembered.bad)
        self._serving = serving
        self._sums: dict[int, Ends] = {}

    def beside(self, name: str) -> Baseline:
        """Return the shares, for a node: what it is among its last requests does not count."""
        own = self._serving.get(name, NO_PAST)
        return lambda span: self._beside(own.ends(span), span)

    def _beside(self, own: Ends, span: int) -> Shares:
        if span not in self._sums:
            self._sums[span] = sum_ends(past.ends(span) for past in self._serving.values())
        others = self._sums[span].minus(own)
        count = max(1, others.count)
        return tuple(
            max(remembered, bad / count) for remembered, bad in zip(self._remembered, others.bad, strict=True)
        )


class Surprise(NamedTuple):
    """What of a past is no chance."""

    kind: int
    share: float
    """The part of its last requests that ended so."""


def surprise(past: Past, baseline: Baseline, least: int = LATE) -> Surprise | None:
    """Return what of a node's past is more than chance would give it: the worst kind, in the shortest span.

    Args:
        past: the node's.
        baseline: what is usual beside it.
        least: the first kind that counts.
    """
    # Each kind is within the one before, and most nodes have none at all.
    kinds = [kind for kind in range(least, KINDS) if past.bad[kind]]
    if not kinds:
        return None
    spans = list(_spans(past, baseline))
    for kind in reversed(kinds):
        for own, others in spans:
            if is_no_chance(own.bad[kind], own.count, others[kind]):
                return Surprise(kind, own.bad[kind] / own.count)
    return None


def is_worse(past: Past, baseline: Baseline) -> bool:
    """Tell whether a node's past has more of any kind of bad ends than chance would give it."""
    return surprise(past, baseline) is not None


def fails_more(past: Past, baseline: Baseline) -> bool:
    """Tell whether a node's past has more of failures than chance would give it."""
    return surprise(past, baseline, FAILS) is not None


def _spans(past: Past, baseline: Baseline) -> Iterator[tuple[Ends, Shares]]:
    """Yield how the last requests ended, of ever longer spans, and what is usual among so many."""
    for span in SPANS:
        if span // 2 >= past.count:
            return
        yield past.ends(span), baseline(span)


def is_no_chance(seen: int, count: int, usual: float) -> bool:
    """Tell whether it is less probable than `SURPRISE` that of `count` requests `seen` or more end so.

    Mostly its bounds decide, which take a tenth of the time. Source: R. Ash, Information Theory, lemma 4.7.2 (exp(-n D)
    is above the tail of a binomial distribution, and that divided by the root of 8 n p (1 - p) below it).
    """
    if seen <= count * usual:
        return False
    share = seen / count
    if share < 1:
        distance = share * math.log(share / usual) + (1 - share) * math.log((1 - share) / (1 - usual))
        above = math.exp(-count * distance)
        if above < SURPRISE:
            return True
        if above / math.sqrt(8 * count * share * (1 - share)) >= SURPRISE:
            return False
    return chance(seen, count, usual) < SURPRISE


def chance(seen: int, count: int, usual: float) -> float:
    """Return how probable it is that of `count` requests `seen` or more end so, each with the probability `usual`."""
    if seen <= count * usual:
        return 1.0  # or nearly: more than what is expected is what is asked for
    return sum(math.comb(count, k) * usual**k * (1 - usual) ** (count - k) for k in range(seen, count + 1))
