"""Does a live object still hold what we want, and nothing of what we wanted before?

Two questions, both needed. A hash of the manifest on the object itself tells whether the object was last
applied from this very manifest: only so does a field that left the manifest leave the object. And a
comparison field by field tells whether somebody has changed since what the manifest says: the hash stays when
a field is edited.

What must stay true: `differs(live, stamped)` is false for the object that the API server answers to an apply
of `stamped`, whatever it fills in or rewrites; so lists are matched as server-side apply merges them (by
their keys, as a set, or as a whole), quantities by value, and what others may add beside our fields is left
alone. What remains (a value that a webhook rewrites) only costs the engine one apply that changes nothing: it
remembers those.

Source of the merge keys: `x-kubernetes-list-type`, `-list-map-keys` and `-map-type` in Kubernetes' OpenAPI
document.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pba_api.identity import ANNOTATION_HASH
from pba_operator.domain import quantity
from pba_operator.domain.model import Manifest

_LIST_KEYS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "claims": (("name",),),
    "containers": (("name",),),
    "env": (("name",),),
    "hostAliases": (("ip",),),
    "imagePullSecrets": (("name",),),
    "initContainers": (("name",),),
    "ownerReferences": (("uid",),),
    "ports": (("containerPort", "protocol"), ("port", "protocol")),
    "resourceClaims": (("name",),),
    "schedulingGates": (("name",),),
    "secrets": (("name",),),
    "topologySpreadConstraints": (("topologyKey", "whenUnsatisfiable"),),
    "volumeDevices": (("devicePath",),),
    "volumeMounts": (("mountPath",),),
    "volumes": (("name",),),
}
"""Lists that are maps: under which keys an item is found. Any other list is one value. (So are
the imagePullSecrets of a ServiceAccount; ours have none.)"""

_KEY_DEFAULTS: Final = {"protocol": "TCP"}
_SETS: Final = frozenset({"finalizers"})
_ATOMIC_MAPS: Final[Mapping[str, Mapping[str, Any]]] = {
    "configMapKeyRef": {},
    "dataSource": {},
    "fieldRef": {"apiVersion": "v1"},
    "fileKeyRef": {},
    "labelSelector": {},
    "matchLabels": {},
    "namespaceSelector": {},
    "nodePublishSecretRef": {},
    "nodeSelector": {},
    "podSelector": {},
    "requiredDuringSchedulingIgnoredDuringExecution": {},
    "resourceFieldRef": {"divisor": "0"},
    "roleRef": {},
    "secretKeyRef": {},
    "selector": {},
}
"""Maps that are one value: a key that somebody added must go, unless it is what the API server itself fills in."""
_STRING_MAPS: Final = frozenset(
    {
        *("annotations", "binaryData", "data", "labels", "limits", "matchLabels", "nodeSelector", "requests"),
        "volumeAttributes",
    }
)
"""Maps that the API server drops when they are empty (other empty objects, as in `emptyDir: {}`, it keeps)."""
_MEANINGFUL_ZEROS: Final = frozenset(
    {
        "allocateLoadBalancerNodePorts",
        "allowPrivilegeEscalation",
        "automountServiceAccountToken",
        "blockOwnerDeletion",
        "controller",
        "defaultMode",
        "enableServiceLinks",
        "fsGroup",
        "fsType",
        "hostUsers",
        "immutable",
        "maxSurge",
        "maxUnavailable",
        "minAvailable",
        "mode",
        "optional",
        "partition",
        "priority",
        "privileged",
        "readOnlyRootFilesystem",
        "replicas",
        "revisionHistoryLimit",
        "runAsGroup",
        "runAsNonRoot",
        "runAsUser",
        "seconds",
        "serviceName",
        "setHostnameAsFQDN",
        "shareProcessNamespace",
        "storageClassName",
        "terminationGracePeriodSeconds",
        "tolerationSeconds",
        "volumeAttributesClassName",
    }
)
"""Fields in which false, 0 or "" is something else than their absence (pointers in Kubernetes' types): the API
server keeps them. Of all others it drops a zero value, or refuses it, so that one and none are the same. (It also keeps
`readOnly` of a CSI volume and `value` of a header, but not those of other objects.)"""
_RULES: Final = frozenset({"egress", "ingress"})
"""Of a NetworkPolicy: what somebody adds within a rule (an `endPort`, say) opens what was closed, so they are compared
as a whole. The API server fills in nothing that our manifests leave out."""
_QUANTITIES: Final = frozenset({"averageValue", "divisor", "sizeLimit"})
_QUANTITY_MAPS: Final = frozenset({"capacity", "hard", "limits", "requests"})


def stamp(manifest: Manifest) -> Manifest:
    """Return `manifest` with the hash of itself as an annotation.

    The hash leaves out what addresses an object rather than describes it (`metadata.uid`,
    `.resourceVersion`).
    """
    metadata = manifest["metadata"]
    annotations = {
        key: value for key, value in metadata.get("annotations", {}).items() if key != ANNOTATION_HASH
    }
    content = {
        key: value for key, value in metadata.items() if key not in ("uid", "resourceVersion", "annotations")
    }
    hashed = {**manifest, "metadata": {**content, "annotations": annotations}}
    text = json.dumps(hashed, sort_keys=True, separators=(",", ":"))
    annotations[ANNOTATION_HASH] = hashlib.sha256(text.encode()).hexdigest()[:32]
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def differs(live: Manifest | None, stamped: Manifest) -> bool:
    """Tell whether `stamped` has to be applied (again).

    Args:
        live: the object as the API server has it; None if there is none.
        stamped: a manifest from `stamp`.
    """
    return live is None or not _map_covers(live, _as_stored(stamped), name="", atomic=False)


def _as_stored(manifest: Manifest) -> Manifest:
    """Return `manifest` in the form that is stored: a Secret's `stringData` comes back as `data`."""
    if manifest.get("kind") != "Secret" or "stringData" not in manifest:
        return manifest
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in manifest["stringData"].items()}
    rest = {key: value for key, value in manifest.items() if key != "stringData"}
    return {**rest, "data": {**manifest.get("data", {}), **encoded}}


