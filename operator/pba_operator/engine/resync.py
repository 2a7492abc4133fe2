"""Comparing the cache with the API server: at the start, when a stream had a gap, and every ten minutes.

Watches tell of what happens; nobody tells of what they missed (kopf does not notice a deletion that fell into
a gap). So each kind is listed, its metadata only, and compared page by page: what is gone goes, what is newer is read.

Of what is changed in MySQL nobody tells at all. So MySQL, too, is asked anew (`Store.doubt`): every ten minutes
that of another part of the PBAClusters, so never of many at once.

What must stay true: nothing is acted on before the first listing of every kind has ended; a listing that is
cut short proves nothing about what is gone; an idle operator lists each kind once in ten minutes, however
many clusters there are.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Final

from pba_api.identity import LABEL_CLUSTER
from pba_operator.engine.intake import Intake
from pba_operator.engine.metrics import Metrics
from pba_operator.engine.ports import Kube
from pba_operator.engine.queue import Queue
from pba_operator.kube import kinds
from pba_operator.kube.clock import Clock
from pba_operator.kube.errors import ApiError, NotFound
from pba_operator.kube.page import Page
from pba_operator.kube.store import Address, Key, Store, Version, address_of, version_of
from pba_operator.kube.streams import Stream

RESYNC_SECONDS: Final = 600.0
DOUBT_ROUNDS: Final = 36
"""So many times ten minutes until each PBACluster's MySQL was asked anew: six hours.

