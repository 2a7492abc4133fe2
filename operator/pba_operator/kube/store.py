"""The cache: what is known of the PBAClusters and their children, from watches, listings and our own writes.

What must stay true:

- A view never goes back in time. Events come late, twice and after our own write was answered: what carries an older
  resourceVersion than what is known of that name is left out, and so is an object that is known to be gone.
- What a live read says is the truth of that moment, even of an object that a watch has called deleted (it calls so an
  object that lost its label).
- An object belongs to the cluster that its label names, and to no other.

resourceVersions are compared as numbers: Kubernetes promises that since 1.35 (KEP-5504), and etcd has always kept it.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from pba_api.identity import LABEL_CLUSTER
from pba_operator.domain.model import ChildId, Manifest
from pba_operator.kube import kinds
from pba_operator.kube.packing import Packer

GRAVES_MAX: Final = 4096
"""How many deletions are remembered: only events that are still on their way have to be told from new ones."""


class Key(NamedTuple):
    """A PBACluster: what the engine's queue holds."""

    namespace: str
    name: str


class Address(NamedTuple):
    """An object of any kind."""

    kind: str
    namespace: str
    name: str


class Version(NamedTuple):
    """Which object of a name, and which state of it."""

    uid: str
    resource_version: int


class _Entry(NamedTuple):
    version: Version
    owner: Key | None
    packed: bytes


def address_of(manifest: Mapping[str, Any]) -> Address:
    """Return where an object lives.

    A few namespaces and kinds are said of thousands of objects: each of these strings is kept once.
    """
    metadata = manifest["metadata"]
    return Address(sys.intern(manifest["kind"]), sys.intern(metadata.get("namespace", "")), metadata["name"])


def version_of(manifest: Mapping[str, Any]) -> Version:
    """Return which object this is, and which state of it.

    A resourceVersion that is no number counts as the newest.
    """
    metadata = manifest["metadata"]
    try:
        number = int(metadata.get("resourceVersion", ""))
    except ValueError:
        number = 2**63
    return Version(metadata.get("uid", ""), number)


def owner_of(manifest: Mapping[str, Any]) -> Key | None:
    """Return the PBACluster that an object belongs to by its label (a PBACluster: itself)."""
    metadata = manifest["metadata"]
    name = (
        metadata["name"]
        if manifest["kind"] == kinds.CLUSTER.name
        else metadata.get("labels", {}).get(LABEL_CLUSTER)
    )
    return Key(sys.intern(metadata.get("namespace", "")), sys.intern(name)) if name else None


