"""Where the watches' events come in: into the cache, and, if they are news, the key into the queue.

What must stay true: this is all that an event does. It takes microseconds, does not wait, and never fails for
an object that looks strange.
"""

from __future__ import annotations

from pba_operator.domain.model import Manifest
from pba_operator.engine.metrics import Metrics
from pba_operator.engine.queue import Queue
from pba_operator.kube import kinds
from pba_operator.kube.store import Address, Store, address_of, owner_of
from pba_operator.kube.streams import Streams


class Intake:
    """Takes in what is seen of the cluster."""

    def __init__(self, store: Store, queue: Queue, streams: Streams, metrics: Metrics) -> None:
        self._store = store
        self._queue = queue
        self._streams = streams
        self._metrics = metrics

    def event(self, kind: kinds.Kind, what: str | None, manifest: Manifest) -> None:
        """Take in an event of a watch.

        Args:
            kind: of the object; an item of a listing does not always say it.
            what: `ADDED`, `MODIFIED`, `DELETED`; None: listed.
            manifest: the object.
        """
        self._metrics.watched(kind.name, what or "LISTED")
        self._streams.saw(kind, manifest["metadata"].get("namespace", ""))
        whole = {**manifest, "apiVersion": kind.api_version, "kind": kind.name}
        if what == "DELETED":
            self.deleted(whole)
        else:
            self.seen(whole)

    def seen(self, manifest: Manifest, *, live: bool = False) -> bool:
        """Take in an object; return whether it was news."""
        before = self._store.owner(address_of(manifest))
        if not self._store.see(manifest, live=live):
            return False
        for key in {before, owner_of(manifest)}:
            if key is not None:
                self._queue.add(key)
        return True

    def deleted(self, manifest: Manifest) -> bool:
        """Take in the end of an object; return whether it was news."""
        before = self._store.owner(address_of(manifest))
        news = self._store.see_deleted(manifest)
        if news and before is not None:
            self._queue.add(before)
        return news

    def gone(self, address: Address, uid: str) -> bool:
        """Take in that an object was looked for and is not there; return whether it was news."""
        before = self._store.owner(address)
        news = self._store.forget(address, uid)
        if news and before is not None:
            self._queue.add(before)
        return news
