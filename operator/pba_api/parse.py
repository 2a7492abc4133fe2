"""From the JSON of a stored PBACluster to `PBAClusterSpec`.

The API server has validated and defaulted what it stored, but by the schema of the day on which it was stored: an
old object lacks new defaults, and may break new bounds. So this fills in what is absent, by the same marks from which
the schema is made, passes over what it does not know, and refuses only what it cannot read.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Any, get_args, get_origin

from pba_api.fields import Field, Shape, fields_of
from pba_api.markers import Default, IntOrString
from pba_api.types import PBAClusterSpec

_KINDS: Mapping[type[Any], str] = {
    str: "a string",
    int: "an integer",
    bool: "true or false",
    dict: "an object",
    Mapping: "an object",
    list: "a list",
}


class InvalidSpec(ValueError):
    """A spec that cannot be read: `path` is the field, `problem` what is wrong with it."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


def parse_spec(raw: Mapping[str, Any]) -> PBAClusterSpec:
    """Return the spec that `raw`, a PBACluster's `spec` as JSON, stands for.

    Raises:
        InvalidSpec: a required field is absent, or a value is of another type than the field's.
    """
    spec: PBAClusterSpec = _object(PBAClusterSpec, raw, "spec", {})
    return spec


def _object(cls: Any, raw: Any, path: str, defaults: Mapping[str, Any]) -> Any:
    given = _checked(raw, Mapping, path)
    values = {}
    for field in fields_of(cls):
        overridden = Default(defaults[field.json_name]) if field.json_name in defaults else field.default
        values[field.name] = _field(
            field, given.get(field.json_name), f"{path}.{field.json_name}", overridden
        )
    return cls(**values)


def _field(field: Field, raw: Any, path: str, default: Default | None) -> Any:
    if raw is None and default is None:
        if field.required:
            raise InvalidSpec(path, "is required")
        return _empty(field.shape)
    return _value(field.shape, default.value if raw is None and default else raw, path, default)


def _empty(shape: Shape) -> Any:
    if shape.optional:
        return None
    return (get_origin(shape.type) or shape.type)() if shape.values is None else {}


def _value(shape: Shape, raw: Any, path: str, default: Default | None = None) -> Any:
    if shape.is_object:
        return _object(shape.type, raw, path, default.value if default else {})
    if shape.items is not None:
        items = enumerate(_checked(raw, list, path))
        return tuple(_value(shape.items, item, f"{path}[{index}]") for index, item in items)
    if shape.values is not None:
        entries = _checked(raw, Mapping, path).items()
        return {key: _value(shape.values, value, f"{path}[{key}]") for key, value in entries}
    return _scalar(shape, raw, path)


def _scalar(shape: Shape, raw: Any, path: str) -> Any:
    if isinstance(shape.type, UnionType):
        for kind in get_args(shape.type):
            if _is(raw, kind):
                return raw
        raise InvalidSpec(path, f"must be {' or '.join(_KINDS[kind] for kind in get_args(shape.type))}")
    if shape.mark(IntOrString) and _is(raw, int):
        return str(raw)
    return _checked(raw, get_origin(shape.type) or shape.type, path)


def _is(raw: Any, kind: type[Any]) -> bool:
    return isinstance(raw, kind) and not (kind is int and isinstance(raw, bool))


def _checked(raw: Any, kind: type[Any], path: str) -> Any:
    if not _is(raw, kind):
        raise InvalidSpec(path, f"must be {_KINDS[kind]}")
    return raw
