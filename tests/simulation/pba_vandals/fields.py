"""Every field of a live object that a field manager has set, by the API server's own word (`metadata.managedFields`).

A field stands here by its path: names of maps' fields, and for items of keyed lists their keys. The form of the source
is that of structured-merge-diff: `f:` a field, `k:` an item by its keys, `v:` an item of a set, `.` what it is in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
Path = tuple[str, ...]
_SELF = "."


@dataclass(frozen=True, order=True)
class Field:
    """A field that a manager owns: its path as the source has it; `is_item`: an item of a keyed list as a whole."""

    path: Path
    is_item: bool = False

    def __str__(self) -> str:
        return "/".join(step.partition(":")[2] for step in self.path)


def fields(live: Object, manager: str) -> list[Field]:
    """Return what a manager has set in an object, its status apart, without repetition."""
    found: set[Field] = set()
    for entry in _entries(live, manager):
        found.update(_walk(entry["fieldsV1"], ()))
    return sorted(found)


def leaves(live: Object, manager: str) -> int:
    """Return how many leaf fields a manager has set; counted in another way than `fields` does."""
    paths = {path for entry in _entries(live, manager) for path in _flat(entry["fieldsV1"])}
    return len(paths)


def _entries(live: Object, manager: str) -> list[Object]:
    return [
        entry
        for entry in live["metadata"]["managedFields"]
        if entry["manager"] == manager and "subresource" not in entry
    ]


def _walk(node: Mapping[str, Any], path: Path) -> Iterator[Field]:
    for step, inner in node.items():
        if step == _SELF:
            if path and path[-1].startswith("k:"):
                yield Field(path, is_item=True)
        elif inner:
            yield from _walk(inner, (*path, step))
        else:
            yield Field((*path, step))


def _flat(node: Mapping[str, Any]) -> list[str]:
    """Return the paths to all empty maps, as text, but for those that stand for what they are in."""
    text = []
    queue: list[tuple[str, Mapping[str, Any]]] = [("", node)]
    while queue:
        path, inner = queue.pop()
        text += [path] if not inner and not path.endswith(f"\n{_SELF}") else []
        queue += [(f"{path}\n{step}", child) for step, child in inner.items()]
    return text


def locate(live: Object, field: Field) -> list[str | int] | None:
    """Return the steps from an object to a field, lists' items by their place; None if it is not there."""
    place: list[str | int] = []
    target: Any = live
    for step in field.path:
        kind, _, word = step.partition(":")
        at = word if kind == "f" else _index(target, kind, json.loads(word))
        if at is None or (isinstance(at, str) and at not in target):
            return None
        place.append(at)
        target = target[at]
    return place


def _index(items: list[Any], kind: str, wanted: Any) -> int | None:
    for index, item in enumerate(items):
        if item == wanted if kind == "v" else _is_under(item, wanted):
            return index
    return None


def _is_under(item: Mapping[str, Any], keys: Mapping[str, Any]) -> bool:
    return all(item.get(name) == value for name, value in keys.items())
