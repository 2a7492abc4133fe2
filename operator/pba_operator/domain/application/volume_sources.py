"""The user's Secrets, ConfigMaps and volume claims that `application.volumes` names.

A pod whose volume has no source is "ContainerCreating" for ever, and only Events of the kubelet say why: so they are
looked at like all that the user must provide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pba_api.conditions import ConditionType
from pba_api.types import PBAClusterSpec
from pba_operator.domain.model import ChildId, Manifest, Observed, Problem


@dataclass(frozen=True)
class _Source:
    child: ChildId
    volume: str
    keys: tuple[str, ...]
    """Keys that the volume asks for by name; empty: it takes all that there are."""


def volume_references(spec: PBAClusterSpec) -> tuple[ChildId, ...]:
    """Return the objects without which no pod of the application can start."""
    return tuple(sorted({source.child for source in _sources(spec)}))


def volume_problems(spec: PBAClusterSpec, observed: Observed, part: ConditionType) -> list[Problem]:
    """Return a problem for each source of a volume that is not there, or lacks a key.

    Args:
        spec: of the PBACluster.
        observed: the live state.
        part: whose pods wait for it.
    """
    return [
        Problem(part, "VolumeSourceMissing", words, stalled=True)
        for source in _sources(spec)
        if (words := _flaw(source, observed.references.get(source.child)))
    ]


def _flaw(source: _Source, live: Manifest | None) -> str:
    what = f'{source.child.kind} "{source.child.name}"'
    where = f'the volume "{source.volume}" in application.volumes'
    if live is None:
        return (
            f"{what}, which {where} names, does not exist in this namespace: create it, or correct the name."
        )
    held = {**(live.get("data") or {}), **(live.get("binaryData") or {})}
    lacking = [key for key in source.keys if key not in held]
    if not lacking:
        return ""
    return f'{what} lacks the key "{lacking[0]}", which {where} names: add the key, or correct the name.'


def _sources(spec: PBAClusterSpec) -> Iterator[_Source]:
    """Yield what volumes name. A stored spec may be older than the schema: what has no sense names nothing."""
    for volume in map(_mapping, spec.application.volumes):
        name = str(volume.get("name", ""))
        yield from _of_kind("Secret", volume.get("secret"), "secretName", name)
        yield from _of_kind("ConfigMap", volume.get("configMap"), "name", name)
        yield from _of_kind("PersistentVolumeClaim", volume.get("persistentVolumeClaim"), "claimName", name)
        for projection in map(_mapping, _list(_mapping(volume.get("projected")).get("sources"))):
            yield from _of_kind("Secret", projection.get("secret"), "name", name)
            yield from _of_kind("ConfigMap", projection.get("configMap"), "name", name)


def _of_kind(kind: str, given: Any, field: str, volume: str) -> Iterator[_Source]:
    """Yield the object that a volume's source names, unless it may be absent (`optional`)."""
    source = _mapping(given)
    name = source.get(field)
    if not isinstance(name, str) or not name or source.get("optional"):
        return
    keys = tuple(str(item.get("key", "")) for item in map(_mapping, _list(source.get("items"))))
    yield _Source(ChildId(kind, name), volume, keys)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
