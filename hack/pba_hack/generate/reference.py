"""docs/reference/pbacluster.md: the schema as a document to read, made from the CRD itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pba_api.fields import Field, Shape, fields_of
from pba_api.markers import Kubernetes
from pba_api.types import PBAClusterSpec, PBAClusterStatus

Schema = Mapping[str, Any]

_OPENING = """\
# PBACluster

<!-- Made by hack/generate from the types in operator/pba_api/types: change those instead. -->

`{api_version}`, kind `{kind}`, short name `{short_name}`. `kubectl explain {short_name}.spec` shows the same.
A field that is not given has the default that stands here; one without a default is then absent.
"""


def reference(crd: Mapping[str, Any]) -> str:
    """Return the reference of the CRD's one version as Markdown."""
    spec = crd["spec"]
    version = spec["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    opening = _OPENING.format(
        api_version=f"{spec['group']}/{version['name']}",
        kind=spec["names"]["kind"],
        short_name=spec["names"]["shortNames"][0],
    )
    lines = [opening, *_rules_of(schema, "the resource as a whole")]
    for name, cls in (("spec", PBAClusterSpec), ("status", PBAClusterStatus)):
        lines.extend(_section(name, cls, schema["properties"][name]))
    lines.extend(_columns(version["additionalPrinterColumns"]))
    return "\n".join(lines).rstrip() + "\n"


def _section(path: str, cls: Any, schema: Schema) -> Iterator[str]:
    yield f"## {path}\n"
    if "description" in schema:
        yield f"{schema['description']}\n"
    yield "| field | type | default | |"
    yield "| --- | --- | --- | --- |"
    nested: list[tuple[str, Any, Schema]] = []
    for field in fields_of(cls):
        inner = schema["properties"][field.json_name]
        yield _row(field, inner)
        items = field.shape.items
        if field.shape.is_object:
            nested.append((f"{path}.{field.json_name}", field.shape.type, inner))
        elif items is not None and items.is_object:
            nested.append((f"{path}.{field.json_name}[]", items.type, inner["items"]))
    yield ""
    yield from _rules_of(schema, f"`{path}`")
    for entry in nested:
        yield from _section(*entry)


def _row(field: Field, schema: Schema) -> str:
    default = "required" if field.required else ""
    if "default" in schema and schema["default"] != {}:
        default = f"`{json.dumps(schema['default'])}`"
    bounds = () if field.shape.is_object else _bounds(schema)
    text = " ".join([_sentence(schema["description"]), *bounds])
    return f"| `{field.json_name}` | {_type(field.shape, schema)} | {default} | {_cell(text)} |"


def _type(shape: Shape, schema: Schema) -> str:
    kubernetes = shape.mark(Kubernetes)
    if kubernetes is not None:
        return f"Kubernetes' {kubernetes.type_name.rpartition('.')[2]}"
    if "x-kubernetes-int-or-string" in schema:
        return "integer or string"
    if shape.items is not None:
        return f"list of {_type(shape.items, schema['items'])}"
    if shape.values is not None:
        return f"map to {_type(shape.values, schema['additionalProperties'])}"
    return str(schema["type"])


def _bounds(field: Schema) -> Iterator[str]:
    if "enum" in field:
        yield "One of " + ", ".join(f"`{value}`" for value in field["enum"]) + "."
    if "maximum" in field:
        yield f"{field['minimum']} to {field['maximum']}."
    if "maxLength" in field:
        yield f"At most {field['maxLength']} characters."
    if "pattern" in field:
        yield f"Must match `{field['pattern']}`."
    if "maxItems" in field:
        yield f"At most {field['maxItems']} items."
    if "maxProperties" in field:
        yield f"At most {field['maxProperties']} entries."
    for rule in field.get("x-kubernetes-validations", ()):
        yield _sentence(rule["message"])


def _rules_of(schema: Schema, what: str) -> Iterator[str]:
    rules = schema.get("x-kubernetes-validations", ())
    if rules:
        yield f"Rules for {what}:\n"
        yield from (f"- {rule['message']}" for rule in rules)
        yield ""


def _columns(columns: list[Mapping[str, Any]]) -> Iterator[str]:
    yield "## What `kubectl get pba` prints\n"
    yield "| column | |"
    yield "| --- | --- |"
    for column in columns:
        wide = " With `-o wide`." if column.get("priority") else ""
        yield f"| {column['name']} | {column['description']}{wide} |"


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", "`")) else text + "."


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").strip()