To ask where all is well took 17 ms of the operator's processor time: 9 for the conversation (two logins by TLS, with
the tests' stand-in for MySQL), 8 for the reconcile around it (with a simulated API server). So 1,000 PBAClusters cost
0.0008 of a core, of the 0.01 that an idle operator of so many may use (`idle-cpu-1000` of the bench). Asked once an
hour they would cost 0.0047.
"""
SETTLE_SECONDS: Final = 2.0
"""A gap is looked into after so long; what a listing finds newer is left to the watch for so long."""
PUT_OFF_SECONDS: Final = 20.0
"""A stream that has gap after gap is looked into at the latest after so long: it may go on like that for ever."""
RETRY_SECONDS: Final = 2.0

logger = logging.getLogger(__name__)


class Resync:
    """Keeps the cache honest."""

    def __init__(  # noqa: PLR0913 - what it works with
        self,
        *,
        kube: Kube,
        store: Store,
        intake: Intake,
        queue: Queue,
        metrics: Metrics,
        clock: Clock,
        jitter: Callable[[], float],
        namespaces: Iterable[str],
        listed: Callable[[Stream, str], None],
    ) -> None:
        self._kube = kube
        self._store = store
        self._intake = intake
        self._queue = queue
        self._metrics = metrics
        self._clock = clock
        self._jitter = jitter
        self._listed = listed
        self._streams = [
            Stream(kind.name, namespace)
            for kind in kinds.WATCHED
            for namespace in (tuple(namespaces) or ("",))
        ]
        self._rounds = 0
        self._due: dict[Stream, float] = {}
        self._missing_since: dict[Stream, float] = {}
        self.synced = False
        """Whether every kind was listed once."""

    async def seed(self) -> None:
        """Fill the cache; tries for as long as it takes."""
        for stream in self._streams:
            while not await self._seed(stream):
                await self._clock.sleep(RETRY_SECONDS)
        self.synced = True

    async def _seed(self, stream: Stream) -> bool:
        version = ""
        try:
            async for page in self._pages(stream, metadata_only=False):
                version = page.resource_version
                for manifest in page:
                    self._intake.seen(manifest)
        except NotFound:
            logger.warning("kind not served yet: are the CRDs installed?", extra={"kind": stream.kind})
            return False
        except ApiError as error:
            logger.warning("listing failed", extra={"kind": stream.kind, "error": str(error)})
            self.gap(stream)  # of what was on the first pages, the next listing does not say that it has gone
            return False
        self._listed(stream, version)
        return True

    def gap(self, stream: Stream) -> None:
        """Have a stream's kind listed soon, once it has come to rest: its events may have been missed."""
        now = self._clock.now()
        since = self._missing_since.setdefault(stream, now)
        self._due[stream] = min(now + SETTLE_SECONDS, since + PUT_OFF_SECONDS)

    async def run(self) -> None:
        """List what is due, for ever."""
        periodic = self._clock.now() + RESYNC_SECONDS
        while True:
            await self._clock.sleep(1.0)
            if self._clock.now() >= periodic:
                periodic = self._clock.now() + RESYNC_SECONDS
                self.everything()
            for stream in [stream for stream, at in self._due.items() if at <= self._clock.now()]:
                del self._due[stream]
                self._missing_since.pop(stream, None)
                await self.relist(stream)

    def everything(self) -> None:
        """Have everything looked at anew in the next minutes, spread evenly.

        What is looked at within ten minutes anyway (who refers to objects of his is) keeps to that: a look at what is
        the user's is a request for each object.
        """
        for stream in self._streams:
            self._due.setdefault(stream, self._clock.now() + self._jitter() * RESYNC_SECONDS / 10)
        self._rounds += 1
        for key in self._store.clusters():
            doubted = _turn(key) == self._rounds % DOUBT_ROUNDS
            if doubted:
                self._store.doubt(key)
            if doubted or not self._queue.is_due_within(key, RESYNC_SECONDS):
                self._queue.add_after(key, self._jitter() * RESYNC_SECONDS / 10)

    async def relist(self, stream: Stream) -> None:
        """Compare what is known of a kind with the API server, and correct it."""
        missing = dict(self._store.of_kind(stream.kind, stream.namespace))
        newer: dict[Address, Version] = {}
        try:
            async for page in self._pages(stream, metadata_only=True):
                for item in page:
                    address, version = address_of(item), version_of(item)
                    missing.pop(address, None)
                    if self._is_behind(address, version):
                        newer[address] = version
            corrections = self._drop_gone(missing) + await self._read_newer(newer)
        except ApiError as error:
            logger.warning("listing failed", extra={"kind": stream.kind, "error": str(error)})
            self._due.setdefault(stream, self._clock.now() + RETRY_SECONDS)
            return
        self._metrics.relisted(stream.kind, corrections)

    def _drop_gone(self, missing: Mapping[Address, Version]) -> int:
        gone = [
            (address, version.uid)
            for address, version in missing.items()
            if self._store.version(address) == version
        ]
        return sum(self._intake.gone(address, uid) for address, uid in gone)

    async def _read_newer(self, newer: Mapping[Address, Version]) -> int:
        if not newer:
            return 0
        await self._clock.sleep(SETTLE_SECONDS)
        corrections = 0
        for address, version in newer.items():
            if not self._is_behind(address, version):
                continue
            try:
                live = await self._kube.get(kinds.BY_NAME[address.kind], address.namespace, address.name)
            except NotFound:
                continue
            corrections += self._intake.seen(live, live=True)
        return corrections

    def _is_behind(self, address: Address, listed: Version) -> bool:
        """Tell whether the cache knows an object in an older state than was listed, or not at all."""
        known = self._store.version(address)
        return known is None or known.resource_version < listed.resource_version

    async def _pages(self, stream: Stream, *, metadata_only: bool) -> AsyncIterator[Page]:
        kind = kinds.BY_NAME[stream.kind]
        selector = "" if kind == kinds.CLUSTER else LABEL_CLUSTER
        async for page in self._kube.pages(
            kind, stream.namespace, selector=selector, metadata_only=metadata_only
        ):
            yield page


def _turn(key: Key) -> int:
    """Return in which of the rounds a PBACluster's MySQL is asked anew: the same one in each process."""
    return zlib.crc32("/".join(key).encode()) % DOUBT_ROUNDS
