"""Which nodes answer late or fail more often than their like, and which weight each gets for it: pure.

Each request ends well or badly: badly, if it failed, or took longer than requests usually do, or much longer (`pasts`
has the kinds). A node is put out when it has more of one kind of bad ends than chance would give it, were it like the
others. So neither a long report that it was asked for puts it out, nor what is slow or fails everywhere; and where long
requests are usual, longer ones and failures stand out all the same. A node that is out gets single requests on trial,
at growing intervals; what becomes of them decides (`phases`).

What must stay true:
- an error is never taken for a fast answer;
- more than the share `Limits.out_share` of the nodes is never without requests: if most look bad, all serve;
- nodes that are not out have equal weights, whatever their latencies: weights do not follow noise;
- only what has ended counts: what still runs may be a stream, or wait for its client. A node that ends nothing at all
  is told of by `silence`.

Why not peak EWMA, and what was measured: docs/adr/0009-nodes-are-judged-by-surprise.md.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from pba_api.sidecar import TRIAL_SECONDS
from pba_sync.haproxy.commands import FULL_WEIGHT, STEPS
from pba_sync.judging.askers import NOTHING_SAID, told_apart
from pba_sync.judging.limits import Bounds, Limits
from pba_sync.judging.pasts import (
    FAILED,
    KEPT,
    NO_ENDS,
    NO_PAST,
    WELL,
    Baselines,
    End,
    Ends,
    sum_ends,
)
from pba_sync.judging.phases import SERVING, Mark, Phase, Transitions, begun

LOST_SECONDS: Final = TRIAL_SECONDS + 1.0
"""A trial of which nothing was heard for so long has failed: HAProxy itself gives it up before."""
NOBODY_SECONDS: Final = 10.0
"""A node that waits for its trial for so long serves again: nobody sends what may be asked twice. But one that is
suspected to hang has failed it: to send it requests again would cost each of them its time limit."""
USUAL: Final = 256
"""What is usual is the median of so many answers of all nodes."""
STALE_SECONDS: Final = 10.0
"""What happened before a silence of so long says nothing any more, nor does what a node was before it went."""


@dataclass(frozen=True, slots=True)
class Standings:
    """What is known of all nodes."""

    marks: Mapping[str, Mark]
    recent: tuple[float, ...] = ()
    """Milliseconds of the last answers of the nodes in rotation."""
    ends: Ends = NO_ENDS
    """Of the requests to the nodes in rotation; older ones count less and less."""
    absent: Mapping[str, tuple[Mark, float]] = field(default_factory=dict)
    """Nodes that were not there at the last look, and since when: HAProxy may have lost them for a moment."""
    given: str | None = None
    """Who is to get the next request that may be asked twice, as its trial."""
    given_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen since the last look."""

    ended: Mapping[str, Sequence[End]]
    """What came to an end, in its order, of each node that HAProxy sends requests to."""
    now: float
    """Monotonic, in seconds."""
    waiting: str | None = None
    """Whose trial waits for a request."""
    shared: Container[str] = ()
    """The addresses that many clients have."""
    silent: Container[str] = ()
    """Nodes that are suspected to hang."""


def assess(known: Standings, look: Look, limits: Limits) -> Standings:
    """Return what is known after another look.

    Args:
        known: the answer of the last call; a node that is not in it is new.
        look: what was seen; nodes that are not in it for `STALE_SECONDS` are forgotten.
        limits: what counts as late.
    """
    now = look.now
    before, away = _present(known, look)
    recent = _recent(known.recent, before, look.ended)
    bounds = Bounds.of(recent, limits)
    levels = {
        name: [bounds.level(end, on_trial=mark.phase is Phase.TRIAL) for end in look.ended[name]]
        for name, mark in before.items()
    }
    seen = {name: _seen(mark, look, name, levels[name]) for name, mark in before.items()}
    seen = {name: _follow_trial(mark, look, name, known.given) for name, mark in seen.items()}
    serving = {name: mark.past for name, mark in seen.items() if mark.phase in SERVING}
    news = [Ends.of(levels[name]) for name in serving if levels[name]]
    ends = sum_ends([known.ends, *news]).faded()
    transitions = Transitions(Baselines(ends, serving), look.ended, look.silent, now, limits)
    waits = known.given if known.given == look.waiting and now - known.given_at >= NOBODY_SECONDS else None
    moved = {
        name: transitions.in_vain(mark, name) if name == waits else transitions.next(mark, name)
        for name, mark in seen.items()
    }
    marks = _spared(seen, moved, limits)
    if not away:
        marks |= {name: begun(marks[name], Phase.RISING, now) for name in _needed(marks, limits)}
    given = _given(known, look, marks)
    at = known.given_at if given == known.given == look.waiting else now
    return Standings(marks, recent, ends, away, given, at)


