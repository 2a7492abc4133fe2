"""The fields of a type of the resource, as the parser and the schema generator both read them.

What must stay true: whatever is written on a type is read here and nowhere else, so the parser's defaults cannot
part from the schema's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from types import NoneType, UnionType
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin, get_type_hints

from pba_api.markers import Default, Required

Mark = TypeVar("Mark")


@dataclass(frozen=True)
class Shape:
    """A type without its marks, and the marks."""

    type: Any
    marks: tuple[Any, ...]
    optional: bool = False
    """None is one of its values: an absent object is an absent feature."""

    def mark(self, kind: type[Mark]) -> Mark | None:
        """Return the outermost mark of `kind`: one on the field counts before one on its type."""
        return next((mark for mark in reversed(self.marks) if isinstance(mark, kind)), None)

    def all_marks(self, kind: type[Mark]) -> tuple[Mark, ...]:
        """Return the marks of `kind`, those of the type first."""
        return tuple(mark for mark in self.marks if isinstance(mark, kind))

    @cached_property
    def is_object(self) -> bool:
        """Whether the type is one of ours, with fields of its own."""
        return dataclasses.is_dataclass(self.type)

    @cached_property
    def items(self) -> Shape | None:
        """The shape of a list's items; None if this is no list."""
        return shape(get_args(self.type)[0]) if get_origin(self.type) is tuple else None

    @cached_property
    def values(self) -> Shape | None:
        """The shape of a map's values; None if this is no map from strings."""
        return shape(get_args(self.type)[1]) if get_origin(self.type) is Mapping else None


@dataclass(frozen=True)
class Field:
    """A field of one of the resource's types: its names in Python and JSON, and its shape."""

    name: str
    json_name: str
    shape: Shape

    @cached_property
    def required(self) -> bool:
        """Whether the field must be given."""
        return self.shape.mark(Required) is not None

    @cached_property
    def default(self) -> Default | None:
        """The value that stands in for an absent one, if there is any."""
        return self.shape.mark(Default)


def shape(annotation: Any) -> Shape:
    """Return `annotation` taken apart into type, marks and whether it may be None."""
    marks: tuple[Any, ...] = ()
    if get_origin(annotation) is Annotated:
        annotation, *found = get_args(annotation)
        marks = tuple(found)
    if get_origin(annotation) is UnionType and NoneType in get_args(annotation):
        inner = shape(next(arg for arg in get_args(annotation) if arg is not NoneType))
        return Shape(inner.type, inner.marks + marks, optional=True)
    return Shape(annotation, marks)


_ACRONYMS: Final = {"ca": "CA", "cidrs": "CIDRs"}
"""Parts of a name that are not only begun with a capital."""


def json_name(name: str) -> str:
    """Return the JSON name of a field: `env_from` is `envFrom`, `client_ca_secret_ref` is `clientCASecretRef`."""
    first, *others = name.split("_")
    return first + "".join(_ACRONYMS.get(part, part.capitalize()) for part in others)


@cache
def fields_of(cls: Any) -> tuple[Field, ...]:
    """Return the fields of the dataclass `cls` in their order."""
    hints = get_type_hints(cls, include_extras=True)
    return tuple(Field(f.name, json_name(f.name), shape(hints[f.name])) for f in dataclasses.fields(cls))
