"""The process: what is started in which order, and how it ends.

What must stay true: nothing acts before the cache is filled and the Lease is held; the Lease is given back
only after the last worker has stopped; a part that dies unexpectedly takes the process with it (it is started
again from nothing, which is always right).
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import Callable, Coroutine
from typing import Any, Final, NoReturn

import aiohttp

from pba_operator.engine.assembly import Engine
from pba_operator.engine.configuration import Configuration
from pba_operator.engine.probes import Probes
from pba_operator.kube import lease
from pba_operator.kube.client import Client
from pba_operator.kube.clock import Clock
from pba_operator.kube.credentials import Credentials, open_session
from pba_operator.kube.errors import ApiError
from pba_operator.kube.lease import Elector

GARBAGE: Final = (50_000, 10, 10)
"""After so many new objects Python looks for garbage, and after so many looks at the youngest at older ones, too. A
page of a listing is thousands of objects for a moment: by Python's own 700 a comparison with the API server looked
through the whole memory again and again."""
STOP_SECONDS: Final = 1.0
"""How long giving the Lease back may take, beside what a request for it that is under way still may."""

logger = logging.getLogger(__name__)

Build = Callable[[Client], Engine]
"""Makes the engine around a client."""


def end_at_once(why: str) -> NoReturn:
    """End the process without another instruction."""
    logger.critical("process ends", extra={"why": why})
    logging.shutdown()
    os._exit(1)


class Process:
    """The engine, running."""

    def __init__(
        self, configuration: Configuration, credentials: Credentials, clock: Clock, build: Build
    ) -> None:
        self.configuration = configuration
        self.credentials = credentials
        self.died = asyncio.Event()
        """Set when a part has ended that should not."""
        self._session = open_session(credentials)
        self._elector = Elector(
            Client(self._session, credentials.server, seconds=lease.REQUEST_SECONDS),
            namespace=configuration.lease_namespace,
            name=configuration.lease_name,
            identity=configuration.identity,
            clock=clock,
            end=end_at_once,
        )
        client = Client(
            self._session, credentials.server, may_write=self._elector.check, observer=self._requested
        )
        self.engine = build(client)
        self._probes = Probes(self.engine.health, self.engine.metrics)
        self._background: list[asyncio.Task[None]] = []
        self._workers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Serve the probes, fill the cache, and begin to wait for the Lease."""
        gc.set_threshold(*GARBAGE)
        await self._probes.start(self.configuration.http_port)
        await self.engine.resync.seed()
        gc.collect()
        gc.freeze()  # what is known now, and all programs, are no garbage, and need not be looked through
        logger.info("cache filled", extra={"objects": len(self.engine.store)})
        self._background.append(self._spawn("resync", self.engine.resync.run()))
        self._background.append(self._spawn("lease", self._elector.run(self._lead)))

    async def stop(self) -> None:
        """Stop acting, give the Lease back, and close everything; a second call does nothing more."""
        workers, self._workers = self._workers, []
        background, self._background = self._background, []
        await _cancel(workers)
        await _cancel(background)
        await self._release()
        self.engine.queue.close()
        await self._probes.stop()
        await self._session.close()

    async def _release(self) -> None:
        try:
            async with asyncio.timeout(lease.REQUEST_SECONDS + STOP_SECONDS):
                await self._elector.release()
        except (ApiError, TimeoutError) as error:
            logger.warning("lease not given back", extra={"error": f"{type(error).__name__}: {error}"})

    def watch_session(self) -> aiohttp.ClientSession:
        """Return a new session for the watches, whose requests the engine follows."""
        return open_session(self.credentials, self.engine.streams.follow)

    async def _lead(self) -> None:
        self.engine.lead()
        self._workers.append(self._spawn("workers", self.engine.workers.run()))

    def _requested(self, verb: str, kind: str, code: str) -> None:
        self.engine.metrics.requested(verb, kind, code)

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        logger.critical("part ended", extra={"part": task.get_name()}, exc_info=task.exception())
        self.died.set()


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    """End tasks, those included that have failed: what they failed with was logged when they ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
