"""Is this process well? A process that only runs proves nothing.

What must stay true: `/healthz` fails if work does not get done although it could (then a restart helps), and
not because the API server is away (then it does not); `/readyz` says that the cache is whole, not that we
hold the Lease: two replicas must be able to be ready.
"""

from __future__ import annotations

from typing import Final

from pba_operator.engine.ports import Kube
from pba_operator.engine.queue import Queue
from pba_operator.engine.resync import Resync
from pba_operator.engine.worker import DEADLINE, Workers
from pba_operator.kube import kinds
from pba_operator.kube.errors import ApiError
from pba_operator.kube.streams import Stream, Streams

QUEUE_MAX: Final = 300.0
"""Seconds that a key may wait for a worker: even a thousand clusters at once are through by then."""
STUCK_AFTER: Final = DEADLINE + 15.0


class Health:
    """Answers the probes."""

    def __init__(
        self, *, queue: Queue, workers: Workers, streams: Streams, resync: Resync, kube: Kube
    ) -> None:
        self._queue = queue
        self._workers = workers
        self._streams = streams
        self._resync = resync
        self._kube = kube
        self.acting = False
        """Whether this process holds the Lease: only then its queue has to get shorter."""

    def ready(self) -> list[str]:
        """Return what keeps this process from being ready."""
        return [] if self._resync.synced else ["the cache is not filled yet"]

    async def ailments(self) -> list[str]:
        """Return what is wrong with this process."""
        found = []
        oldest, longest = self._queue.oldest(), self._workers.longest()
        if self.acting and oldest > QUEUE_MAX:
            found.append(f"a cluster has waited for a worker for {oldest:.0f} s")
        if longest > STUCK_AFTER:
            found.append(f"a worker has been busy with one cluster for {longest:.0f} s")
        for stream, seconds in self._streams.silent().items():
            if await self._answers(stream):
                found.append(f"the watch of {stream.kind} has been dead for {seconds:.0f} s")
        return found

    async def _answers(self, stream: Stream) -> bool:
        """Tell whether the API server serves the kind whose watch is silent."""
        pages = self._kube.pages(kinds.BY_NAME[stream.kind], stream.namespace, metadata_only=True, limit=1)
        try:
            async for _ in pages:
                return True
        except ApiError:
            return False
        return False
