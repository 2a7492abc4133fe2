"""What one reconcile sees of its PBACluster.

That is the cache, and, before anything is written, the API server itself.

What must stay true:

- A plan that writes is made from the PBACluster as it is now, not as an old watch remembers it (`confirm`).
- A child that the cache does not know is looked for before it is made: what is found under its name may be
  somebody else's, or ours and stripped of its label (`look_for`).
- Before anything is destroyed, everything of the cluster is listed anew: destruction trusts no cache (`refresh`).
- What a watch tells while the API server is asked counts as well (`is_as_observed`).
- What MySQL has answered is not believed for ever: nobody tells of what is changed in it (`_doubt_answer`).
- What is observed, and the fingerprint that stands for it, are of one moment: no `await` between them.
- An object is unpacked once as long as it stays as it is, so nobody changes what is observed: deciding is pure.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from pba_api.identity import LABEL_CLUSTER
from pba_operator.domain.cluster import Invalid
from pba_operator.domain.model import ChildId, Cluster, DatabaseObservation, Manifest, Observed
from pba_operator.engine.memory import Memory
from pba_operator.engine.ports import Domain, Kube
from pba_operator.engine.references import References
from pba_operator.kube import kinds
from pba_operator.kube.clock import Clock
from pba_operator.kube.errors import NotFound, Refused
from pba_operator.kube.store import Address, Key, Store, Version, address_of, owner_of, version_of

logger = logging.getLogger(__name__)


class Vanished(Exception):
    """There is no such PBACluster any more."""


Read = dict[ChildId, Manifest | None]
Known = frozenset[tuple[Address, Version]]


def fingerprint(known: Known, references: Read, database: DatabaseObservation) -> int:
    """Return a number that stands for everything that a plan depends on."""
    read = tuple(
        (child, None if found is None else version_of(found)) for child, found in sorted(references.items())
    )
    return hash((known, read, database))


class View:
    """One reconcile's view."""

    def __init__(
        self,
        key: Key,
        memory: Memory,
        *,
        store: Store,
        kube: Kube,
        references: References,
        domain: Domain,
        clock: Clock,
    ) -> None:
        self.key = key
        self.memory = memory
        self._store = store
        self._kube = kube
        self._references = references
        self._domain = domain
        self._clock = clock
        self._overlay: dict[ChildId, Manifest] = {}
        self._absent: set[ChildId] = set()
        self._confirmed = False
        self._refreshed = False
        self._raw: tuple[Version, Manifest] | None = None
        self._cluster: tuple[Manifest, Cluster | Invalid] | None = None
        self._children: tuple[Known, dict[ChildId, Manifest]] = (frozenset(), {})
        self._known: Known = frozenset()
        self._read: Read = {}
        self._evidence: str | None = None
        self._doubted = store.is_doubted(key)

    @property
    def raw(self) -> Manifest:
        """The PBACluster as it was last seen.

        Raises:
            Vanished: there is none.
        """
        version = self._store.version(Address(kinds.CLUSTER.name, *self.key))
        if self._raw is None or self._raw[0] != version:
            raw = self._store.cluster(self.key)
            if raw is None or version is None:
                raise Vanished
            self._raw = (version, raw)
        return self._raw[1]

    def read(self, raw: Manifest) -> Cluster | Invalid:
        """Return what a PBACluster that was seen says; the same one again is not read again."""
        if self._cluster is None or self._cluster[0] is not raw:
            self._cluster = (raw, self._domain.read(raw))
        return self._cluster[1]

    @property
    def generation(self) -> int:
        """Which spec the PBACluster has, counted by the API server.

        Raises:
            Vanished: there is none.
        """
        return int(self.raw["metadata"].get("generation", 0))

    async def observe(self, cluster: Cluster | Invalid) -> Observed:
        """Return everything that a plan depends on, as it is known now."""
        self._doubt_answer(cluster)
        wanted = () if isinstance(cluster, Invalid) else self._domain.references(cluster.spec)
        self.memory.references = wanted
        self._read = await self._references.fetch(self.key, wanted)
        if not isinstance(cluster, Invalid):
            await self._look_for_evidence(self._domain.evidence(cluster, self._observed()))
        observed = self._observed()
        self._known = self._children[0]
        return observed

    def _doubt_answer(self, cluster: Cluster | Invalid) -> None:
        """Forget what MySQL has answered, if that was doubted when this view began, and may be asked for anew.

        What is doubted later is for the next one: nothing is asked twice in one.
        """
        if not self._doubted:
            return
        self._doubted = False
        self._store.believe(self.key)
        if isinstance(cluster, Cluster) and not (cluster.spec.paused or cluster.deleting):
            self.memory.forget_answer()

    def _observed(self) -> Observed:
        """Return what is known at this moment; `_children` then holds what stands for it."""
        known = self._store.fingerprint(self.key)
        if known != self._children[0]:
            self._children = (known, self._store.children(self.key))
        return Observed(
            children={**self._overlay, **self._children[1]},
            references=self._read,
            database=self.memory.database,
            paths_unchanged_seconds=self._clock.now() - self.memory.paths_changed_at,
            evidence=self._evidence or "",
        )

    async def _look_for_evidence(self, subject: Manifest | None) -> None:
        """Read the Events of an object, once for each view."""
        if subject is None or self._evidence is not None:
            return
        self._evidence = ""
        about = f"involvedObject.uid={subject['metadata']['uid']}"
        try:
            pages = [page async for page in self._kube.pages(kinds.EVENT, self.key.namespace, fields=about)]
        except Refused as error:
            logger.warning("events not read", extra={"cluster": "/".join(self.key), "error": str(error)})
            return
        found = [event for page in pages for event in page]
        last = max(found, key=lambda event: event.get("lastTimestamp") or "", default=None)
        # A warning that was followed by a success is history.
        if last is not None and last.get("type") == "Warning":
            self._evidence = str(last.get("message", ""))

    def is_as_observed(self) -> bool:
        """Tell whether the cache is as it was at the last observation.

        A watch may tell something while we ask the API server, whose answer is then no news any more.
        """
        return self._store.fingerprint(self.key) == self._known

    def fingerprint(self, written: Manifest | None) -> int:
        """Return what stands for the last observation.

        Args:
            written: the PBACluster as it was answered when we wrote its status after that, if we did.
        """
        known = self._known
        if written is not None:
            address = address_of(written)
            known = frozenset(entry for entry in known if entry[0] != address) | {
                (address, version_of(written))
            }
        return fingerprint(known, self._read, self.memory.database)

    async def is_settled(self) -> bool:
        """Tell whether all is as it was when nothing was left to do."""
        memory = self.memory
        if memory.settled is None or self._store.is_doubted(self.key):
            return False
        read = await self._references.fetch(self.key, memory.references)
        return fingerprint(self._store.fingerprint(self.key), read, memory.database) == memory.settled

    async def confirm(self) -> bool:
        """Make sure that the PBACluster is known as it is now; once for each view.

        Returns:
            Whether it was. If not, whatever was planned was planned for an old one.

        Raises:
            Vanished: it is gone.
        """
        if self._confirmed:
            return True
        self._confirmed = True
        known = self.raw
        try:
            live = await self._kube.get(kinds.CLUSTER, *self.key)
        except NotFound:
            self._store.forget(Address(kinds.CLUSTER.name, *self.key), known["metadata"]["uid"])
            raise Vanished from None
        return not self._store.see(live, live=True)

    async def look_for(self, children: Iterable[ChildId]) -> bool:
        """Look for children under whose names nothing is known, at the API server itself.

        Returns:
            Whether something was found. If so, whatever was planned was planned without it.
        """
        unknown = [child for child in dict.fromkeys(children) if not self._is_looked_for(child)]
        return any(await asyncio.gather(*(self.look_at(child) for child in unknown)))

    def _is_looked_for(self, child: ChildId) -> bool:
        known = self._store.owner(self._address(child)) == self.key
        return known or child in self._overlay or child in self._absent

    async def look_at(self, child: ChildId) -> bool:
        """Take in a child as the API server has it now; return whether there is one."""
        try:
            live = await self._kube.get(kinds.BY_NAME[child.kind], self.key.namespace, child.name)
        except NotFound:
            self.saw_gone(child)
            return False
        self.saw(live)
        return True

    async def refresh(self) -> bool:
        """Make sure that everything of the cluster is known as it is now; once for each view.

        Returns:
            Whether it was.
        """
        if self._refreshed:
            return True
        self._refreshed = True
        return not any(await asyncio.gather(*(self._refresh(kind) for kind in kinds.CHILDREN)))

    async def _refresh(self, kind: kinds.Kind) -> bool:
        before = dict(self._store.of_owner(self.key, kind.name))
        selector = f"{LABEL_CLUSTER}={self.key.name}"
        news = False
        async for page in self._kube.pages(kind, self.key.namespace, selector=selector):
            for live in page:
                before.pop(self._address(ChildId(kind.name, live["metadata"]["name"])), None)
                news = self._store.see(live, live=True) or news
        for address, version in before.items():
            if self._store.version(address) == version:
                news = self._store.forget(address, version.uid) or news
        return news

    def saw(self, live: Manifest) -> None:
        """Take in an object that the API server has just answered with."""
        child = ChildId.of(live)
        address, owner = self._address(child), owner_of(live)
        self._absent.discard(child)
        known = self._store.version(address)
        if owner is not None:
            self._store.see(live, live=True)
        elif known is not None:
            self._store.forget(address, known.uid)
        if owner == self.key:
            self._overlay.pop(child, None)
        else:
            self._overlay[child] = live

    def saw_gone(self, child: ChildId) -> None:
        """Take in that the API server has no such object (any more)."""
        address = self._address(child)
        version = self._store.version(address)
        if version is not None:
            self._store.forget(address, version.uid)
        self._overlay.pop(child, None)
        self._absent.add(child)

    def _address(self, child: ChildId) -> Address:
        return Address(child.kind, self.key.namespace, child.name)
