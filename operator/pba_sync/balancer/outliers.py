"""Which nodes answer late or fail more often than their like, and which weight each gets for it: pure.

Each request ends well or badly: badly, if it failed, or took much longer than requests usually do. A node is put out
when it has more of the bad ones, or of the failed ones alone, than chance would give it, were it like the others. So
neither a long report that it was asked for puts it out, nor what is slow or fails everywhere; and where long requests
are usual, failures stand out all the same. A node that is out gets single requests on trial, at growing intervals;
what becomes of them decides.

What must stay true:
- an error is never taken for a fast answer;
- more than the share `OUT_SHARE` of the nodes is never out: if most look bad, all serve;
- nodes that are not out have equal weights, whatever their latencies: weights do not follow noise.

Why not peak EWMA, and what was measured: docs/adr/0009-nodes-are-judged-by-surprise.md.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from pba_sync.balancer.commands import FULL_WEIGHT

OUT_SHARE: Final = 0.5
SPANS: Final = (2, 4, 8, 16, 32, 64)
"""A node is judged by so many of its last requests: by few of them if it has turned bad just now, by many if it is only
somewhat worse than others."""
KEPT: Final = SPANS[-1]
_ALL: Final = (1 << KEPT) - 1
SURPRISE: Final = 1e-6
"""What is less probable is no chance. With 20 nodes, looked at ten times a second, a node that is like the others is
put out once in an hour or less."""
TRIAL_CHANCE: Final = 0.05
"""A trial has failed when so many requests ended badly, and none well, that it is less probable for a good node."""
USUAL: Final = 256
"""What is usual is the median of so many answers of all nodes."""
REMEMBERED: Final = 4096
"""So many requests of all nodes tell how often one ends badly that no node is to blame for."""
STALE_SECONDS: Final = 10.0
"""What happened before a silence of so long says nothing any more, nor does what a node was before it went."""
STEPS: Final = 8
"""In so many steps a node rises to its full weight."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What counts as late, and how long things take: seconds where nothing else is said."""

    band: float = 2.0
    """So many times the usual latency is not late."""
    gap_milliseconds: float = 25.0
    """Nor is what takes only so much longer: no user notices it."""
    first_rest: float = 1.0
    longest_rest: float = 5.0
    rise: float = 2.0
    """From a good answer on trial to the full weight."""
    forget: float = 30.0
    """At full weight for so long, a node that is put out again begins with the first rest."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What one node did since the last look."""

    latencies: tuple[float, ...] = ()
    """Milliseconds to the first byte of each answer that was no failure, in their order."""
    failed: int = 0
    in_flight: int = 0


class Phase(Enum):
    """Where a node stands."""

    FULL = "full"
    RISING = "rising"
    OUT = "out"
    TRIAL = "trial"


_SERVING: Final = (Phase.FULL, Phase.RISING)


@dataclass(frozen=True, slots=True)
class Ends:
    """How many requests came to an end, and of them how many failed, and how many ended badly (failed or late)."""

    count: int = 0
    failed: int = 0
    bad: int = 0

    def plus(self, other: Ends) -> Ends:
        """Return both together."""
        return Ends(self.count + other.count, self.failed + other.failed, self.bad + other.bad)

    def minus(self, other: Ends) -> Ends:
        """Return these without the others, which are among them."""
        return Ends(self.count - other.count, self.failed - other.failed, self.bad - other.bad)

    def halved(self) -> Ends:
        """Return half of them."""
        return Ends(self.count // 2, self.failed // 2, self.bad // 2)


@dataclass(frozen=True, slots=True)
class Share:
    """Parts of the requests, from 0 to 1: of those that failed, and of those that ended badly."""

    failed: float
    bad: float


_Usually = Callable[[int], Share]
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
            (self.failed << 1 | failed) & _ALL,
            (self.bad << 1 | (failed or late)) & _ALL,
        )

    def ends(self, span: int) -> Ends:
        """Return how the last `span` requests ended."""
        mask = (1 << span) - 1
        return Ends(min(span, self.count), (self.failed & mask).bit_count(), (self.bad & mask).bit_count())


@dataclass(frozen=True, slots=True)
class Mark:
    """What is known of a node."""

    since: float
    """When its phase began."""
    heard: float
    """When a request of it last came to an end, or began with none in flight before."""
    phase: Phase = Phase.FULL
    level: int = 0
    """How often it was put out in a row."""
    past: Past = Past()
    in_flight: int = 0


@dataclass(frozen=True, slots=True)
class Standings:
    """What is known of all nodes."""

    marks: Mapping[str, Mark]
    recent: tuple[float, ...] = ()
    """Latencies of the last answers of the nodes in rotation."""
    ends: Ends = Ends()
    """Of the requests to the nodes in rotation; older ones count less and less."""
    absent: Mapping[str, tuple[Mark, float]] = field(default_factory=dict)
    """Nodes that were not there at the last look, and since when: HAProxy may have lost them for a moment."""


