"""An API server in memory: versions, UIDs, preconditions, server-side apply, finalizers, status apart, watches.

It counts writes, and a test can have any of them fail, before or after it takes effect, or end the operator there.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pba_api.identity import FIELD_MANAGER, LABEL_CLUSTER
from pba_operator.kube import errors, kinds
from pba_operator.kube.kinds import Kind
from pba_operator.kube.page import PAGE_SIZE, Page
from pba_operator.kube.store import Address, address_of
from pba_simulation.defaulting import fill_in
from pba_simulation.ownership import Fields

Object = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """What a watch tells: `type` None is a listing."""

    type: str | None
    object: Object


@dataclass(frozen=True)
class Write:
    """A write that took effect (or tried to)."""

    verb: str
    address: Address
    manager: str

    def __str__(self) -> str:
        return f"{self.verb} {self.address.kind}/{self.address.name}"


Fault = Callable[[str, Address], None]
"""Called before (or after) a request of the operator's; raises what it shall meet."""


def _pass(_verb: str, _address: Address) -> None:
    """Let a request through."""


def merge(target: Object, patch: Mapping[str, Any]) -> None:
    """Carry out a JSON merge patch."""
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        elif isinstance(value, Mapping):
            inner = target.setdefault(name, {})
            merge(inner, value)
        else:
            target[name] = copy.deepcopy(value)


def _at(live: Object, path: str) -> Any:
    """Return what stands in a field, named as a field selector does."""
    found: Any = live
    for step in path.split("."):
        found = (found or {}).get(step)
    return found


