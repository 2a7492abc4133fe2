"""What the clients' log and the tally tell of something that happened to nodes: pure.

What must stay true: a request that is not known to be well counts as failed, and a moment that is not known exactly is
taken to be where it makes the figure worse.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pba_hack.bench.balancer.load import GET, POST, Load, Sent
from pba_hack.bench.statistics import median

LATE_SECONDS: Final = 0.4
"""An answer that took longer has met a node that is gone: the frontend waits 0.5 s for a connection, a client's machine
1 s until it asks for one again; nodes that are well answer in 0.02 s."""
NEIGHBOUR_SECONDS: Final = 0.1
SLOW_SECONDS: Final = 0.2
"""Of what is due at the same time most are faster, unless all wait for the same."""
GRACE_SECONDS: Final = 0.5
"""A request may take so much longer than the time limit of its path."""
_RETRIES: Final = re.compile(r"^pba_sync_retries_total (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Moment:
    """When something happened: between two times, in seconds from the beginning of a load."""

    earliest: float
    latest: float


def out_of_rotation(load: Load, gone: Moment) -> float:
    """Return for how many seconds after it was gone a node still got requests.

    Until the last was due that failed or was late, whatever the reason: it is taken for one that was sent there. One
    that was late together with all others (`stalled`) says nothing of a node: each gets a share alone.
    """
    stalls = {one.number for one in stalled(load)}
    hits = [
        one.due
        for one in load.sent
        if one.due >= gone.earliest and (one.failed or (_is_late(one) and one.number not in stalls))
    ]
    return max(hits, default=gone.earliest) - gone.earliest


def stalled(load: Load) -> list[Sent]:
    """Return what was answered well and late at a time at which most were late: the machine stood still, or the way.

    Most of those that were due up to `NEIGHBOUR_SECONDS` before and after took long, if not as long.
    """
    ordered = sorted(load.sent, key=lambda one: one.due)
    due = [one.due for one in ordered]

    def most_are_slow(one: Sent) -> bool:
        begin = bisect.bisect_left(due, one.due - NEIGHBOUR_SECONDS)
        end = bisect.bisect_right(due, one.due + NEIGHBOUR_SECONDS)
        others = [other.took for other in ordered[begin:end] if other is not one]
        return bool(others) and median(others) > SLOW_SECONDS

    return [one for one in ordered if not one.failed and _is_late(one) and most_are_slow(one)]


def _is_late(one: Sent) -> bool:
    return one.took > LATE_SECONDS


def is_in_flight(one: Sent, gone: Moment) -> bool:
    """Tell whether a request may have been at a node when that went."""
    return one.due <= gone.latest and one.due + one.took >= gone.earliest


def posts_lost(load: Load, gone: Moment) -> list[Sent]:
    """Return the POSTs that failed and may have been at a node when that went: nobody may send them again."""
    return [one for one in load.sent if one.method == POST and one.failed and is_in_flight(one, gone)]


def failed_though_safe(load: Load, gone: Moment, limit_seconds: float) -> list[Sent]:
    """Return the requests that failed and need not have: all but `posts_lost`.

    An idempotent one that took longer than its path's time limit, and a bit, counts, however it ended.
    """
    inevitable = {one.number for one in posts_lost(load, gone)}

    def counts(one: Sent) -> bool:
        late = one.method == GET and one.took > limit_seconds + GRACE_SECONDS
        return late or (one.failed and one.number not in inevitable)

    return [one for one in load.sent if counts(one)]


def stayed(load: Load, users: int) -> float:
    """Return the share of requests that were answered by the node which had answered their user's request before.

    Args:
        load: of at least two requests of one user.
        users: how many users there are; whose a request is goes by its number.
    """
    last: dict[int, str] = {}
    same = []
    for one in (one for one in load.sent if one.node):
        user = one.number % users
        if user in last:
            same.append(last[user] == one.node)
        last[user] = one.node
    return sum(same) / len(same)


@dataclass(frozen=True)
class Books:
    """What was sent, what was answered well and what was executed, compared.

    Attributes:
        sent: how many requests.
        answered: so many were answered well.
        not_executed: so many of these no node has executed.
        posts_twice: so many POSTs nodes have executed more than once.
        gets_twice: so many GETs.
    """

    sent: int
    answered: int
    not_executed: int
    posts_twice: int
    gets_twice: int

    @property
    def wrong(self) -> int:
        """How many requests did not fail, and are wrong all the same."""
        return self.not_executed + self.posts_twice

    def __str__(self) -> str:
        """Say it in words."""
        return (
            f"{self.sent:,} sent, {self.answered:,} answered, {self.not_executed} of them not executed; executed more "
            f"than once: {self.posts_twice} POSTs, {self.gets_twice} GETs"
        )


def books(load: Load, executed: bytes) -> Books:
    """Compare what clients and nodes have counted.

    Args:
        load: what became of the requests.
        executed: how often each was executed, a byte for each number.
    """

    def times(one: Sent) -> int:
        return executed[one.number] if one.number < len(executed) else 0

    good = [one for one in load.sent if not one.failed]
    twice = [one.method for one in load.sent if times(one) > 1]
    none = sum(times(one) == 0 for one in good)
    return Books(len(load.sent), len(good), none, twice.count(POST), twice.count(GET))


@dataclass
class Retries:
    """How many requests frontends have sent to a second node since the first look: each would have failed without."""

    _first: dict[str, float] = field(default_factory=dict)
    _last: dict[str, float] = field(default_factory=dict)

    def see(self, metrics: Mapping[str, str]) -> None:
        """Take in what sidecars tell, by the names of their pods; one that does not say is left out.

        A pod that was not there at the first look has begun with none.
        """
        found = {pod: count for pod, text in metrics.items() if (count := retries(text)) is not None}
        if not self._last:
            self._first = found
        self._last |= found

    @property
    def spent(self) -> int:
        """How many.

        Raises:
            ValueError: no sidecar has ever told.
        """
        if not self._last:
            raise ValueError("no sidecar tells how many requests were sent to a second node")
        return int(sum(self._last.values()) - sum(self._first.values()))


def retries(metrics: str) -> float | None:
    """Return what a sidecar's metrics say of retries; None if they say nothing."""
    found = _RETRIES.search(metrics)
    return float(found[1]) if found else None


def by_complaint(requests: Iterable[Sent]) -> str:
    """Say how many requests failed in which way."""
    kinds: dict[str, int] = {}
    for one in requests:
        kind = f"{one.method} {one.complaint or one.status}"
        kinds[kind] = kinds.get(kind, 0) + 1
    return ", ".join(f"{count} x {kind}" for kind, count in sorted(kinds.items())) or "none"
