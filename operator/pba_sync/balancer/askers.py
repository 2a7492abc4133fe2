"""Who asks for what: what the same client is told again and again of the same thing is said once of a node. Pure.

A client that is bound to a node has all its requests there. If what it asks for fails, or takes long, by its own doing
(a broken form, a report), that alone would put the node out, and move everybody else who is bound to it.

What must stay true:
- a node that fails, or is slow, whatever is asked, is found by three clients, or by one that asks for three things;
- where many clients have one address (that of a proxy, or of a machine of the cluster's), nothing is a repetition.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pba_sync.balancer.pasts import KEPT, Asked, End, Past

REMEMBERED: Final = 1024
"""So many requests of all nodes tell which addresses many clients have."""
_OF_ALL: Final = 1 / 4
"""An address that so many of all requests come from..."""
_AT_ONE: Final = 3 / 4
"""...and of these no more than so many to one node is not one bound client's. (Our own choice.)"""


@dataclass(frozen=True, slots=True)
class Said:
    """What bad ends are among a node's last ones, by who asked for what."""

    count: int = 0
    """Of the ends that counted."""
    bad: Mapping[Asked, int] = field(default_factory=dict)
    """What `count` was when it was last said."""

    def is_known(self, asked: Asked | None) -> bool:
        """Tell whether it is among the last ones; who is not told is nobody that is known."""
        return asked is not None and asked in self.bad and self.count - self.bad[asked] < KEPT

    def then(self, asked: Asked | None, *, bad: bool) -> Said:
        """Return what is known after one more end that counts."""
        count = self.count + 1
        if not bad or asked is None:
            return Said(count, self.bad)
        recent = {one: at for one, at in self.bad.items() if count - at < KEPT}
        return Said(count, {**recent, asked: count})


NOTHING_SAID: Final = Said()


def after(past: Past, said: Said, end: End, *, late: bool, shared: Container[str]) -> tuple[Past, Said]:
    """Return a node's past after one more end, which counts unless it repeats a bad one.

    Args:
        past: how its last requests ended.
        said: what bad ends are among them.
        end: of one more request.
        late: whether it took too long.
        shared: the addresses that many clients have.
    """
    asked = end.asked if end.asked and end.asked.address not in shared else None
    bad = end.failed or late
    if bad and said.is_known(asked):
        return past, said
    return past.then(failed=end.failed, late=late), said.then(asked, bad=bad)


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