class SimulatedApi:
    """The objects, and what happens to them. Its public methods without `_as` are the operator's (`ports.Kube`)."""

    def __init__(self) -> None:
        self.objects: dict[Address, Object] = {}
        self.events: list[Event] = []
        self.writes: list[Write] = []
        self.reads: list[tuple[str, Address]] = []
        self.before: Fault = _pass
        self.after: Fault = _pass
        self.fenced = False
        self._fields: dict[Address, Fields] = {}
        self._versions = itertools.count(1000)
        self._uids = itertools.count(1)

    # What the operator calls.

    def check_may_write(self) -> None:
        if self.fenced:
            raise errors.Fenced("this process does not hold the Lease")

    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        address = Address(kind.name, namespace, name)
        self.reads.append(("GET", address))
        self.before("GET", address)
        return copy.deepcopy(self._existing(address))

    async def pages(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        selector: str = "",
        fields: str = "",
        metadata_only: bool = False,
        limit: int = PAGE_SIZE,
    ) -> AsyncIterator[Page]:
        address = Address(kind.name, namespace, "")
        self.reads.append(("LIST", address))
        self.before("LIST", address)
        found = [copy.deepcopy(live) for live in self._selected(kind.name, namespace, selector)]
        if fields:
            path, _, value = fields.partition("=")
            found = [live for live in found if _at(live, path) == value]
        if metadata_only:
            found = [{field: live[field] for field in ("apiVersion", "kind", "metadata")} for live in found]
        version = str(next(self._versions))
        for index in range(0, len(found) or 1, limit):
            yield Page(found[index : index + limit], version)

    async def apply(self, manifest: Object, *, subresource: str = "") -> Object:
        address = address_of(manifest)
        return self._write("APPLY", address, lambda: self.apply_as(FIELD_MANAGER, manifest, subresource))

    async def create(self, manifest: Object) -> Object:
        address = address_of(manifest)
        return self._write("CREATE", address, lambda: self.create_as(FIELD_MANAGER, manifest))

    async def merge(self, kind: Kind, namespace: str, name: str, patch: Mapping[str, Any]) -> Object:
        address = Address(kind.name, namespace, name)
        return self._write("PATCH", address, lambda: self.patch_as(FIELD_MANAGER, address, patch))

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str) -> Object | None:
        address = Address(kind.name, namespace, name)
        answer = self._write("DELETE", address, lambda: self.delete_as(address, uid) or {})
        return answer or None

    def _write(self, verb: str, address: Address, change: Callable[[], Object]) -> Object:
        self.before(verb, address)
        answer = copy.deepcopy(change())
        self.writes.append(Write(verb, address, FIELD_MANAGER))
        self.after(verb, address)
        return answer

    # What anybody else does.

    def apply_as(self, manager: str, manifest: Object, subresource: str = "") -> Object:
        address = address_of(manifest)
        live = self.objects.get(address)
        wanted_uid = manifest["metadata"].get("uid")
        if live is None and (wanted_uid or subresource):
            raise (errors.NotFound if subresource else errors.Conflict)(f"{address.name} is not there")
        if live is not None and wanted_uid not in (None, live["metadata"]["uid"]):
            raise errors.Conflict(f"the UID of {address.name} is another")
        if live is None:
            live = self._new(manifest)
        after = copy.deepcopy(live)
        self._fields.setdefault(address, Fields()).apply(after, manifest, manager, subresource)
        return self._store(address, after)

    def create_as(self, manager: str, manifest: Object) -> Object:
        address = address_of(manifest)
        if address in self.objects:
            raise errors.AlreadyExists(f"{address.name} exists", reason="AlreadyExists", code=409)
        after = self._new(manifest)
        merge(
            after, {field: value for field, value in manifest.items() if field not in ("metadata", "status")}
        )
        merge(after["metadata"], manifest["metadata"])
        self._fields[address] = Fields()
        self._fields[address].updated({}, after, manager)
        return self._store(address, after)

    def patch_as(self, manager: str, address: Address, patch: Mapping[str, Any]) -> Object:
        live = self._existing(address)
        for field in ("uid", "resourceVersion"):
            wanted = patch.get("metadata", {}).get(field)
            if wanted not in (None, live["metadata"][field]):
                raise errors.Conflict(f"the {field} of {address.name} is another")
        after = copy.deepcopy(live)
        merge(after, patch)
        self._fields[address].updated(live, after, manager)
        return self._store(address, after)

    def delete_as(self, address: Address, uid: str | None = None) -> Object | None:
        live = self._existing(address)
        if uid not in (None, live["metadata"]["uid"]):
            raise errors.Conflict(f"the UID of {address.name} is another")
        if live["metadata"].get("finalizers"):
            after = copy.deepcopy(live)
            after["metadata"].setdefault("deletionTimestamp", "2026-11-24T10:00:00Z")
            return self._store(address, after)
        self._remove(address)
        return None

    def status_as(self, manager: str, address: Address, status: Object) -> Object:
        after = {**copy.deepcopy(self._existing(address)), "status": status}
        self._fields[address].updated(self.objects[address], after, manager)
        return self._store(address, after)

    def of_kind(self, kind: str) -> Iterator[Object]:
        yield from [live for address, live in self.objects.items() if address.kind == kind]

    # What it does by itself.

    def _selected(self, kind: str, namespace: str, selector: str) -> Iterator[Object]:
        label, _, value = selector.partition("=")
        for address, live in sorted(self.objects.items()):
            labels = live["metadata"].get("labels", {})
            if address.kind != kind or namespace not in ("", address.namespace):
                continue
            if not label or (label in labels and value in ("", labels[label])):
                yield live

    def _existing(self, address: Address) -> Object:
        if address not in self.objects:
            raise errors.NotFound(f"{address.kind} {address.name} not found", reason="NotFound", code=404)
        return self.objects[address]

    def _new(self, manifest: Object) -> Object:
        address = address_of(manifest)
        metadata = {
            "name": address.name,
            "namespace": address.namespace,
            "uid": f"uid-{next(self._uids)}",
            "creationTimestamp": "2026-11-24T10:00:00Z",
        }
        return {
            "apiVersion": kinds.BY_NAME[address.kind].api_version,
            "kind": address.kind,
            "metadata": metadata,
        }

    def _store(self, address: Address, after: Object) -> Object:
        before = self.objects.get(address)
        fill_in(after)
        if before is not None and _without_version(before) == _without_version(after):
            return before
        metadata = after["metadata"]
        if before is None or _spec_of(before) != _spec_of(after):
            metadata["generation"] = metadata.get("generation", 0) + 1
        metadata["resourceVersion"] = str(next(self._versions))
        self.objects[address] = after
        if "deletionTimestamp" in metadata and not metadata.get("finalizers"):
            self._remove(address)
            return after
        self._tell(before, after)
        return after

    def _remove(self, address: Address) -> None:
        gone = self.objects.pop(address)
        del self._fields[address]
        last = copy.deepcopy(gone)
        last["metadata"]["resourceVersion"] = str(next(self._versions))
        if _is_watched(gone):
            self.events.append(Event("DELETED", last))

    def _tell(self, before: Object | None, after: Object) -> None:
        was, is_ = before is not None and _is_watched(before), _is_watched(after)
        if is_:
            self.events.append(Event("MODIFIED" if was else "ADDED", copy.deepcopy(after)))
        elif was:
            assert before is not None
            last = copy.deepcopy(before)
            last["metadata"]["resourceVersion"] = after["metadata"]["resourceVersion"]
            self.events.append(Event("DELETED", last))


def _is_watched(manifest: Object) -> bool:
    kind = kinds.BY_NAME[manifest["kind"]]
    return kind == kinds.CLUSTER or (
        kind in kinds.CHILDREN and LABEL_CLUSTER in manifest["metadata"].get("labels", {})
    )


def _spec_of(manifest: Object) -> Object:
    return {name: value for name, value in manifest.items() if name not in ("metadata", "status")}


def _without_version(manifest: Object) -> Object:
    metadata = {
        name: value
        for name, value in manifest["metadata"].items()
        if name not in ("resourceVersion", "generation")
    }
    return {**manifest, "metadata": metadata}
