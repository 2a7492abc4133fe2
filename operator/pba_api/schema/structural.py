"""Structural schemas (OpenAPI v3 as Kubernetes wants it in a CRD), made from the resource's types.

What must stay true: every field has a description and bounds. A type that lacks one is an error here, when the
files are generated, and not a surprise to a user.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Any

from pba_api.fields import Field, Shape, fields_of
from pba_api.markers import Default, Doc, Entries, IntOrString, Items, Kubernetes, Number, Rule, Text
from pba_api.schema.kubernetes import kubernetes_schema

Schema = dict[str, Any]

_INT32_MAX = 2**31 - 1


class IncompleteTypeError(Exception):
    """A type of the resource lacks something that its schema needs; the message says which and what."""


def object_schema(cls: Any, defaults: Mapping[str, Any] | None = None) -> Schema:
    """Return the schema of one of the resource's types.

    Args:
        cls: a dataclass whose fields carry marks.
        defaults: its fields' defaults (as JSON) where it is used; they count before those on the fields.

    Raises:
        IncompleteTypeError: a field lacks its description or bounds.
    """
    fields = fields_of(cls)
    properties = {field.json_name: _field_schema(cls, field, defaults or {}) for field in fields}
    schema: Schema = {"type": "object", "properties": properties}
    required = [field.json_name for field in fields if field.required]
    if required:
        schema["required"] = required
    return schema | _rules(getattr(cls, "RULES", ()))


def _field_schema(cls: Any, field: Field, defaults: Mapping[str, Any]) -> Schema:
    where = f"{cls.__name__}.{field.name}"
    shape = field.shape
    doc = shape.mark(Doc)
    if doc is None:
        raise IncompleteTypeError(f"{where} has no Doc")
    schema: Schema = {"description": doc.text}
    default = Default(defaults[field.json_name]) if field.json_name in defaults else field.default
    if default is not None:
        schema["default"] = {} if shape.is_object else default.value
    return schema | _shape_schema(shape, where, default)


def _shape_schema(shape: Shape, where: str, default: Default | None = None) -> Schema:
    schema = _bare_schema(shape, where, default)
    own_rules = _rules(shape.all_marks(Rule))
    if not own_rules:
        return schema
    key = "x-kubernetes-validations"
    return schema | {key: [*schema.get(key, ()), *own_rules[key]]}


def _bare_schema(shape: Shape, where: str, default: Default | None) -> Schema:
    kubernetes = shape.mark(Kubernetes)
    if kubernetes is not None:
        schema = kubernetes_schema(kubernetes.type_name)
        schema.pop("description", None)
        return schema
    if shape.is_object:
        return object_schema(shape.type, default.value if default else None)
    if shape.items is not None:
        return _list_schema(shape, shape.items, where)
    if shape.values is not None:
        return _map_schema(shape, shape.values, where)
    return _scalar_schema(shape, where)


def _list_schema(shape: Shape, items: Shape, where: str) -> Schema:
    bounds = shape.mark(Items)
    if bounds is None:
        raise IncompleteTypeError(f"{where} has no Items")
    schema: Schema = {"type": "array", "maxItems": bounds.maximum}
    if bounds.keys:
        schema["x-kubernetes-list-type"] = "map"
        schema["x-kubernetes-list-map-keys"] = list(bounds.keys)
    else:
        schema["x-kubernetes-list-type"] = "set" if bounds.unique else "atomic"
    return schema | {"items": _shape_schema(items, f"{where}[]")}


def _map_schema(shape: Shape, values: Shape, where: str) -> Schema:
    bounds = shape.mark(Entries)
    if bounds is None:
        raise IncompleteTypeError(f"{where} has no Entries")
    return {
        "type": "object",
        "maxProperties": bounds.maximum,
        "additionalProperties": _shape_schema(values, f"{where}{{}}"),
    }


def _scalar_schema(shape: Shape, where: str) -> Schema:
    if shape.mark(IntOrString) is not None or isinstance(shape.type, UnionType):
        return {"x-kubernetes-int-or-string": True} | _text_schema(shape, where)
    if shape.type is bool:
        return {"type": "boolean"}
    if shape.type is int:
        return _number_schema(shape, where)
    if shape.type is str:
        return {"type": "string"} | _text_schema(shape, where)
    raise IncompleteTypeError(f"{where} has the type {shape.type}, which no schema stands for")


def _number_schema(shape: Shape, where: str) -> Schema:
    bounds = shape.mark(Number)
    if bounds is None:
        raise IncompleteTypeError(f"{where} has no Number")
    small = bounds.maximum is not None and bounds.maximum <= _INT32_MAX
    schema: Schema = {
        "type": "integer",
        "format": "int32" if small else "int64",
        "minimum": bounds.minimum,
    }
    return schema if bounds.maximum is None else schema | {"maximum": bounds.maximum}


def _text_schema(shape: Shape, where: str) -> Schema:
    bounds = shape.mark(Text)
    if bounds is None:
        raise IncompleteTypeError(f"{where} has no Text")
    if bounds.one_of:
        return {"enum": list(bounds.one_of)}
    if not bounds.max_length:
        raise IncompleteTypeError(f"{where} has no greatest length")
    facts = {
        "format": bounds.format,
        "minLength": bounds.min_length,
        "maxLength": bounds.max_length,
        "pattern": bounds.pattern,
    }
    return {key: value for key, value in facts.items() if value}


def _rules(rules: Iterable[Rule]) -> Schema:
    written = [_rule(rule) for rule in rules]
    return {"x-kubernetes-validations": written} if written else {}


def _rule(rule: Rule) -> Schema:
    facts: Schema = {
        "rule": rule.expression,
        "message": rule.message,
        "messageExpression": rule.message_expression,
        "fieldPath": rule.field_path,
    }
    return {key: value for key, value in facts.items() if value}
