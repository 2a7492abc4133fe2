"""For each place in the schema a whole spec in which that place, and what it needs around it, holds a good value.

A mutation is put into such a spec, so that what is then refused is refused for the mutation's sake.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any, Final

from pba_mutation.schema import ITEM, VALUE, Node, Path, at, dotted, steps

Json = dict[str, Any]

BASE: Final[Mapping[str, Any]] = {
    "application": {"image": "registry.example/shop:1"},
    "database": {"image": "mysql:9.7.4", "storage": {"size": "1Gi"}},
    "backend": {},
    "frontend": {"image": "haproxy:3.0.11"},
}
"""A PBACluster with every part."""

_KEYS: Final[Mapping[str, str]] = {
    "database.config": "max_allowed_packet",
    "volumeClaimTemplate.spec.resources.limits": "storage",
    "volumeClaimTemplate.spec.resources.requests": "storage",
    "limits": "cpu",
    "requests": "cpu",
    "": "example.com/key",
}
"""Under which key the example of a map's value stands, by the end of the map's path; the first one counts."""

_SELECTOR: Final = {"matchLabels": {"example.com/key": "example"}}
_EXAMPLES: Final[Mapping[str, Any]] = {
    "annotations{}": "a note",
    "apiVersion": "v1",
    "appArmorProfile.type": "Unconfined",
    "application.image": "registry.example:5000/team/shop:2",
    "application.imagePullPolicy": "Always",
    "application.securityContext": {"readOnlyRootFilesystem": True},
    "backend": {"replicas": 3},
    "backend.rollout": {"maxSurge": 3},
    "backend.rollout.maxSurge": 3,
    "backend.rollout.maxUnavailable": "25%",
    "capabilities.add[]": "CHOWN",
    "capabilities.drop[]": "NET_RAW",
    "childMetadata": {"labels": {"example.com/key": "example"}},
    "configFiles[].path": "/etc/app/db.conf",
    "config{}": "64M",
    "containerName": "application",
    "csi.fsType": "ext4",
    "dataSource.apiGroup": "snapshot.storage.k8s.io",
    "dataSource.kind": "VolumeSnapshot",
    "dataSourceRef.apiGroup": "snapshot.storage.k8s.io",
    "dataSourceRef.kind": "VolumeSnapshot",
    "database.image": "mysql:9.8.0",
    "database.user": {"name": "example"},
    "dataSource": {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "example"},
    "dataSourceRef": {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "example"},
    "deletionPolicy": "Delete",
    "divisor": "1",
    "downwardAPI.items[]": {"path": "example", "fieldRef": {"fieldPath": "metadata.name"}},
    "emptyDir.medium": "Memory",
    "emptyDir.sizeLimit": "1Mi",
    "env[].name": "EXAMPLE",
    "envFrom[]": {"configMapRef": {"name": "example"}},
    "envFrom[].prefix": "EXAMPLE_",
    "envNames": {"host": "EXAMPLE"},
    "envNames.caFile": "EXAMPLE",
    "envNames.database": "EXAMPLE",
    "envNames.host": "EXAMPLE",
    "envNames.password": "EXAMPLE",
    "envNames.port": "EXAMPLE",
    "envNames.user": "EXAMPLE",
    "expirationSeconds": 3600,
    "external[]": {"name": "example", "host": "old.example", "port": 80},
    "external[].host": "192.0.2.7",
    "fieldPath": "metadata.name",
    "frontend.checks": {"fall": 4},
    "frontend.image": "haproxy:3.2.1",
    "frontend.limits": {"requestsPerNode": 50},
    "frontend.retries": {"attempts": 2},
    "frontend.timeouts": {"serverSeconds": 90},
    "frontend.access": {"denyCIDRs": ["203.0.113.0/24"]},
    "frontend.access.allowCIDRs[]": "203.0.113.0/24",
    "frontend.access.denyCIDRs[]": "203.0.113.0/24",
    "frontend.trustedProxyCIDRs[]": "203.0.113.0/24",
    "frontend.tls": {"secretRefs": [{"name": "example"}]},
    "frontend.tls.redirect": True,
    "ipBlock.cidr": "203.0.113.0/24",
    "ipBlock.except[]": "203.0.113.128/25",
    "items[].path": "folder/file",
    "loadBalancerClass": "example.com/class",
    "loadBalancerSourceRanges[]": "203.0.113.0/24",
    "localhostProfile": "profiles/example.json",
    "management": {"pod": {"priorityClassName": "example"}},
    "matchExpressions[].operator": "Exists",
    "matchFields[].key": "metadata.name",
    "matchFields[].operator": "In",
    "matchLabelKeys[]": "pod-template-hash",
    "monitoring[]": {"podSelector": {}},
    "mountPath": "/data",
    "mountPropagation": "HostToContainer",
    "network": {"policies": "Disabled"},
    "network.apiServerCIDRs[]": "203.0.113.0/24",
    "nfs.path": "/export",
    "path": "/example",
    "paths[]": {"prefix": "/report", "serverSeconds": 300},
    "paths[].bodyMaxSize": "10Mi",
    "paths[].prefix": "/report",
    "pod": {"priorityClassName": "example"},
    "pod.affinity": {"podAntiAffinity": {}},
    "pod.resources": {"requests": {"cpu": "1"}},
    "podSecurityContext": {"runAsUser": 1000},
    "podSecurityContext.runAsNonRoot": False,
    "ports[].port": 587,
    "probes": {"startup": {"path": "/example"}},
    "probes.liveness": {"path": "/example"},
    "probes.readiness": {"path": "/example"},
    "probes.startup": {"path": "/example"},
    "resource": "limits.cpu",
    "resourceFieldRef": {"resource": "limits.cpu", "containerName": "application"},
    "seLinuxOptions.level": "s0:c1,c2",
    "seccompProfile.type": "Unconfined",
    "securityContext.allowPrivilegeEscalation": True,
    "service": {"annotations": {"example.com/key": "a note"}},
    "service.externalTrafficPolicy": "Local",
    "service.ipFamilyPolicy": "PreferDualStack",
    "service.type": "NodePort",
    "serviceAccountToken.path": "token",
    "storage.size": "2Gi",
    "subPath": "folder/inner",
    "subPathExpr": "$(EXAMPLE)/inner",
    "sysctls[].name": "net.ipv4.ip_unprivileged_port_start",
    "sysctls[].value": "1024",
    "to[]": {"podSelector": {}},
    "tolerations[]": {"operator": "Exists"},
    "tolerations[].effect": "NoExecute",
    "tolerations[].key": "example.com/key",
    "tolerations[].operator": "Exists",
    "topologyKey": "kubernetes.io/hostname",
    "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}},
    "volumeAttributes{}": "example",
    "volumes[]": {"name": "example", "emptyDir": {}},
    "weight": 10,
}
"""Good values, by the end of their place's path; the longest end counts. Others follow from the schema."""

