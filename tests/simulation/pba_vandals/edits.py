"""What a vandal may do to one field: give it another value of its type, take it away, or take away what is in it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pba_vandals.fields import Field, locate

Object = dict[str, Any]
Place = list[str | int]
_BASE64: Final = "dmFuZGFs"
_SUPPORTED: Final = re.compile(r"supported values: (.*)")
_QUOTED: Final = re.compile(r'"([^"]*)"')


@dataclass(frozen=True)
class Edit:
    """A change of one field."""

    field: Field
    what: str
    place: tuple[str | int, ...]
    values: tuple[Any, ...] = ()
    """What the field may be set to, the first that the API server accepts; none: it is removed."""

    def __str__(self) -> str:
        return f"{self.field}: {self.what}"

    def patch(self, value: Any = None) -> list[Object]:
        """Return the JSON patch that carries it out, with one of its values."""
        pointer = "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in self.place)
        if not self.values:
            return [{"op": "remove", "path": pointer}]
        return [{"op": "replace", "path": pointer, "value": value}]

    def done_to(self, live: Object) -> Object:
        """Return an object as it is after the edit, by the first of its values."""
        after = copy.deepcopy(live)
        target: Any = after
        for step in self.place[:-1]:
            target = target[step]
        if self.values:
            target[self.place[-1]] = self.values[0]
        else:
            del target[self.place[-1]]
        return after


def edits(live: Object, field: Field) -> list[Edit]:
    """Return what may be done to one field of a live object; nothing if the API server keeps no such field."""
    place = locate(live, field)
    if place is None:
        return []
    value: Any = live
    for step in place:
        value = value[step]
    removal = Edit(field, "removed", tuple(place))
    if field.is_item:
        return [removal]
    changes = [Edit(field, what, tuple(place), values) for what, values in _others(value)]
    return [*changes, removal]


def _others(value: Any) -> Iterator[tuple[str, tuple[Any, ...]]]:
    match value:
        case bool():
            yield "another value", (not value,)
        case int():
            yield "another value", (value + 1, value - 1)
        case str():
            yield "another value", (f"{value}x", f"7{value}", "1", _BASE64)
        case list() if value:
            yield "an item removed", (value[1:],)
            extra = "vandal" if isinstance(value[-1], str) else copy.deepcopy(value[-1])
            yield "an item added", ([*value, extra],)
        case dict() if value:
            yield "an entry removed", (dict(list(value.items())[1:]),)
            yield "an entry added", ({**value, "vandal": "yes"},)


def is_key(field: Field) -> bool:
    """Tell whether a field is part of the key of its list's item: with another value it is another item."""
    if field.is_item or len(field.path) < 2 or not field.path[-2].startswith("k:"):
        return False
    return field.path[-1].partition(":")[2] in json.loads(field.path[-2].partition(":")[2])


def supported(refusal: str, value: Any) -> list[str]:
    """Return the other values that the API server names when it refuses one."""
    found = _SUPPORTED.search(refusal)
    return [word for word in _QUOTED.findall(found[1]) if word != value] if found else []
