"""The phases that a node goes through: it serves, is put out, rests, is tried, and rises again. Pure.

What must stay true: every phase but the full one ends by itself, whatever requests come.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from pba_sync.judging.askers import NOTHING_SAID, Said
from pba_sync.judging.limits import Limits
from pba_sync.judging.pasts import FAILS, KEPT, LATE, NO_PAST, Baselines, End, Past, Surprise, surprise

TRIAL_CHANCE: Final = 0.05
"""What is less probable by what trials came to is not so: that a node is still as it was, or that it is well."""
MOST: Final = 0.96
"""A node that was put out for all of its requests is taken to have been well in the others: one good trial brings it
back."""
CERTAIN: Final = Surprise(LATE, 1.0)
"""All of its last requests ended badly."""
_DOUBLINGS: Final = 30
"""Of a rest; more are no number any more."""


class Phase(Enum):
    """Where a node stands."""

    FULL = "full"
    RISING = "rising"
    OUT = "out"
    TRIAL = "trial"


SERVING: Final = (Phase.FULL, Phase.RISING)


@dataclass(frozen=True, slots=True)
class Mark:
    """What is known of a node; moments are monotonic, in seconds."""

    since: float
    """When its phase began."""
    heard: float
    """When a request of it last came to an end."""
    phase: Phase = Phase.FULL
    level: int = 0
    """How often it was put out in a row."""
    past: Past = NO_PAST
    said: Said = NOTHING_SAID
    counts_from: float = -math.inf
    """What was begun before says nothing of the node as it is now."""
    taken: float | None = None
    """Since when its trial runs."""
    for_what: Surprise = CERTAIN
    """What it was put out for."""


def begun(mark: Mark, phase: Phase, now: float) -> Mark:
    """Return a mark with a new phase, in which only what happens in it counts."""
    return Mark(now, now, phase, mark.level, counts_from=now, for_what=mark.for_what)


def _put_out(mark: Mark, for_what: Surprise, now: float) -> Mark:
    return replace(begun(mark, Phase.OUT, now), level=mark.level + 1, for_what=for_what)


@dataclass(frozen=True)
class Transitions:
    """What phase follows from a mark, and from what is usual for other nodes."""

    baselines: Baselines
    ended: Mapping[str, Sequence[End]]
    """What has ended at each node since the last look."""
    silent: Container[str]
    """Nodes that are suspected to hang."""
    now: float
    limits: Limits

    def next(self, mark: Mark, name: str) -> Mark:
        """Return a mark in the phase that follows from its past."""
        if mark.phase is Phase.OUT:
            return self._rested(mark)
        if mark.phase is Phase.TRIAL:
            return self._tried(mark, name)
        found = self._found(mark, name)
        if found is not None:
            return _put_out(mark, found, self.now)
        age = self.now - mark.since
        if mark.phase is Phase.RISING and age >= self.limits.rise:
            return replace(mark, phase=Phase.FULL, since=self.now)
        if mark.level and mark.phase is Phase.FULL and age >= self.limits.forget:
            return replace(mark, level=0)
        return mark

    def in_vain(self, mark: Mark, name: str) -> Mark:
        """Return a mark whose trial nobody has asked for: it serves again, but not if it is suspected to hang."""
        if name in self.silent:
            return _put_out(mark, mark.for_what, self.now)
        return begun(mark, Phase.RISING, self.now)

    def _rested(self, mark: Mark) -> Mark:
        longer = 2.0 ** min(mark.level - 1, _DOUBLINGS)
        rest = min(self.limits.longest_rest, self.limits.first_rest * longer)
        return mark if self.now - mark.since < rest else begun(mark, Phase.TRIAL, self.now)

    def _found(self, mark: Mark, name: str) -> Surprise | None:
        """Return what a node that serves is put out for; one of which nothing has ended was judged before."""
        if name in self.silent:
            return CERTAIN
        if not self.ended[name]:
            return None
        return surprise(mark.said.proof(mark.past), self.baselines.beside(name))

    def _tried(self, mark: Mark, name: str) -> Mark:
        """Return what becomes of a node that is out, by how its trials ended.

        It comes back once it is so improbable that it is still as it was, and stays out once it is that it is like the
        others (Wald's sequential test of the two). For failures it stays out, whatever it was put out for.
        """
        kind, was = mark.for_what
        own, others = mark.past.ends(), self.baselines.beside(name)(KEPT)
        bad, well = own.bad[kind], own.count - own.bad[kind]
        usual = min(MOST, others[kind])
        share = min(MOST, max(was, usual))
        ratio = (share / usual) ** bad * ((1 - share) / (1 - usual)) ** well
        fails = own.bad[FAILS] and others[FAILS] ** own.bad[FAILS] <= TRIAL_CHANCE
        if fails or ratio >= 1 / TRIAL_CHANCE:
            return _put_out(mark, mark.for_what, self.now)
        if well and (ratio <= TRIAL_CHANCE or share == usual):
            return begun(mark, Phase.RISING, self.now)
        return mark
