"""Is this process well? A process that only runs proves nothing.

What must stay true: `/healthz` fails if work does not get done although it could (then a restart helps), and
not because the API server is away (then it does not); `/readyz` says that the cache is whole and no older than
`STALE_AFTER`, whoever is to blame, not that we hold the Lease: two replicas must be able to be ready. It asks the
API server nothing, so that one which is just coming back is not held up by it, and it is right again as soon as the
watches are.
"""

from __future__ import annotations

from typing import Final

from pba_operator.engine.ports import Kube
from pba_operator.engine.queue import Queue
from pba_operator.engine.resync import Resync
from pba_operator.engine.worker import DEADLINE, Workers
from pba_operator.kube import kinds
from pba_operator.kube.errors import ApiError
from pba_operator.kube.streams import SILENCE_SECONDS, STREAM_SECONDS, Stream, Streams

QUEUE_MAX: Final = 300.0
"""Seconds that a key may wait for a worker: even a thousand clusters at once are through by then."""
STUCK_AFTER: Final = DEADLINE + 15.0
STALE_AFTER: Final = SILENCE_SECONDS + 10.0
"""Seconds without a sign of life of a watch. After `SILENCE_SECONDS` kopf begins it anew: it has a moment for that."""
DEAD_AFTER: Final = STREAM_SECONDS + 60.0
"""The same, after which a restart is worth it: kopf should have begun the watch anew several times by then."""


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
        if not self._resync.synced:
            return ["the cache is not filled yet"]
        return [
            f"nothing has been heard of the watch of {stream.kind} for {seconds:.0f} s"
            for stream, seconds in self._streams.silent(STALE_AFTER).items()
        ]

    async def ailments(self) -> list[str]:
        """Return what is wrong with this process."""
        found = []
        oldest, longest = self._queue.oldest(), self._workers.longest()
        if self.acting and oldest > QUEUE_MAX:
            found.append(f"a cluster has waited for a worker for {oldest:.0f} s")
        if longest > STUCK_AFTER:
            found.append(f"a worker has been busy with one cluster for {longest:.0f} s")
        for stream, seconds in self._streams.silent(DEAD_AFTER).items():
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