_NEEDS: Final[tuple[tuple[str, Mapping[str, Any]], ...]] = (
    (r"(.*Profile)\.localhostProfile", {"type": "Localhost"}),
    (
        r"(.*\.dataSource(Ref)?)\.(kind|name)",
        {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot"},
    ),
    (r"(.*\.downwardAPI\.items\[\])\.(mode|path)", {"fieldRef": {"fieldPath": "metadata.name"}}),
    (r"(.*\.downwardAPI\.items\[\]\.resourceFieldRef)\..*", {"containerName": "application"}),
    (r"(.*\.matchExpressions\[\])\.values.*", {"operator": "In"}),
    (r"(.*\.matchFields\[\])\.(key|operator)", {"values": ["node-1"]}),
    (r"(.*\.tolerations\[\])\.(effect|value|tolerationSeconds)", {"key": "example.com/key"}),
    (r"(.*\.tolerations\[\])\.tolerationSeconds", {"effect": "NoExecute"}),
    (r"(.*\.topologySpreadConstraints\[\])\.matchLabelKeys.*", {"labelSelector": _SELECTOR}),
    (r"(.*\.topologySpreadConstraints\[\])\.minDomains", {"whenUnsatisfiable": "DoNotSchedule"}),
    (r"(.*\.ports\[\])\.endPort", {"port": 1}),
    (r"(.*\.envFrom\[\])\.prefix", {"configMapRef": {"name": "example"}}),
    (r"(.*\.paths\[\])\.(prefix|bodyMaxSize)", {"serverSeconds": 300}),
    (r"(.*\.securityContext)\.privileged", {"allowPrivilegeEscalation": True}),
    (r"(.*\.volumes\[\])\.name", {"emptyDir": {}}),
    (r"(application)\.volumeMounts.*", {"volumes": [{"name": "example", "emptyDir": {}}]}),
    (r"(frontend\.tls)\..*", {"secretRefs": [{"name": "example"}]}),
    (r"(frontend\.tls)\.clientCASecretRef.*", {"redirect": True}),
    (r"(service)\.(loadBalancer.*|externalTrafficPolicy)", {"type": "LoadBalancer"}),
)
"""What a value needs beside it: by its path, in the object whose path is the group."""


def example(node: Node) -> Any:
    """Return a good value for a place, other than its default."""
    whole = str(node)
    ends = [end for end in _EXAMPLES if whole == end or whole.endswith((f".{end}", f"]{end}"))]
    return copy.deepcopy(_EXAMPLES[max(ends, key=len)]) if ends else _generic(node)


def _generic(node: Node) -> Any:
    match node.kind:
        case "object":
            return {child.path[-1]: example(child) for child in node.children() if child.required}
        case "array":
            return [example(at((*node.path, ITEM)))]
        case "map":
            return {key_of(node.path): example(at((*node.path, VALUE)))}
        case _:
            return _plain(node)


def _plain(node: Node) -> Any:
    schema = node.schema
    match node.kind:
        case "boolean":
            return True
        case "enum":
            return next(value for value in schema["enum"] if value != schema.get("default"))
        case "integer":
            return schema.get("default", schema.get("minimum", 0)) + 1
        case "int-or-string":
            return "1"
        case _:
            return "example"


def key_of(path: Path) -> str:
    """Return the key under which the example of a map's value stands."""
    whole = dotted(path)
    return next(key for end, key in _KEYS.items() if whole.endswith(end))


def spec_with(path: Path, value: Any) -> Json:
    """Return a whole spec with `value` at `path`, and what it needs around it."""
    spec, here = _scaffold(path)
    if path[-1] == ITEM:
        here[:] = [value]
    else:
        here[_key(path, len(path) - 1)] = value
    return spec


def spec_without(path: Path) -> Json:
    """Return the spec of `spec_with` without the place, or without the smallest thing around it that may be absent.

    Where nothing may be absent, it is the spec that all begin with.
    """
    whole = spec_with(path, example(at(path)))
    while path and path[-1] not in (ITEM, VALUE) and at(path).required:
        path = path[:-1]
    if not path:
        return copy.deepcopy(dict(BASE))
    here = _descend(whole, path[:-1])
    del here[0 if path[-1] == ITEM else _key(path, len(path) - 1)]
    return whole


def _scaffold(path: Path) -> tuple[Json, Any]:
    """Return a spec that lacks only the last step of `path`, and the object or list that the step leads from."""
    spec: Json = copy.deepcopy(dict(BASE))
    here: Any = spec
    for index, step in enumerate(path[:-1]):
        node = at(path[: index + 1])
        if step == ITEM:
            here[:] = [_shell(node)]
            here = here[0]
        else:
            here = here.setdefault(_key(path, index), _shell(node))
    whole = dotted(path)
    for pattern, siblings in _NEEDS:
        found = re.fullmatch(pattern, whole)
        if found:
            inner = _descend(spec, steps(found[1]))
            inner.update({name: copy.deepcopy(good) for name, good in siblings.items() if name not in path})
    return spec, here


def _shell(node: Node) -> Any:
    """Return what a place holds before what is below it is put in."""
    if node.kind == "object":
        return {child.path[-1]: example(child) for child in node.children() if child.required}
    return [] if node.kind == "array" else {}


def _descend(spec: Json, path: Path) -> Any:
    here: Any = spec
    for index, step in enumerate(path):
        here = here[0 if step == ITEM else _key(path, index)]
    return here


def _key(path: Path, index: int) -> str:
    return key_of(path[:index]) if path[index] == VALUE else path[index]


def found_at(spec: Json, path: Path) -> Any:
    """Return what a spec made by `spec_with` has at `path`; None if nothing."""
    here: Any = spec
    for index, step in enumerate(path):
        if step == ITEM:
            if not isinstance(here, list) or not here:
                return None
            here = here[0]
        else:
            key = _key(path, index)
            if not isinstance(here, dict) or key not in here:
                return None
            here = here[key]
    return here


def concrete(path: Path) -> str:
    """Return the path as the API server writes it for the specs of `spec_with`: spec.application.env[0].name."""
    text = "spec"
    for index, step in enumerate(path):
        if step == ITEM:
            text += "[0]"
        elif step == VALUE:
            text += f"[{key_of(path[:index])}]"
        else:
            text += f".{step}"
    return text