def _present(known: Standings, look: Look) -> tuple[dict[str, Mark], dict[str, tuple[Mark, float]]]:
    """Return the marks of who is there, and those of who has gone."""
    now = look.now
    kept = {
        name: (mark, since) for name, (mark, since) in known.absent.items() if now - since < STALE_SECONDS
    }
    left = {name: (mark, now) for name, mark in known.marks.items() if name not in look.ended}
    # A node that joins others rises to its full weight; where all are new, somebody has to take the load.
    first = Phase.RISING if known.marks else Phase.FULL
    marks = {}
    for name in look.ended:
        back, _ = kept.pop(name, (Mark(now, now, first), now))
        if back.phase is Phase.FULL and known.marks:
            back = replace(back, phase=Phase.RISING, since=now)
        marks[name] = known.marks.get(name, back)
    return marks, {**kept, **left}


def _recent(
    recent: tuple[float, ...], marks: Mapping[str, Mark], ended: Mapping[str, Sequence[End]]
) -> tuple[float, ...]:
    news = [
        end.milliseconds
        for name, ends in ended.items()
        if marks[name].phase in SERVING
        for end in ends
        if not end.failed
    ]
    return (recent + tuple(news))[-USUAL:] if news else recent


def _seen(mark: Mark, look: Look, name: str, levels: Sequence[int]) -> Mark:
    """Return a mark with what has ended since, as far as it counts in the mark's phase; `levels`: how badly it did."""
    ends = look.ended[name]
    if not ends and mark.past is NO_PAST:
        return mark
    is_stale = look.now - mark.heard >= STALE_SECONDS
    past, said = (NO_PAST, NOTHING_SAID) if is_stale else (mark.past, mark.said)
    told = zip(ends, levels, strict=True)
    counted = [(end, level) for end, level in told if _counts(mark, end, look.now)][-KEPT:]
    well = 0
    for end, level in counted:
        if level == WELL:
            well += 1
            continue
        past, said = past.well(well).then(level), said.well(well).then(told_apart(end, look.shared), level)
        well = 0
    past, said = past.well(well), said.well(well)
    return replace(mark, past=past, said=said, heard=look.now if ends else mark.heard)


def _counts(mark: Mark, end: End, now: float) -> bool:
    if mark.phase in SERVING:
        return now - end.seconds >= mark.counts_from
    return mark.phase is Phase.TRIAL and end.trial


def _follow_trial(mark: Mark, look: Look, name: str, given: str | None) -> Mark:
    """Follow a trial: HAProxy has taken it out of the map, its request runs, is over, or is lost."""
    if mark.phase is not Phase.TRIAL or any(end.trial for end in look.ended[name]):
        return mark if mark.taken is None else replace(mark, taken=None)
    if mark.taken is None:
        return replace(mark, taken=look.now) if name == given != look.waiting else mark
    if look.now - mark.taken < LOST_SECONDS:
        return mark
    return replace(mark, taken=None, past=mark.past.then(FAILED))


def _spared(before: Mapping[str, Mark], after: dict[str, Mark], limits: Limits) -> dict[str, Mark]:
    """Leave nodes in that would be put out beyond the share."""
    out = _out(after)
    fresh = [name for name in out if before[name].phase in SERVING]
    for name in fresh[max(0, _may_be_out(after, limits) - (len(out) - len(fresh))) :]:
        after[name] = before[name]
    return after


def _needed(marks: Mapping[str, Mark], limits: Limits) -> list[str]:
    """Return who is out, and has to serve since so many others have gone: those that have been out for longest."""
    longest = sorted(_out(marks), key=lambda name: marks[name].since)
    return longest[: max(0, len(longest) - _may_be_out(marks, limits))]


def _out(marks: Mapping[str, Mark]) -> list[str]:
    return [name for name, mark in marks.items() if mark.phase not in SERVING]


def _may_be_out(marks: Mapping[str, Mark], limits: Limits) -> int:
    return int(len(marks) * limits.out_share)


def _given(known: Standings, look: Look, marks: Mapping[str, Mark]) -> str | None:
    """Return who gets the next trial: whose waits already, or who has been on trial for longest."""
    ready = [name for name, mark in marks.items() if mark.phase is Phase.TRIAL and mark.taken is None]
    if known.given in ready and known.given == look.waiting:
        return known.given
    return min(ready, key=lambda name: marks[name].since, default=None)


def failed_trials(before: Standings, after: Standings) -> list[str]:
    """Return the nodes that were on trial before a look, and have failed it by then."""
    return [
        name
        for name, mark in after.marks.items()
        if mark.phase is Phase.OUT and name in before.marks and before.marks[name].phase is Phase.TRIAL
    ]


def standing_in(known: Standings) -> frozenset[str]:
    """Return the nodes that are judged to be like the others, without those that have to serve all the same."""
    return frozenset(name for name, mark in known.marks.items() if mark.phase in SERVING)


def weights(known: Standings, now: float, limits: Limits) -> dict[str, int]:
    """Return the weight of each node, from 0 (no new request but those on trial) to `FULL_WEIGHT`."""
    needed = set(_needed(known.marks, limits))
    return {
        name: FULL_WEIGHT if name in needed else _weight(mark, now, limits)
        for name, mark in known.marks.items()
    }


def _weight(mark: Mark, now: float, limits: Limits) -> int:
    if mark.phase not in SERVING:
        return 0
    if mark.phase is Phase.RISING:
        step = 1 + int((now - mark.since) / limits.rise * (STEPS - 1))
        return FULL_WEIGHT * min(step, STEPS) // STEPS
    return FULL_WEIGHT
