"""The workers: one key at a time each, with a deadline, and whatever happens to a key happens to it alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from pba_operator.engine.metrics import Metrics
from pba_operator.engine.queue import AWAY_MAX, BACKOFF_MAX, Queue
from pba_operator.kube.clock import Clock
from pba_operator.kube.errors import ApiError, Fenced, Throttled, Transient
from pba_operator.kube.store import Key

WORKERS: Final = 16
"""They wait for the API server and for MySQL most of the time."""
DEADLINE: Final = 60.0
"""Seconds for one reconcile: more than the time limits of its requests add up to. What MySQL is slow with is given up
then, before its next statement."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How a reconcile ended.

    `again_after`: seconds until the next look that no event will ask for. `retry`: something was refused; try
    again, less and less often.
    """

    result: str
    again_after: float | None = None
    retry: bool = False


Reconcile = Callable[[Key], Awaitable[Outcome]]


class Workers:
    """Runs reconciles until it is cancelled."""

    def __init__(self, queue: Queue, reconcile: Reconcile, clock: Clock, metrics: Metrics) -> None:
        self._queue = queue
        self._reconcile = reconcile
        self._clock = clock
        self._metrics = metrics
        self._running: dict[Key, float] = {}
        self._turn = asyncio.Lock()

    async def run(self, count: int = WORKERS) -> None:
        """Work with `count` workers, for ever."""
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            # A reconcile that finds nothing to do never waits. One begins in each turn of the event loop, so that
            # a thousand of them do not keep the Lease from being renewed.
            async with self._turn:
                await asyncio.sleep(0)
            await self.work_once()

    async def work_once(self) -> None:
        """Take the next key and reconcile it."""
        key = await self._queue.get()
        self._running[key] = started = self._clock.now()
        result = "cancelled"
        try:
            result = await self._attempt(key)
        finally:
            del self._running[key]
            self._queue.done(key)
            self._metrics.reconciled(result, self._clock.now() - started)

    async def _attempt(self, key: Key) -> str:
        try:
            async with asyncio.timeout(DEADLINE):
                outcome = await self._reconcile(key)
        except Fenced:
            raise
        except ApiError as error:
            self._again(key, "error", error)
            return "error"
        except TimeoutError as error:
            self._again(key, "deadline", error)
            return "deadline"
        except Exception as error:
            self._again(key, "crash", error)
            logger.exception("reconcile crashed", extra={"cluster": f"{key.namespace}/{key.name}"})
            return "crash"
        self._take(key, outcome)
        return outcome.result

    def _take(self, key: Key, outcome: Outcome) -> None:
        if outcome.retry:
            self._queue.retry(key)
        else:
            self._queue.forget(key)
        if outcome.again_after is not None:
            self._queue.add_after(key, outcome.again_after)

    def _again(self, key: Key, what: str, error: BaseException) -> None:
        asked = error.retry_after if isinstance(error, Throttled) else 0.0
        ceiling = AWAY_MAX if isinstance(error, Transient) else BACKOFF_MAX
        seconds = self._queue.retry(key, at_least=asked, at_most=ceiling)
        logger.warning(
            "reconcile failed",
            extra={
                "cluster": f"{key.namespace}/{key.name}",
                "result": what,
                "error": f"{type(error).__name__}: {error}",
                "again_in_seconds": round(seconds, 1),
            },
        )

    def longest(self) -> float:
        """Return for how many seconds the reconcile runs that runs longest."""
        return self._clock.now() - min(self._running.values()) if self._running else 0.0
