"""How the API server merges what is applied of the kinds that the operator makes, from its own OpenAPI documents.

For the simulated API server of the tests: it must not learn from the operator what the operator is tested for. Kept
is OpenAPI as it is, cut down to what merging depends on: lists that are maps (and the defaults of their keys) or
sets, maps that are one value, and the way to them. Whatever is not there is plain: a list one value, a map its fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pba_operator.kube.kinds import CHILDREN, EVENT, LEASE

Schema = dict[str, Any]

PATH = Path("tests/simulation/pba_simulation/merging.json")

_LIST_TYPE, _MAP_TYPE = "x-kubernetes-list-type", "x-kubernetes-map-type"
_KEYS = "x-kubernetes-list-map-keys"
_KIND = "x-kubernetes-group-version-kind"


def schemas(read: Callable[[str], Any]) -> Schema:
    """Return `kinds`, the schema's name of each kind, and `schemas`, by their names.

    Args:
        read: returns what an API server answers to GET of a path, such as /openapi/v3/api/v1.
    """
    names: dict[str, str] = {}
    found: dict[str, Schema] = {}
    documents: dict[str, Mapping[str, Any]] = {}
    for kind in (*CHILDREN, EVENT, LEASE):
        path = f"/openapi/v3/{'apis' if kind.group else 'api'}/{kind.api_version}"
        if path not in documents:
            documents[path] = read(path)["components"]["schemas"]
        meant = [{"group": kind.group, "version": kind.version, "kind": kind.name}]
        definitions = documents[path]
        names[kind.name] = next(name for name, raw in definitions.items() if raw.get(_KIND) == meant)
        _Reader(definitions, found).named(names[kind.name])
    kept = {name: schema for name, schema in sorted(found.items()) if schema}
    return {"kinds": names, "schemas": kept}


class _Reader:
    """Reads one document; the schemas that it meets on its way go into `found`."""

    def __init__(self, definitions: Mapping[str, Any], found: dict[str, Schema]) -> None:
        self._definitions = definitions
        self._found = found

    def named(self, name: str) -> Schema:
        if name not in self._found:
            self._found[name] = self._reduced(self._definitions[name])
        return {"$ref": name} if self._found[name] else {}

    def _reduced(self, raw: Mapping[str, Any]) -> Schema:
        reference = raw.get("allOf", [raw])[0].get("$ref")
        if reference:
            return self.named(reference.rpartition("/")[2])
        if _MAP_TYPE in raw:
            return {_MAP_TYPE: raw[_MAP_TYPE]} if raw[_MAP_TYPE] == "atomic" else {}
        if raw.get("type") == "array":
            return self._list(raw)
        inner = {name: self._reduced(part) for name, part in raw.get("properties", {}).items()}
        kept = {name: part for name, part in inner.items() if part}
        return {"properties": kept} if kept else {}

    def _list(self, raw: Mapping[str, Any]) -> Schema:
        if raw.get(_LIST_TYPE) not in ("map", "set"):
            return {}
        schema: Schema = {_LIST_TYPE: raw[_LIST_TYPE]}
        if raw[_LIST_TYPE] == "map":
            schema |= {_KEYS: raw[_KEYS], "items": self._item(raw["items"], raw[_KEYS])}
        return schema

    def _item(self, raw: Mapping[str, Any], keys: list[str]) -> Schema:
        """Return the schema of a keyed item, with the defaults that its keys have beside the plain zero."""
        item = self._reduced(raw)
        reference = raw.get("allOf", [raw])[0]["$ref"].rpartition("/")[2]
        properties = self._definitions[reference]["properties"]
        defaults = {key: properties[key]["default"] for key in keys if properties[key].get("default")}
        with_defaults = {key: {"default": value} for key, value in defaults.items()}
        return {**item, "properties": with_defaults} if defaults else item
