"""The user's Secrets and ConfigMaps that a spec names: read when needed, kept for a few seconds.

They carry no label of ours, so no watch tells of them (watching all Secrets of a cluster would need its
permission, and its memory). Whoever waits for one asks again (`Plan.requeue_after`); the resync asks for the
rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pba_operator.domain.model import ChildId, Manifest
from pba_operator.engine.ports import Kube
from pba_operator.kube import kinds
from pba_operator.kube.clock import Clock
from pba_operator.kube.errors import NotFound
from pba_operator.kube.store import Address, Key

KEPT_SECONDS: Final = 10.0


@dataclass(frozen=True)
class _Read:
    at: float
    found: Manifest | None


class References:
    """Reads what specs refer to."""

    def __init__(self, kube: Kube, clock: Clock) -> None:
        self._kube = kube
        self._clock = clock
        self._reads: dict[Address, _Read] = {}
        self._wanted: dict[Key, int] = {}
        self.count = 0
        """How many objects all PBAClusters refer to; one that several refer to counts for each."""

    async def fetch(self, key: Key, wanted: Iterable[ChildId]) -> dict[ChildId, Manifest | None]:
        """Return what a PBACluster refers to; None where it is not there.

        Raises:
            ApiError: it cannot be told.
        """
        ids = sorted(set(wanted))
        self._take_count(key, len(ids))
        found = await asyncio.gather(
            *(self._read(Address(child.kind, key.namespace, child.name)) for child in ids)
        )
        return dict(zip(ids, found, strict=True))

    def forget(self, key: Key) -> None:
        """Take in that a PBACluster is gone."""
        self._take_count(key, 0)

    def _take_count(self, key: Key, count: int) -> None:
        self.count += count - self._wanted.pop(key, 0)
        if count:
            self._wanted[key] = count

    async def _read(self, address: Address) -> Manifest | None:
        self._expire()
        known = self._reads.get(address)
        if known is None:
            known = _Read(self._clock.now(), await self._ask(address))
            self._reads[address] = known
        return known.found

    async def _ask(self, address: Address) -> Manifest | None:
        try:
            return await self._kube.get(kinds.BY_NAME[address.kind], address.namespace, address.name)
        except NotFound:
            return None

    def _expire(self) -> None:
        oldest = self._clock.now() - KEPT_SECONDS
        for address in [address for address, read in self._reads.items() if read.at <= oldest]:
            del self._reads[address]
