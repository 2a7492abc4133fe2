"""Who asks for what: what ends badly for one client alone, by his own doing, says nothing of a node. Pure.

A client that is bound to a node has all its requests there. If what it asks for fails, or takes long, whoever is asked
(a broken form, a report), that alone would put the node out, and move everybody else who is bound to it.

What must stay true:
- a node that fails, or is slow, whatever is asked, is found by three clients, by one that asks for three things, or by
  two of whom one asks for two;
- what fewer of them met says nothing, whatever others met besides: these are judged by themselves;
- each kind of bad ends is judged by itself: that everybody's pages are late does not make one client's report a proof;
- where many clients have one address (a proxy's, or that of a machine of the cluster), each request is another one's.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pba_sync.judging.pasts import ALL, KEPT, KINDS, LATE, Asked, End, Past

SEVERAL: Final = 3
"""Different pairs of a client and what he asks for."""
REMEMBERED: Final = 1024
"""So many requests of all nodes tell which addresses many clients have."""
_OF_ALL: Final = 1 / 4
"""An address that so many of all requests come from..."""
_AT_ONE: Final = 3 / 4
"""...and of these no more than so many to one node is not one bound client's. (Our own choice.)"""


@dataclass(frozen=True, slots=True)
class OfOneKind:
    """Who asked for what ended badly, of one kind of bad ends."""

    bad: Mapping[Asked, int] = field(default_factory=dict)
    """Who asked for what that ended so, and how many requests the node had had then; who is not told from others is
    not among them."""
    theirs: int = 0
    """Which of its last requests those were: a bit for each, the newest at the right, as in a `Past`."""

    def then(self, count: int, asked: Asked | None, *, bad: bool) -> OfOneKind:
        """Return what is known after the request of this number."""
        theirs = (self.theirs << 1 | (bad and asked is not None)) & ALL
        if asked is None or not bad:
            return OfOneKind(self.bad, theirs)
        recent = {one: at for one, at in self.bad.items() if count - at < KEPT}
        return OfOneKind({**recent, asked: count}, theirs)

    def well(self, times: int) -> OfOneKind:
        """Return what is known after so many more requests that ended well."""
        return OfOneKind(self.bad, self.theirs << times & ALL)

    def own_doing(self, count: int) -> int:
        """Return which of the last requests may be so few clients' own doing."""
        return 0 if sum(count - at < KEPT for at in self.bad.values()) >= SEVERAL else self.theirs


@dataclass(frozen=True, slots=True)
class Said:
    """By whom it is known that a node's last requests ended badly."""

    count: int = 0
    """Of its requests."""
    kinds: tuple[OfOneKind, ...] = (OfOneKind(),) * KINDS

    def proof(self, past: Past) -> Past:
        """Return what the node is judged by: its past, without what so few have met that it may be their own doing."""
        return past.without([kind.own_doing(self.count) for kind in self.kinds])

    def well(self, times: int) -> Said:
        """Return what is known after so many more requests that ended well."""
        kinds = tuple(kind.well(times) for kind in self.kinds) if self.kinds[LATE].theirs else self.kinds
        return Said(self.count + times, kinds)

    def then(self, asked: Asked | None, level: int) -> Said:
        """Return what is known after one more request, that ended so badly; None: who asked is not told from others."""
        count = self.count + 1
        kinds = (kind.then(count, asked, bad=level > number) for number, kind in enumerate(self.kinds))
        return Said(count, tuple(kinds))


NOTHING_SAID: Final = Said()


def told_apart(end: End, shared: Container[str]) -> Asked | None:
    """Return who asked for what; None if his address is not his own (`shared`), or not known."""
    return end.asked if end.asked and end.asked.address not in shared else None


class Askers:
    """The addresses that the last requests came from."""

    def __init__(self) -> None:
        """Know of none yet."""
        self._last: deque[tuple[str, str]] = deque()
        self._at: dict[str, Counter[str]] = {}

    def note(self, ended: Mapping[str, Sequence[End]]) -> None:
        """Take in what came to an end, by node."""
        for node, ends in ended.items():
            for end in ends:
                if end.asked is not None:
                    self._add(end.asked.address, node)

    def _add(self, address: str, node: str) -> None:
        self._last.append((address, node))
        self._at.setdefault(address, Counter())[node] += 1
        if len(self._last) > REMEMBERED:
            old, where = self._last.popleft()
            counts = self._at[old]
            counts[where] -= 1
            if not counts[where]:
                del counts[where]
            if not counts:
                del self._at[old]

    def shared(self) -> frozenset[str]:
        """Return the addresses that many clients have."""
        least = len(self._last) * _OF_ALL
        return frozenset(self._shared(least))

    def _shared(self, least: float) -> Iterable[str]:
        for address, counts in self._at.items():
            total = counts.total()
            if total >= least and max(counts.values()) <= total * _AT_ONE:
                yield address
