"""How Kubernetes merges what is applied, by its own word.

What must stay true: nothing here comes from the operator. `merging.json` is made by `hack/generate kubernetes` from
the OpenAPI documents of a real API server; what is ours comes from the CRD.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pba_api.identity import KIND
from pba_api.schema.crd import custom_resource_definition

Schema = Mapping[str, Any]
Keys = tuple[tuple[str, Any], ...]
"""The keys of a list's items, each with its default."""

PATH = Path(__file__).with_name("merging.json")
PLAIN: Schema = {}
"""A list that is one value, a map that is its fields."""


@cache
def _stored() -> Any:
    return json.loads(PATH.read_text())


@cache
def kinds() -> Mapping[str, Schema]:
    """Return the schema of each kind that the operator makes."""
    found: dict[str, Schema] = {kind: {"$ref": name} for kind, name in _stored()["kinds"].items()}
    ours = custom_resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    metadata = field(found["ConfigMap"], "metadata")
    return {**found, KIND: {**ours, "properties": {**ours["properties"], "metadata": metadata}}}


def resolved(schema: Schema) -> Schema:
    """Return a schema without the reference that it may be; what stands beside the reference stays."""
    if "$ref" not in schema:
        return schema
    beside = {name: part for name, part in schema.items() if name != "$ref"}
    return {**_stored()["schemas"].get(schema["$ref"], PLAIN), **beside}


def field(schema: Schema, name: str) -> Schema:
    """Return the schema of one field of a map."""
    found: Schema = resolved(schema).get("properties", {}).get(name, PLAIN)
    return found


def is_one_value(schema: Schema) -> bool:
    """Tell whether a map belongs to one manager as a whole."""
    return resolved(schema).get("x-kubernetes-map-type") == "atomic"


def is_set(schema: Schema) -> bool:
    """Tell whether each item of a list stands for itself."""
    return schema.get("x-kubernetes-list-type") == "set"


def keys(schema: Schema) -> Keys | None:
    """Return the keys under which the items of a list are found; None if it is no such list."""
    if schema.get("x-kubernetes-list-type") != "map":
        return None
    properties = schema["items"].get("properties", {})
    return tuple(
        (key, properties.get(key, {}).get("default")) for key in schema["x-kubernetes-list-map-keys"]
    )
