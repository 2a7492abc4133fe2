"""How requests ended, and whether it is chance that so many ended badly: pure."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
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
    """How many requests came to an end, and of them how many failed, and how many ended badly (failed or late)."""

    count: int = 0
    failed: int = 0
    bad: int = 0

    @classmethod
    def of(cls, ends: Iterable[End], late: float) -> Ends:
        """Count ends; those that took more than `late` milliseconds are late."""
        whole = list(ends)
        failed = sum(end.failed for end in whole)
        return cls(len(whole), failed, sum(end.failed or end.milliseconds > late for end in whole))

    def plus(self, other: Ends) -> Ends:
        """Return both together."""
        return Ends(self.count + other.count, self.failed + other.failed, self.bad + other.bad)

    def minus(self, other: Ends) -> Ends:
        """Return these without the others, which are among them."""
        return Ends(self.count - other.count, self.failed - other.failed, self.bad - other.bad)

    def faded(self) -> Ends:
        """Return no more than are remembered, in the same parts."""
        ends = self
        while ends.count > REMEMBERED:
            ends = Ends(ends.count // 2, ends.failed // 2, ends.bad // 2)
        return ends


def sum_ends(ends: Iterable[Ends]) -> Ends:
    """Return all together."""
    return functools.reduce(Ends.plus, ends, Ends())


@dataclass(frozen=True, slots=True)
class Share:
    """Parts of the requests, from 0 to 1: of those that failed, and of those that ended badly."""

    failed: float
    bad: float


Baseline = Callable[[int], Share]
"""From a number of last requests to what is usual among so many of each other node."""


@dataclass(frozen=True, slots=True)
class Past:
    """How the last requests of a node ended: a bit for each, the newest at the right."""

    count: int = 0
    failed: int = 0
    bad: int = 0

    def then(self, *, failed: bool = False, late: bool = False) -> Past:
        """Return the past with one more request."""
        return Past(
            min(self.count + 1, KEPT),
            (self.failed << 1 | failed) & ALL,
            (self.bad << 1 | (failed or late)) & ALL,
        )

    def well(self, times: int) -> Past:
        """Return the past with so many more requests that ended well."""
        return Past(min(self.count + times, KEPT), self.failed << times & ALL, self.bad << times & ALL)

    def without(self, bits: int) -> Past:
        """Return the past as if these requests had ended well."""
        return Past(self.count, self.failed & ~bits, self.bad & ~bits)

    def ends(self, span: int = KEPT) -> Ends:
        """Return how the last `span` requests ended."""
        mask = (1 << span) - 1
        return Ends(min(span, self.count), (self.failed & mask).bit_count(), (self.bad & mask).bit_count())


NO_ENDS: Final = Ends()
NO_PAST: Final = Past()


class Baselines:
    """The share of failed and of bad ends that no node is to blame for."""

    def __init__(self, remembered: Ends, serving: Mapping[str, Past]) -> None:
        """Take both in.

        Args:
            remembered: how requests to any node ended for some time.
            serving: the pasts of the nodes in rotation.
        """
        self._remembered = Share(
            (remembered.failed + 1) / (remembered.count + 2), (remembered.bad + 1) / (remembered.count + 2)
        )
        self._serving = serving
        self._sums: dict[int, Ends] = {}

    def beside(self, name: str) -> Baseline:
        """Return the share, for a node: what it is among its last requests does not count."""
        own = self._serving.get(name, NO_PAST)
        return lambda span: self._beside(own.ends(span), span)

    def _beside(self, own: Ends, span: int) -> Share:
        if span not in self._sums:
            self._sums[span] = sum_ends(past.ends(span) for past in self._serving.values())
        others = self._sums[span].minus(own)
        count = max(1, others.count)
        return Share(
            max(self._remembered.failed, others.failed / count), max(self._remembered.bad, others.bad / count)
        )


def is_worse(past: Past, baseline: Baseline) -> bool:
    """Tell whether a node's past has more of failures, or of bad ends, than chance would give it."""
    # Most nodes have none, and are not looked at any further.
    return bool(past.bad) and (
        fails_more(past, baseline)
        or any(chance(own.bad, own.count, others.bad) < SURPRISE for own, others in _spans(past, baseline))
    )


def fails_more(past: Past, baseline: Baseline) -> bool:
    """Tell whether a node's past has more of failures than chance would give it."""
    return bool(past.failed) and any(
        chance(own.failed, own.count, others.failed) < SURPRISE for own, others in _spans(past, baseline)
    )


def _spans(past: Past, baseline: Baseline) -> Iterator[tuple[Ends, Share]]:
    """Yield how the last requests ended, of ever longer spans, and what is usual among so many."""
    for span in SPANS:
        if span // 2 >= past.count:
            return
        yield past.ends(span), baseline(span)


def chance(seen: int, count: int, usual: float) -> float:
    """Return how probable it is that of `count` requests `seen` or more end so, each with the probability `usual`."""
    if seen <= count * usual:
        return 1.0  # or nearly: more than what is expected is what is asked for
    return sum(math.comb(count, k) * usual**k * (1 - usual) ** (count - k) for k in range(seen, count + 1))
