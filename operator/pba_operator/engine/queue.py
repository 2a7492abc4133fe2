"""The work queue: which PBAClusters have to be looked at.

The semantics are client-go's `workqueue`: a key that waits is not queued twice; a key that is being worked on
is never given to a second worker; a key that gets dirty meanwhile is queued again as soon as its worker is
done. So a hundred events are one reconcile, and no event is lost.

What must stay true: there is no `await` between looking at the sets and changing them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pba_operator.kube.clock import Clock, Timer
from pba_operator.kube.store import Key

BACKOFF_FIRST: Final = 0.5
BACKOFF_MAX: Final = 60.0
"""Seconds. What is refused may be acceptable a moment later: evidence is told within a minute, and so is its
end."""
AWAY_MAX: Final = 5.0
"""The same, for an API server that cannot: when it can again, all is caught up with within ten seconds."""


@dataclass
class _Waiting:
    due: float
    timer: Timer


class Queue:
    """Keys to work on, in the order in which they came."""

    def __init__(self, clock: Clock, jitter: Callable[[], float]) -> None:
        """Make an empty queue.

        Args:
            clock: for delays and ages.
            jitter: answers a number from 0 to 1: a back-off is lengthened by up to a half.
        """
        self._clock = clock
        self._jitter = jitter
        self._order: deque[Key] = deque()
        self._dirty: dict[Key, float] = {}
        self._active: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._waiting: dict[Key, _Waiting] = {}
        self._arrived = asyncio.Event()

    def add(self, key: Key) -> None:
        """Have `key` looked at as soon as a worker is free."""
        waiting = self._waiting.pop(key, None)
        if waiting is not None:
            waiting.timer.cancel()
        if key in self._dirty:
            return
        self._dirty[key] = self._clock.now()
        if key not in self._active:
            self._enqueue(key)

    def add_after(self, key: Key, seconds: float) -> None:
        """Have `key` looked at after `seconds`, or earlier if that was asked for before."""
        if key in self._dirty:
            return
        due = self._clock.now() + seconds
        waiting = self._waiting.get(key)
        if waiting is not None:
            if waiting.due <= due:
                return
            waiting.timer.cancel()
        self._waiting[key] = _Waiting(due, self._clock.call_later(seconds, lambda: self.add(key)))

    def is_due_within(self, key: Key, seconds: float) -> bool:
        """Tell whether `key` waits for a worker, or will within `seconds`."""
        waiting = self._waiting.get(key)
        return key in self._dirty or (waiting is not None and waiting.due <= self._clock.now() + seconds)

    def retry(self, key: Key, *, at_least: float = 0.0, at_most: float = BACKOFF_MAX) -> float:
        """Have `key`, which has failed, looked at after a while that grows with each failure in a row.

        Args:
            key: what failed.
            at_least: seconds that the API server has asked us to wait.
            at_most: seconds that the back-off grows to, its jitter apart.

        Returns:
            The seconds until then.
        """
        count = self._failures[key] = self._failures.get(key, 0) + 1
        backoff = min(at_most, BACKOFF_FIRST * 2.0 ** (min(count, 32) - 1))
        seconds = max(at_least, backoff * (1 + self._jitter() / 2))
        self.add_after(key, seconds)
        return seconds

    def failures(self, key: Key) -> int:
        """Return how often in a row `key` has failed."""
        return self._failures.get(key, 0)

    def forget(self, key: Key) -> None:
        """Take note that `key` is well: its next failure is its first."""
        self._failures.pop(key, None)

    async def get(self) -> Key:
        """Return the next key, which is the caller's until `done`."""
        while not self._order:
            self._arrived.clear()
            await self._arrived.wait()
        key = self._order.popleft()
        self._active.add(key)
        del self._dirty[key]
        return key

    def done(self, key: Key) -> None:
        """Give a key back; it is queued again if it has got dirty meanwhile."""
        self._active.discard(key)
        if key in self._dirty:
            self._enqueue(key)

    def _enqueue(self, key: Key) -> None:
        self._order.append(key)
        self._arrived.set()

    @property
    def depth(self) -> int:
        """How many keys wait for a worker."""
        return len(self._order)

    @property
    def idle(self) -> bool:
        """Whether nothing waits for a worker, and nothing is with one."""
        return not self._order and not self._active

    def oldest(self) -> float:
        """Return for how many seconds the key waits that waits longest for its first free worker."""
        return self._clock.now() - self._dirty[self._order[0]] if self._order else 0.0

    def close(self) -> None:
        """Take back what is asked for later."""
        for waiting in self._waiting.values():
            waiting.timer.cancel()
        self._waiting.clear()
