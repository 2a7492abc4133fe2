"""Kubernetes' own schemas, read from an API server and made fit for our CRD.

A pod's fields in a PBACluster are checked as Kubernetes checks them, so their schemas are Kubernetes' own: taken from
the OpenAPI document of a running API server, references resolved, descriptions cut to their first sentence (four
roles repeat them), and bounds added, without which rules over them would be refused as too expensive.

What must stay true: a field is left out rather than offered where an API server in our range would drop it silently.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pba_api.types.application import VOLUME_KINDS
from pba_hack.generate.kubernetes_checks import checks_of, narrowed

Schema = dict[str, Any]

_CORE = "io.k8s.api.core.v1."
_NETWORKING = "io.k8s.api.networking.v1."
_INT_OR_STRING = "int-or-string"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"

TYPES = {
    "/openapi/v3/api/v1": (
        _CORE + "Affinity",
        _CORE + "EnvFromSource",
        _CORE + "EnvVar",
        _CORE + "PodSecurityContext",
        _CORE + "ResourceRequirements",
        _CORE + "SecurityContext",
        _CORE + "Toleration",
        _CORE + "TopologySpreadConstraint",
        _CORE + "Volume",
        _CORE + "VolumeMount",
    ),
    "/openapi/v3/apis/networking.k8s.io/v1": (
        _NETWORKING + "NetworkPolicyEgressRule",
        _NETWORKING + "NetworkPolicyPeer",
    ),
}
"""The types that the PBACluster has, by the document of the API server that tells of them."""

_KEPT: Mapping[str, frozenset[str]] = {
    _CORE + "Volume": frozenset(("name", *VOLUME_KINDS)),
    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": frozenset(("labels", "annotations")),
}
"""All that is kept of a type."""

_DROPPED: Mapping[str, frozenset[str]] = {
    # Younger than the oldest Kubernetes that we support, or for Windows.
    _CORE + "EnvVarSource": frozenset(("fileKeyRef",)),
    _CORE + "PodAffinityTerm": frozenset(("matchLabelKeys", "mismatchLabelKeys")),
    _CORE + "PodSecurityContext": frozenset(
        ("windowsOptions", "seLinuxChangePolicy", "supplementalGroupsPolicy")
    ),
    _CORE + "PersistentVolumeClaimSpec": frozenset(("volumeAttributesClassName",)),
    _CORE + "SecurityContext": frozenset(("windowsOptions", "procMount")),
    # A reference into another namespace, which is dropped silently unless a cluster was told to allow it.
    _CORE + "TypedObjectReference": frozenset(("namespace",)),
    _CORE + "VolumeMount": frozenset(("recursiveReadOnly",)),
    _CORE + "VolumeProjection": frozenset(("clusterTrustBundle", "podCertificate")),
    # Refers to a list in the pod that we do not offer.
    _CORE + "ResourceRequirements": frozenset(("claims",)),
}

_REQUIRED: Mapping[str, frozenset[str]] = {
    _CORE + "ConfigMapEnvSource": frozenset(("name",)),
    _CORE + "ConfigMapKeySelector": frozenset(("name",)),
    _CORE + "ConfigMapProjection": frozenset(("name",)),
    _CORE + "ConfigMapVolumeSource": frozenset(("name",)),
    _CORE + "SecretEnvSource": frozenset(("name",)),
    _CORE + "SecretKeySelector": frozenset(("name",)),
    _CORE + "SecretProjection": frozenset(("name",)),
    _CORE + "SecretVolumeSource": frozenset(("secretName",)),
    _CORE + "LocalObjectReference": frozenset(("name",)),
    _CORE + "EphemeralVolumeSource": frozenset(("volumeClaimTemplate",)),
    _CORE + "PersistentVolumeClaimSpec": frozenset(("accessModes", "resources")),
    _CORE + "VolumeResourceRequirements": frozenset(("requests",)),
}
"""What only an old rule of compatibility makes optional: none works without."""

_LONG_TEXTS = {"value": 32768}
"""Greatest lengths of strings, by field; the others have `_TEXT`."""
_TEXT = 1024
_ITEMS = 50
_ENTRIES = 50

_PASSED_ON = (
    "format",
    "enum",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
)


_ORDER = (
    "description",
    "type",
    "format",
    "enum",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "maxProperties",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    "additionalProperties",
    "items",
    "properties",
    "required",
)


def schemas(read: Callable[[str], Any]) -> Schema:
    """Return the structural schemas of `TYPES` by their full names.

    Args:
        read: returns what an API server answers to GET of a path, such as /openapi/v3/api/v1.
    """
    found: Schema = {}
    for path, names in TYPES.items():
        reader = _Reader(read(path)["components"]["schemas"])
        found |= {name: reader.named(name) for name in names}
    return found


def first_sentence(text: str) -> str:
    """Return the first sentence of a description, on one line, that says more than "Required"."""
    line = re.sub(r"^(Required|Optional)[.:]?\s+(?=\S)", "", " ".join(text.split()))
    line = line.partition(" More info: ")[0]
    found = re.match(r"(.+?[^. ]\.(?<!e\.g\.)(?<!i\.e\.))(?= [A-Z`\"]|$)", line)
    return (found.group(1) if found else line).rstrip(":")


def _in_order(schema: Mapping[str, Any]) -> Schema:
    return dict(sorted(schema.items(), key=lambda entry: _ORDER.index(entry[0])))


class _Reader:
    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions

    def named(self, name: str) -> Schema:
        if name == _QUANTITY:
            return _quantity()
        definition = self._definitions[name]
        if definition.get("format") == _INT_OR_STRING:
            return self.bounded(definition, "")
        wanted = _KEPT.get(name, definition.get("properties", {}).keys()) - _DROPPED.get(name, frozenset())
        properties = {key: value for key, value in definition.get("properties", {}).items() if key in wanted}
        required = {key for key in definition.get("required", ()) if key in wanted}
        required |= _REQUIRED.get(name, frozenset())
        schema = self.bounded({**definition, "properties": properties, "required": sorted(required)}, "")
        fields = {
            field: _in_order(narrowed(inner, checks_of(name).get(field, {})))
            for field, inner in schema["properties"].items()
        }
        return {**schema, "properties": fields} if fields else schema

    def bounded(self, raw: Mapping[str, Any], field: str) -> Schema:
        schema = self._resolved(raw, field)
        if "description" in raw:
            schema["description"] = first_sentence(raw["description"])
        return _in_order(schema)

    def _resolved(self, raw: Mapping[str, Any], field: str) -> Schema:
        if "allOf" in raw:
            return self.named(raw["allOf"][0]["$ref"].rpartition("/")[2])
        if "$ref" in raw:
            return self.named(raw["$ref"].rpartition("/")[2])
        if raw.get("format") == _INT_OR_STRING:
            return {"x-kubernetes-int-or-string": True, "maxLength": _TEXT}
        schema: Schema = {"type": raw["type"], **{key: raw[key] for key in _PASSED_ON if key in raw}}
        schema.update(self._bounds(raw, field))
        return schema

    def _bounds(self, raw: Mapping[str, Any], field: str) -> Schema:
        kind = raw["type"]
        if kind == "array":
            return {"maxItems": _ITEMS, "items": self.bounded(raw["items"], field)}
        if kind == "string":
            return {} if "enum" in raw else {"maxLength": _LONG_TEXTS.get(field, _TEXT)}
        if kind != "object":
            return {}
        if "additionalProperties" in raw:
            values = self.bounded(raw["additionalProperties"], field)
            return {"maxProperties": _ENTRIES, "additionalProperties": values}
        properties = {key: self.bounded(value, key) for key, value in raw.get("properties", {}).items()}
        required = {"required": raw["required"]} if raw.get("required") else {}
        return {"properties": properties, **required}


def _quantity() -> Schema:
    return {
        "x-kubernetes-int-or-string": True,
        "maxLength": 64,
        "minimum": 0,
        "pattern": r"^\+?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?[0-9]+))?$",
    }