def _covers(live: Any, want: Any, name: str, *, atomic: bool) -> bool:
    """Tell whether the value `live` of the field `name` holds all of `want`."""
    if isinstance(want, dict):
        return isinstance(live, dict) and _map_covers(live, want, name, atomic=atomic)
    if name in _RULES:
        return bool(_bare(live) == _bare(want))
    if isinstance(want, list | tuple):
        return isinstance(live, list) and _list_covers(live, want, name, atomic=atomic)
    if name in _QUANTITIES:
        return live == want or quantity.equal(live, want)
    return bool(live == want) and isinstance(live, bool) == isinstance(want, bool)


def _map_covers(live: Mapping[str, Any], want: Mapping[str, Any], name: str, *, atomic: bool) -> bool:
    if name in _QUANTITY_MAPS:
        return all(
            key in live and (live[key] == value or quantity.equal(live[key], value))
            for key, value in want.items()
        )
    if name in _ATOMIC_MAPS and _has_more(live, want, _ATOMIC_MAPS[name]):
        return False
    for key, value in want.items():
        found = live.get(key)
        if found is None and not _is_nothing(value, key):
            return False
        if found is not None and not _covers(found, value, key, atomic=atomic):
            return False
    return True


def _has_more(live: Mapping[str, Any], want: Mapping[str, Any], defaults: Mapping[str, Any]) -> bool:
    """Tell whether somebody has added to `want`."""
    return any(live[key] != defaults.get(key) for key in live if key not in want)


def _is_nothing(want: Any, name: str) -> bool:
    """Tell whether a field that the object lacks is what `want` asks for."""
    if isinstance(want, Mapping):
        return not want and name in _STRING_MAPS
    return want is None or (not want and name not in _MEANINGFUL_ZEROS)


def _bare(value: Any) -> Any:
    """Return `value` without what the API server drops because it is empty."""
    if isinstance(value, Mapping):
        kept = {key: _bare(part) for key, part in value.items()}
        return {key: part for key, part in kept.items() if not _is_dropped(part, key)}
    return [_bare(item) for item in value] if isinstance(value, list | tuple) else value


def _is_dropped(value: Any, name: str) -> bool:
    return value is None or value == [] or (value == {} and name in _STRING_MAPS)


def _list_covers(live: Sequence[Any], want: Sequence[Any], name: str, *, atomic: bool) -> bool:
    if not atomic and name in _SETS:
        return all(item in live for item in want)
    keys = None if atomic else _keys_of(want, name)
    if keys is None:
        return len(live) == len(want) and all(
            _covers(one, other, name="", atomic=True) for one, other in zip(live, want, strict=True)
        )
    found = {_key(item, keys): item for item in live}
    for item in want:
        key = _key(item, keys)
        if key not in found or not _covers(found[key], item, name="", atomic=False):
            return False
    return True


def _keys_of(want: Sequence[Any], name: str) -> tuple[str, ...] | None:
    """Return the merge keys of the list `name`; None if it is one value."""
    for keys in _LIST_KEYS.get(name, ()):
        if want and all(isinstance(item, Mapping) and keys[0] in item for item in want):
            return keys
    return None


def _key(item: Any, keys: tuple[str, ...]) -> tuple[Any, ...]:
    values = item if isinstance(item, Mapping) else {}
    return tuple([values.get(key, _KEY_DEFAULTS.get(key)) for key in keys])
