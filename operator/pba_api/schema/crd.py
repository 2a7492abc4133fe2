"""The CustomResourceDefinition of the PBACluster as a document."""

from __future__ import annotations

from typing import Any

from pba_api import identity
from pba_api.conditions import ConditionType
from pba_api.schema.structural import object_schema
from pba_api.types import PBACluster

NAME = f"{identity.PLURAL}.{identity.GROUP}"

_TYPE_FIELDS = {
    "apiVersion": {"description": "The version of this object's schema.", "type": "string"},
    "kind": {"description": "The kind of this object.", "type": "string"},
    "metadata": {"type": "object"},
}


def _column(name: str, path: str, description: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "description": description, "jsonPath": path, **more}


_READY = f'.status.conditions[?(@.type=="{ConditionType.READY}")]'
_COLUMNS = (
    _column("Stage", ".status.stage", "How far the cluster has grown."),
    _column("Ready", f"{_READY}.status", "Whether all parts are ready."),
    _column("Reason", f"{_READY}.reason", "Why, in one word.", priority=1),
    _column("Database", ".status.database.readyMembers", "Ready members of the database.", "integer"),
    _column("Backend", ".status.backend.readyReplicas", "Ready backend nodes.", "integer"),
    _column("Wanted", ".spec.backend.replicas", "Backend nodes asked for.", "integer"),
    _column("Frontend", ".status.frontend.readyReplicas", "Ready frontend nodes.", "integer"),
    _column("Age", ".metadata.creationTimestamp", "When it was made.", "date"),
)


def custom_resource_definition() -> dict[str, Any]:
    """Return the CRD, ready to be written as YAML or JSON."""
    version = {
        "name": identity.VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": list(_COLUMNS),
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.backend.replicas",
                "statusReplicasPath": ".status.backend.replicas",
                "labelSelectorPath": ".status.backend.selector",
            },
        },
        "schema": {"openAPIV3Schema": _root_schema()},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": NAME},
        "spec": {
            "group": identity.GROUP,
            "names": {
                "kind": identity.KIND,
                "listKind": f"{identity.KIND}List",
                "plural": identity.PLURAL,
                "singular": identity.KIND.lower(),
                "shortNames": [identity.SHORT_NAME],
            },
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def _root_schema() -> dict[str, Any]:
    schema = object_schema(PBACluster)
    return {
        "description": PBACluster.__doc__,
        **schema,
        "properties": {**_TYPE_FIELDS, **schema["properties"]},
    }
