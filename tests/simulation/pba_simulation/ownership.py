"""Server-side apply, as far as it matters: who owns which field, and what an apply without a field takes away."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from pba_simulation import merging
from pba_simulation.merging import PLAIN, Keys, Schema

Path = tuple[Any, ...]
Object = dict[str, Any]
_NOT_OWNED = {("apiVersion",), ("kind",)}
_ADDRESS = {
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
}


def leaves(value: Any, schema: Schema, path: Path = ()) -> dict[Path, Any]:
    """Return the fields of an object by their paths; an item of a keyed list by its key, one of a set by itself."""
    found: dict[Path, Any] = {}
    if isinstance(value, Mapping) and value and not merging.is_one_value(schema):
        for name, inner in value.items():
            found |= leaves(inner, merging.field(schema, name), (*path, name))
        return found
    if isinstance(value, list) and value:
        keys = merging.keys(schema)
        if keys is not None:
            for item in value:
                found |= leaves(item, schema.get("items", PLAIN), (*path, ("key", keys, _key(item, keys))))
            return found
        if merging.is_set(schema):
            return {(*path, ("item", item)): item for item in value}
    return {path: value}


def _key(item: Mapping[str, Any], keys: Keys) -> tuple[Any, ...]:
    return tuple(item.get(name, default) for name, default in keys)


def owned(manifest: Object) -> dict[Path, Any]:
    """Return the fields that an apply of `manifest` owns."""
    return {
        path: value
        for path, value in leaves(manifest, merging.kinds()[manifest["kind"]]).items()
        if path and path not in _NOT_OWNED and not (path[0] == "metadata" and path[1] in _ADDRESS)
    }


def put(target: Any, path: Path, value: Any) -> None:
    """Set one field."""
    for index, step in enumerate(path):
        last = index == len(path) - 1
        if isinstance(step, tuple) and step[0] == "item":
            if step[1] not in target:
                target.append(step[1])
            return
        if isinstance(step, tuple):
            target = _item(target, *step[1:])
            if last:  # an item that is one value
                target.clear()
                target.update(copy.deepcopy(value))
            continue
        if last:
            target[step] = copy.deepcopy(value)
            return
        following = path[index + 1]
        empty: Any = [] if isinstance(following, tuple) else {}
        if not isinstance(target.get(step), type(empty)):
            target[step] = empty
        target = target[step]


def _item(target: list[Object], keys: Keys, wanted: tuple[Any, ...]) -> Object:
    """Return the item under a key, made now if it is not there."""
    item = next((item for item in target if _key(item, keys) == wanted), None)
    if item is None:
        item = {name: part for (name, _), part in zip(keys, wanted, strict=True) if part is not None}
        target.append(item)
    return item


def _walk(target: Any, path: Path) -> list[tuple[Any, Any]] | None:
    """Return the containers on the way to a field, each with the step taken from it; None if it is not there."""
    trail: list[tuple[Any, Any]] = []
    for step in path:
        if isinstance(step, tuple):
            if not isinstance(target, list):
                return None
            keys, wanted = step[1:] if step[0] == "key" else (None, step[1])
            found = [item for item in target if (_key(item, keys) if keys else item) == wanted]
            if not found:
                return None
            trail.append((target, found[0]))
            target = found[0]
        else:
            if not isinstance(target, dict) or step not in target:
                return None
            trail.append((target, step))
            target = target[step]
    return trail


def drop(target: Any, path: Path) -> None:
    """Take one field (or item) away, and the maps and lists that are empty without it."""
    trail = _walk(target, path)
    if trail is None:
        return
    container, step = trail.pop()
    container.remove(step) if isinstance(container, list) else container.pop(step)
    while trail and not container and isinstance(trail[-1][0], dict):
        container, step = trail.pop()
        del container[step]


def items(paths: Any) -> set[Path]:
    """Return the items of keyed lists that `paths` lead through."""
    return {
        path[: index + 1]
        for path in paths
        for index, step in enumerate(path)
        if isinstance(step, tuple) and step[0] == "key"
    }


class Fields:
    """Who owns which fields of one object."""

    def __init__(self) -> None:
        self.by_manager: dict[tuple[str, str, str], dict[Path, Any]] = {}
        """By manager, operation and subresource, as in `managedFields`: what a creation sets, no apply takes away."""

    def apply(self, live: Object, manifest: Object, manager: str, subresource: str) -> None:
        """Carry out an apply with force: take over what it says, take away what it no longer says."""
        wanted = owned(manifest)
        us = (manager, "Apply", subresource)
        before = self.by_manager.get(us, {})
        others = {path for who, paths in self.by_manager.items() if who != us for path in paths}
        gone = [path for path in before if path not in wanted and path not in others]
        for path in [*sorted(items(before) - items(wanted) - items(others), key=len), *gone]:
            drop(live, path)
        for path, value in wanted.items():
            put(live, path, value)
        for who, paths in self.by_manager.items():
            if who != us:
                for path in [path for path in paths if path in wanted and paths[path] != wanted[path]]:
                    del paths[path]
        self.by_manager[us] = wanted

    def updated(self, before: Object, after: Object, manager: str) -> None:
        """Take note of a change that was no apply: who changes a field owns it."""
        old, new = owned(before) if before else {}, owned(after)
        changed = {path: value for path, value in new.items() if old.get(path) != value}
        for paths in self.by_manager.values():
            for path in [path for path in paths if path in changed or path not in new]:
                del paths[path]
        self.by_manager.setdefault((manager, "Update", ""), {}).update(changed)