class Store:
    """Objects by their address, and by the PBACluster that they belong to."""

    def __init__(self) -> None:
        self._packer = Packer()
        self._entries: dict[Address, _Entry] = {}
        self._owned: dict[Key, set[Address]] = {}
        self._graves: OrderedDict[Address, Version] = OrderedDict()
        self._doubted: set[Key] = set()

    def __len__(self) -> int:
        return len(self._entries)

    def see(self, manifest: Manifest, *, live: bool = False) -> bool:
        """Take in an object from a watch, a listing or an answer.

        Args:
            manifest: the object; its `managedFields` are not kept.
            live: it was read just now from the API server itself: it exists.

        Returns:
            Whether that was news.
        """
        address, version = address_of(manifest), version_of(manifest)
        if not self._is_news(address, version, live=live):
            return False
        self._graves.pop(address, None)
        self._detach(address)
        owner = owner_of(manifest)
        metadata = {key: value for key, value in manifest["metadata"].items() if key != "managedFields"}
        packed = self._packer.pack(address.kind, {**manifest, "metadata": metadata})
        self._entries[address] = _Entry(version, owner, packed)
        if owner is not None:
            self._owned.setdefault(owner, set()).add(address)
        return True

    def _is_news(self, address: Address, version: Version, *, live: bool) -> bool:
        grave = self._graves.get(address)
        if grave is not None:
            if version.resource_version < grave.resource_version:
                return False
            if version.uid == grave.uid and not live:
                return False
        known = self._entries.get(address)
        return known is None or version.resource_version > known.version.resource_version

    def see_deleted(self, manifest: Manifest) -> bool:
        """Take in that an object is gone: its last state, with the resourceVersion of its deletion.

        Returns:
            Whether that was news.
        """
        address, version = address_of(manifest), version_of(manifest)
        known = self._entries.get(address)
        if known is not None and version.resource_version < known.version.resource_version:
            return False
        return self._bury(address, version)

    def forget(self, address: Address, uid: str) -> bool:
        """Take in that the object `uid` is gone, from somebody who asked the API server.

        Returns:
            Whether that was news.
        """
        known = self._entries.get(address)
        if known is None or known.version.uid != uid:
            return False
        return self._bury(address, known.version)

    def _bury(self, address: Address, version: Version) -> bool:
        self._graves[address] = version
        self._graves.move_to_end(address)
        if len(self._graves) > GRAVES_MAX:
            self._graves.popitem(last=False)
        known = address in self._entries
        self._detach(address)
        if address.kind == kinds.CLUSTER.name:
            self._doubted.discard(Key(address.namespace, address.name))
        return known

    def _detach(self, address: Address) -> None:
        entry = self._entries.pop(address, None)
        if entry is None or entry.owner is None:
            return
        siblings = self._owned[entry.owner]
        siblings.discard(address)
        if not siblings:
            del self._owned[entry.owner]

    def doubt(self, key: Key) -> None:
        """Have asked for anew what no watch tells of a PBACluster: what MySQL has answered."""
        if Address(kinds.CLUSTER.name, *key) in self._entries:
            self._doubted.add(key)

    def is_doubted(self, key: Key) -> bool:
        """Tell whether something is to be asked for anew."""
        return key in self._doubted

    def believe(self, key: Key) -> None:
        """Take note that what was doubted is being asked for anew."""
        self._doubted.discard(key)

    def get(self, address: Address) -> Manifest | None:
        """Return an object of the caller's own, or None if none is known."""
        entry = self._entries.get(address)
        return None if entry is None else self._packer.unpack(address.kind, entry.packed)

    def version(self, address: Address) -> Version | None:
        """Return which state of which object is known."""
        entry = self._entries.get(address)
        return None if entry is None else entry.version

    def owner(self, address: Address) -> Key | None:
        """Return the PBACluster that a known object belongs to."""
        entry = self._entries.get(address)
        return None if entry is None else entry.owner

    def cluster(self, key: Key) -> Manifest | None:
        """Return a PBACluster."""
        return self.get(Address(kinds.CLUSTER.name, *key))

    def children(self, key: Key) -> dict[ChildId, Manifest]:
        """Return everything that carries the label of a PBACluster, itself apart."""
        found = {}
        for address in self._owned.get(key, ()):
            if address.kind != kinds.CLUSTER.name:
                found[ChildId(address.kind, address.name)] = self._packer.unpack(
                    address.kind, self._entries[address].packed
                )
        return found

    def of_owner(self, key: Key, kind: str) -> Iterator[tuple[Address, Version]]:
        """Yield what is known of a kind of children of a PBACluster."""
        for address in self._owned.get(key, ()):
            if address.kind == kind:
                yield address, self._entries[address].version

    def fingerprint(self, key: Key) -> frozenset[tuple[Address, Version]]:
        """Return what is known of a PBACluster and its children, without unpacking any of it."""
        return frozenset((address, self._entries[address].version) for address in self._owned.get(key, ()))

    def clusters(self) -> list[Key]:
        """Return every PBACluster that is known."""
        return [
            Key(address.namespace, address.name)
            for address in self._entries
            if address.kind == kinds.CLUSTER.name
        ]

    def of_kind(self, kind: str, namespace: str = "") -> Iterator[tuple[Address, Version]]:
        """Yield what is known of a kind, in one namespace or (empty) in all."""
        for address, entry in self._entries.items():
            if address.kind == kind and namespace in ("", address.namespace):
                yield address, entry.version