def assess(known: Standings, tallies: Mapping[str, Tally], now: float, limits: Limits) -> Standings:
    """Return what is known after another look.

    Args:
        known: the answer of the last call; a node that is not in it is new.
        tallies: what each node did since then; nodes that are not in it for `STALE_SECONDS` are forgotten.
        now: monotonic, in seconds.
        limits: what counts as late.
    """
    # A node that joins others rises to its full weight; where all are new, somebody has to take the load.
    first = Phase.RISING if known.marks else Phase.FULL
    absent = _absent(known, tallies, now)
    kept = {**known.marks, **{name: mark for name, (mark, _) in absent.items()}}
    marks = {name: kept.get(name) or Mark(now, now, first) for name in tallies}
    recent = _recent(known.recent, marks, tallies)
    late = _late(recent, limits)
    seen = {name: _seen(mark, tallies[name], late, now) for name, mark in marks.items()}
    pasts = {name: _with_waiting(mark, late, now) for name, mark in seen.items()}
    ends = _remembered(known.ends, marks, tallies, late)
    usual = _Usual(ends, {name: pasts[name] for name, mark in seen.items() if mark.phase in _SERVING})
    moved = {name: _moved(mark, pasts[name], usual.beside(name), now, limits) for name, mark in seen.items()}
    away = {name: one for name, one in absent.items() if name not in tallies}
    return Standings(_spared(seen, moved), recent, ends, away)


def _absent(known: Standings, tallies: Mapping[str, Tally], now: float) -> dict[str, tuple[Mark, float]]:
    left = {name: (mark, now) for name, mark in known.marks.items() if name not in tallies}
    kept = {
        name: (mark, since) for name, (mark, since) in known.absent.items() if now - since < STALE_SECONDS
    }
    return {**kept, **left}


class _Usual:
    """The share of failed and of bad ends that no node is to blame for."""

    def __init__(self, remembered: Ends, serving: Mapping[str, Past]) -> None:
        self._remembered = Share(
            (remembered.failed + 1) / (remembered.count + 2), (remembered.bad + 1) / (remembered.count + 2)
        )
        self._serving = serving
        self._sums: dict[int, Ends] = {}

    def beside(self, name: str) -> _Usually:
        """Return the share, for a node: what it is among its last requests does not count."""
        own = self._serving.get(name, Past())
        return lambda span: self._beside(own.ends(span), span)

    def _beside(self, own: Ends, span: int) -> Share:
        if span not in self._sums:
            self._sums[span] = _sum(past.ends(span) for past in self._serving.values())
        others = self._sums[span].minus(own)
        count = max(1, others.count)
        return Share(
            max(self._remembered.failed, others.failed / count), max(self._remembered.bad, others.bad / count)
        )


def _sum(ends: Iterable[Ends]) -> Ends:
    return functools.reduce(Ends.plus, ends, Ends())


def _remembered(known: Ends, marks: Mapping[str, Mark], tallies: Mapping[str, Tally], late: float) -> Ends:
    ends = _sum(
        [known, *(_ends(tally, late) for name, tally in tallies.items() if marks[name].phase in _SERVING)]
    )
    while ends.count > REMEMBERED:
        ends = ends.halved()
    return ends


def _ends(tally: Tally, late: float) -> Ends:
    count = tally.failed + len(tally.latencies)
    return Ends(count, tally.failed, tally.failed + sum(latency > late for latency in tally.latencies))


def weights(known: Standings, now: float, limits: Limits) -> dict[str, int]:
    """Return the weight of each node, from 0 (no new request but those on trial) to `FULL_WEIGHT`.

    Where so many others have gone that too few would serve, those that have been out for longest do.
    """
    marks = known.marks
    longest = sorted(_out(marks), key=lambda name: marks[name].since)
    needed = set(longest[: max(0, len(longest) - _may_be_out(marks))])
    return {
        name: FULL_WEIGHT if name in needed else _weight(mark, now, limits) for name, mark in marks.items()
    }


def awaits_trial(known: Standings) -> list[str]:
    """Return who is to get a request on trial, who has waited longest first."""
    waiting = [name for name, mark in known.marks.items() if mark.phase is Phase.TRIAL and not mark.in_flight]
    return sorted(waiting, key=lambda name: known.marks[name].since)


def _recent(
    recent: tuple[float, ...], marks: Mapping[str, Mark], tallies: Mapping[str, Tally]
) -> tuple[float, ...]:
    news = [
        latency
        for name, tally in tallies.items()
        if marks[name].phase in _SERVING
        for latency in tally.latencies
    ]
    return (recent + tuple(news))[-USUAL:] if news else recent


