"""The schema of a PBACluster's `spec`, walked: each field, list and map with its path."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pba_api.fields import Shape, fields_of
from pba_api.markers import Kubernetes
from pba_api.schema.crd import custom_resource_definition
from pba_api.types import PBAClusterSpec

Schema = Mapping[str, Any]
Path = tuple[str, ...]
"""Names of fields; `[]` is an item of a list, `{}` a value of a map."""

ITEM = "[]"
VALUE = "{}"


@dataclass(frozen=True, eq=False)
class Node:
    """A place in the schema."""

    path: Path
    schema: Schema
    required: bool = False
    """Whether the object around it must have it."""

    def __str__(self) -> str:
        return dotted(self.path)

    @property
    def kind(self) -> str:
        """What may stand there, in one word."""
        if self.schema.get("x-kubernetes-int-or-string"):
            return "int-or-string"
        if "enum" in self.schema:
            return "enum"
        if "additionalProperties" in self.schema:
            return "map"
        return str(self.schema["type"])

    @property
    def is_leaf(self) -> bool:
        return self.kind not in {"object", "array", "map"}

    def children(self) -> Iterator[Node]:
        required = self.schema.get("required", ())
        for name, schema in self.schema.get("properties", {}).items():
            yield Node((*self.path, name), schema, name in required)
        if self.kind == "array":
            yield Node((*self.path, ITEM), self.schema["items"])
        if self.kind == "map":
            yield Node((*self.path, VALUE), self.schema["additionalProperties"])


def dotted(path: Path) -> str:
    """Return a path as it stands in identifiers of tests: application.env[].name."""
    return ".".join(path).replace(f".{ITEM}", ITEM).replace(f".{VALUE}", VALUE)


def steps(text: str) -> Path:
    """Return the path that `dotted` has written."""
    return tuple(text.replace(ITEM, f".{ITEM}").replace(VALUE, f".{VALUE}").split("."))


@cache
def root() -> Node:
    """Return the spec itself."""
    version = custom_resource_definition()["spec"]["versions"][0]
    return Node((), version["schema"]["openAPIV3Schema"]["properties"]["spec"], required=True)


@cache
def nodes() -> tuple[Node, ...]:
    """Return every place in the spec, itself left out."""

    def below(node: Node) -> Iterator[Node]:
        for child in node.children():
            yield child
            yield from below(child)

    return tuple(below(root()))


@cache
def leaves() -> tuple[Node, ...]:
    """Return the places that hold a plain value."""
    return tuple(node for node in nodes() if node.is_leaf)


@cache
def _by_path() -> Mapping[Path, Node]:
    return {(): root(), **{node.path: node for node in nodes()}}


def at(path: Path) -> Node:
    """Return the place with this path."""
    return _by_path()[path]


@cache
def _borrowed() -> frozenset[Path]:
    """Return the places at which a shape of Kubernetes' own begins."""

    def below(cls: Any, path: Path) -> Iterator[Path]:
        for field in fields_of(cls):
            yield from inside(field.shape, (*path, field.json_name))

    def inside(shape: Shape, path: Path) -> Iterator[Path]:
        if shape.mark(Kubernetes) is not None:
            yield path
        elif shape.is_object:
            yield from below(shape.type, path)
        elif shape.items is not None:
            yield from inside(shape.items, (*path, ITEM))

    return frozenset(below(PBAClusterSpec, ()))


@cache
def is_borrowed(node: Node) -> bool:
    """Tell whether a place belongs to a shape of Kubernetes' own."""
    return any(node.path[:length] in _borrowed() for length in range(1, len(node.path) + 1))


@cache
def _twins() -> frozenset[Path]:
    """Return the objects of which there was an equal one before: the same type, used again."""
    seen: set[str] = set()
    found = set()
    for node in nodes():
        if (
            node.kind == "object"
            and node.schema.get("properties")
            and (is_borrowed(node) or node.path[-1] == "pod")
        ):
            shape = json.dumps([node.schema["properties"], node.schema.get("required")], sort_keys=True)
            if shape in seen:
                found.add(node.path)
            seen.add(shape)
    return frozenset(found)


@cache
def is_twin(node: Node) -> bool:
    """Tell whether a place is within an object of whose type there was one before: what is refused there is here."""
    return any(node.path[:length] in _twins() for length in range(1, len(node.path)))
