"""Which nodes the clients leave that are bound to them: pure.

A node that is out (`outliers`) gets no new clients; those that are bound to it come to it all the same, because their
sessions are there. They leave it when it fails more often than chance would have it, were it like the others, or when
what it takes for an answer is beyond what they shall bear.

What must stay true:
- no client leaves a node that is judged to be like the others: what is slow or fails everywhere is left by nobody;
- what bound clients get of a node that is out is followed for as long as they come;
- a node that serves again begins anew: what it was put out for says nothing any more.
"""

from __future__ import annotations

import statistics
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from pba_sync.haproxy.commands import FULL_WEIGHT, RING_WEIGHT
from pba_sync.judging.outliers import Standings
from pba_sync.judging.pasts import (
    FAILED,
    NO_PAST,
    Baseline,
    Baselines,
    End,
    Past,
    fails_more,
    is_worse,
    sum_ends,
)

TYPICAL: Final = 3
"""What a node takes is the median of so many of its last answers: one that was long by itself says nothing."""


class Reason(StrEnum):
    """Why clients leave a node."""

    FAILS = "it fails"
    DRAINED = "it is drained, and its time for them is over"
    SLOW = "it takes longer than they have to bear"


@dataclass(frozen=True, slots=True)
class Bound:
    """What clients get of one node."""

    past: Past = NO_PAST
    """Its last requests: late is what took longer than clients shall bear."""
    answers: tuple[float, ...] = ()
    """Milliseconds of the last ones."""
    out: bool = False
    """Whether the node was out, or going, at the last look."""


NOTHING: Final = Bound()


def follow(
    known: Mapping[str, Bound],
    ended: Mapping[str, Sequence[End]],
    serving: Container[str],
    limit_milliseconds: float,
    absent: Container[str] = (),
) -> dict[str, Bound]:
    """Return what is known after another look.

    Args:
        known: the answer of the last call.
        ended: what came to an end since, of each node that clients are sent to, also of those that go.
        serving: the nodes that are judged to be like the others after this look; one that goes is none of them.
        limit_milliseconds: what takes longer is more than clients shall bear.
        absent: nodes that HAProxy may have lost for a moment: what is known of them stays.
    """
    found = {name: bound for name, bound in known.items() if name not in ended and name in absent}
    for name, ends in ended.items():
        out = name not in serving
        bound = known.get(name, NOTHING)
        if not ends and bound.out == out:
            found[name] = bound
            continue
        found[name] = replace(
            _seen(Bound() if bound.out and not out else bound, ends, limit_milliseconds), out=out
        )
    return found


def _seen(bound: Bound, ends: Sequence[End], limit_milliseconds: float) -> Bound:
    past = bound.past
    for end in ends:
        past = past.then(FAILED if end.failed else int(end.milliseconds > limit_milliseconds))
    answers = [end.milliseconds for end in ends if not end.failed]
    return replace(bound, past=past, answers=(*bound.answers, *answers)[-TYPICAL:])


def left(
    known: Mapping[str, Bound],
    standings: Standings,
    limit_milliseconds: float,
    hanging: Container[str] = (),
) -> dict[str, Reason]:
    """Return the nodes that clients leave, and why.

    Args:
        known: the answer of `follow`.
        standings: how the nodes stand after the same look.
        limit_milliseconds: beyond it a node that is out is too slow.
        hanging: nodes that answer nothing (`silence`).
    """
    serving = {
        name: mark.past for name, mark in standings.marks.items() if name in known and not known[name].out
    }
    if not serving:
        return {}  # there is nowhere to go
    failures = Baselines(standings.ends, serving)
    others = {name: known[name].past for name in serving}
    too_slow = Baselines(sum_ends(past.ends() for past in others.values()), others)
    reasons = {}
    for name, bound in known.items():
        if bound.out and fails_more(bound.past, failures.beside(name)):
            reasons[name] = Reason.FAILS
        elif bound.out and (name in hanging or _is_slow(bound, too_slow.beside(name), limit_milliseconds)):
            reasons[name] = Reason.SLOW
    return reasons


def _is_slow(bound: Bound, others: Baseline, limit_milliseconds: float) -> bool:
    """Tell whether what it took last is too long, or too often too long: pages, among quick pictures."""
    took_last = statistics.median(bound.answers) if bound.answers else 0.0
    return took_last > limit_milliseconds or is_worse(bound.past, others)


def ring_weights(
    weights: Mapping[str, int], left: Container[str], before: Mapping[str, int]
) -> dict[str, int]:
    """Return the weights where clients are bound by their addresses: every client of a node is bound to it.

    So a node that is out keeps its whole share, as long as it is not left; one that was left gets nothing while it is
    out, and comes back to its share step by step.

    Args:
        weights: the nodes' weights where nobody is bound.
        left: the nodes that clients leave.
        before: HAProxy's own weights.
    """
    ring = {}
    for name, weight in weights.items():
        if name in left:
            ring[name] = 0
        elif weight == 0:
            ring[name] = before[name]
        else:
            risen = max(1, weight * RING_WEIGHT // FULL_WEIGHT)
            ring[name] = RING_WEIGHT if before[name] >= RING_WEIGHT else risen
    return ring
