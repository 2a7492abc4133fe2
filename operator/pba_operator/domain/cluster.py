"""From the stored object to a `Cluster`, or to an `Invalid` that can still be deleted and reported on.

What must stay true: a PBACluster whose spec does not parse (stored by an older version, say) is deleted as its
`deletionPolicy` says, and is told what is wrong with it; it never stops the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pba_api.parse import InvalidSpec, parse_spec
from pba_operator.domain.model import Cluster


@dataclass(frozen=True)
class Invalid:
    """A PBACluster whose spec cannot be read; `problem` says where and why."""

    namespace: str
    name: str
    uid: str
    generation: int
    deleting: bool
    finalizers: tuple[str, ...]
    deletes_data: bool
    status: Mapping[str, Any]
    problem: str


def read(raw: Mapping[str, Any]) -> Cluster | Invalid:
    """Return the PBACluster that `raw` (its JSON) stands for."""
    metadata = raw["metadata"]
    spec = raw.get("spec") or {}
    identity: dict[str, Any] = {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "generation": metadata.get("generation", 0),
        "deleting": "deletionTimestamp" in metadata,
        "finalizers": tuple(metadata.get("finalizers", ())),
        "status": raw.get("status") or {},
    }
    try:
        return Cluster(spec=parse_spec(spec), **identity)
    except InvalidSpec as error:
        deletes_data = isinstance(spec, Mapping) and spec.get("deletionPolicy") == "Delete"
        return Invalid(deletes_data=deletes_data, problem=str(error), **identity)
