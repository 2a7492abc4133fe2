"""Time that only the test moves."""

from __future__ import annotations

import asyncio
import datetime as dt
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

BEGIN = dt.datetime(2026, 11, 24, 10, 0, 0, tzinfo=dt.UTC)


@dataclass(order=True)
class Call:
    due: float
    number: int
    action: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True


class ManualClock:
    """A `kube.clock.Clock`; `advance` lets what is due happen, in its order."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self._calls: list[Call] = []
        self._numbers = itertools.count()

    def now(self) -> float:
        return self.seconds

    def utc(self) -> dt.datetime:
        return BEGIN + dt.timedelta(seconds=self.seconds - 1000.0)

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self.call_later(seconds, lambda: None if woken.done() else woken.set_result(None))
        await woken

    def call_later(self, seconds: float, call: Callable[[], None]) -> Call:
        planned = Call(self.seconds + seconds, next(self._numbers), call)
        heapq.heappush(self._calls, planned)
        return planned

    def next_due(self) -> float | None:
        """Return in how many seconds something is due."""
        while self._calls and self._calls[0].cancelled:
            heapq.heappop(self._calls)
        return max(0.0, self._calls[0].due - self.seconds) if self._calls else None

    async def advance(self, seconds: float) -> None:
        """Let `seconds` go by, and everything happen that is due in them."""
        end = self.seconds + seconds
        while (due := self.next_due()) is not None and self.seconds + due <= end:
            self.seconds += due
            call = heapq.heappop(self._calls)
            call.action()
            await settle_tasks()
        self.seconds = end
        await settle_tasks()


async def settle_tasks(turns: int = 20) -> None:
    """Let tasks run that can."""
    for _ in range(turns):
        await asyncio.sleep(0)