def _late(recent: tuple[float, ...], limits: Limits) -> float:
    """Return from how many milliseconds on an answer is late."""
    if not recent:
        return math.inf
    usual = statistics.median(recent)
    return max(limits.band * usual, usual + limits.gap_milliseconds)


def _seen(mark: Mark, tally: Tally, late: float, now: float) -> Mark:
    past = Past() if now - mark.heard >= STALE_SECONDS and not mark.in_flight else mark.past
    for latency in tally.latencies[-KEPT:]:
        past = past.then(late=latency > late)
    for _ in range(min(tally.failed, KEPT)):
        past = past.then(failed=True)
    heard = now if tally.latencies or tally.failed or not mark.in_flight else mark.heard
    return replace(mark, past=past, heard=heard, in_flight=tally.in_flight)


def _with_waiting(mark: Mark, late: float, now: float) -> Past:
    """Return the past as if those that wait for too long already had come to a bad end."""
    past = mark.past
    if (now - mark.heard) * 1000 > late:
        for _ in range(min(mark.in_flight, KEPT)):
            past = past.then(late=True)
    return past


def _is_worse(past: Past, usual: _Usually) -> bool:
    """Tell whether a node's past has more of failures, or of bad ends, than chance would give it."""
    for span in SPANS:
        if span // 2 >= past.count:
            return False
        own, others = past.ends(span), usual(span)
        if (
            min(_chance(own.failed, own.count, others.failed), _chance(own.bad, own.count, others.bad))
            < SURPRISE
        ):
            return True
    return False


def _chance(seen: int, count: int, usual: float) -> float:
    """Return how probable it is that of `count` requests `seen` or more end so, each with the probability `usual`."""
    if seen <= count * usual:
        return 1.0  # or nearly: more than what is expected is what is asked for
    return sum(math.comb(count, k) * usual**k * (1 - usual) ** (count - k) for k in range(seen, count + 1))


def _moved(mark: Mark, past: Past, usual: _Usually, now: float, limits: Limits) -> Mark:
    """Return a mark in the phase that follows from its past.

    Args:
        mark: as it is.
        past: its past, with the requests in it that already wait for too long.
        usual: what is usual among others' last so many requests.
        now: monotonic, in seconds.
        limits: how long things take.
    """
    if mark.phase is Phase.OUT:
        rest = min(limits.longest_rest, limits.first_rest * 2.0 ** (mark.level - 1))
        return mark if now - mark.since < rest or mark.in_flight else _begun(mark, Phase.TRIAL, now)
    if mark.phase is Phase.TRIAL and past.ends(KEPT).bad < past.count:
        return _begun(mark, Phase.RISING, now)
    if _is_put_out(mark, past, usual):
        return replace(_begun(mark, Phase.OUT, now), level=mark.level + 1)
    if mark.phase is Phase.RISING and now - mark.since >= limits.rise:
        return replace(mark, phase=Phase.FULL, since=now)
    if mark.level and mark.phase is Phase.FULL and now - mark.since >= limits.forget:
        return replace(mark, level=0)
    return mark


def _is_put_out(mark: Mark, past: Past, usual: _Usually) -> bool:
    """Tell whether a node is put out; one on trial has had no good end."""
    if mark.phase is not Phase.TRIAL:
        return _is_worse(past, usual)
    own, others = past.ends(KEPT), usual(KEPT)
    return min(others.failed**own.failed, others.bad**own.bad) <= TRIAL_CHANCE


def _begun(mark: Mark, phase: Phase, now: float) -> Mark:
    """Return a mark with a new phase, in which only what happens in it counts."""
    return replace(mark, phase=phase, since=now, heard=now, past=Past())


def _spared(before: Mapping[str, Mark], after: dict[str, Mark]) -> dict[str, Mark]:
    """Leave nodes in that would be put out beyond the share."""
    out = _out(after)
    fresh = [name for name in out if before[name].phase in _SERVING]
    for name in fresh[max(0, _may_be_out(after) - (len(out) - len(fresh))) :]:
        after[name] = before[name]
    return after


def _out(marks: Mapping[str, Mark]) -> list[str]:
    return [name for name, mark in marks.items() if mark.phase not in _SERVING]


def _may_be_out(marks: Mapping[str, Mark]) -> int:
    return int(len(marks) * OUT_SHARE)


def _weight(mark: Mark, now: float, limits: Limits) -> int:
    if mark.phase not in _SERVING:
        return 0
    if mark.phase is Phase.RISING:
        step = 1 + int((now - mark.since) / limits.rise * (STEPS - 1))
        return FULL_WEIGHT * min(step, STEPS) // STEPS
    return FULL_WEIGHT
