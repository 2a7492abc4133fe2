"""false, 0 and "" where `drift` believes that they are kept, and where it believes that they are dropped.

Kubernetes' documents do not say which fields are pointers, so a real API server is asked: each field in turn gets its
zero, in manifests that hold all that a PBACluster may have in its pods.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from pba_hack.apiserver import Answer, ApiServer
from pba_operator.domain import drift
from pba_operator.kube import kinds

Object = dict[str, Any]
Path = tuple[Any, ...]
Answers = Mapping[str, tuple[set[str], set[str]]]

LABELS = {"app": "shop"}
KEY = {"name": "a", "key": "b", "optional": True}
ITEMS = {"items": [{"key": "a", "path": "b", "mode": 256}], "optional": True}
TERM = {
    "topologyKey": "zone",
    "labelSelector": {"matchLabels": LABELS},
    "namespaceSelector": {"matchLabels": LABELS},
}
NODE_TERM = {"matchExpressions": [{"key": "disk", "operator": "Exists"}]}
PROBE = {
    "periodSeconds": 5,
    "httpGet": {"path": "/", "port": 80, "httpHeaders": [{"name": "A", "value": "b"}]},
}
CONTAINER = {
    "name": "main",
    "image": "shop:1",
    "command": ["a"],
    "env": [
        {"name": "A", "value": "b"},
        {"name": "S", "valueFrom": {"secretKeyRef": KEY}},
        {"name": "C", "valueFrom": {"configMapKeyRef": KEY}},
        {"name": "F", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "R", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
    ],
    "envFrom": [
        {"secretRef": {"name": "a", "optional": True}},
        {"configMapRef": {"name": "a", "optional": True}},
    ],
    "ports": [{"name": "http", "containerPort": 80}],
    "resources": {"limits": {"cpu": "1"}},
    "volumeMounts": [{"name": "empty", "mountPath": "/empty"}],
    "startupProbe": PROBE,
    "livenessProbe": {**PROBE, "terminationGracePeriodSeconds": 5},
    "readinessProbe": {"tcpSocket": {"port": 80}},
    "lifecycle": {"preStop": {"sleep": {"seconds": 0}}},
    "securityContext": {
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
        "appArmorProfile": {"type": "RuntimeDefault"},
        "seLinuxOptions": {"level": "s0"},
    },
}
VOLUMES = [
    {"name": "empty", "emptyDir": {"sizeLimit": "1Gi"}},
    {"name": "config", "configMap": {"name": "a", "defaultMode": 256, **ITEMS}},
    {"name": "secret", "secret": {"secretName": "a", "defaultMode": 256, **ITEMS}},
    {
        "name": "down",
        "downwardAPI": {
            "defaultMode": 256,
            "items": [{"path": "a", "fieldRef": {"fieldPath": "metadata.name"}}],
        },
    },
    {"name": "claim", "persistentVolumeClaim": {"claimName": "a"}},
    {"name": "nfs", "nfs": {"server": "a", "path": "/"}},
    {"name": "csi", "csi": {"driver": "a", "nodePublishSecretRef": {"name": "a"}}},
    {"name": "image", "image": {"reference": "a"}},
    {
        "name": "projected",
        "projected": {
            "sources": [
                {"configMap": {"name": "a", "optional": True, "items": [{"key": "a", "path": "other"}]}},
                {"secret": {"name": "a", **ITEMS}},
                {"serviceAccountToken": {"path": "token", "audience": "a"}},
            ]
        },
    },
]
CLAIM = {
    "accessModes": ["ReadWriteOnce"],
    "resources": {"requests": {"storage": "1Gi"}},
    "selector": {"matchLabels": LABELS},
}
POD = {
    "containers": [CONTAINER],
    "initContainers": [{"name": "init", "image": "shop:1"}],
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}],
    "imagePullSecrets": [{"name": "a"}],
    "securityContext": {"sysctls": [{"name": "net.core.somaxconn", "value": "1"}]},
    "tolerations": [{"key": "a", "operator": "Exists", "effect": "NoExecute"}],
    "topologySpreadConstraints": [
        {
            "topologyKey": "zone",
            "maxSkew": 1,
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": LABELS},
        }
    ],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [NODE_TERM]},
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": NODE_TERM}],
        },
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [TERM],
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": TERM}],
        },
    },
    "volumes": [*VOLUMES, {"name": "ephemeral", "ephemeral": {"volumeClaimTemplate": {"spec": CLAIM}}}],
}
WORKLOAD = {
    "selector": {"matchLabels": LABELS},
    "template": {"metadata": {"labels": LABELS}, "spec": POD},
}
OWNER = {"apiVersion": "pba.dev/v1alpha1", "kind": "PBACluster", "name": "shop", "uid": "u"}
CONTENTS: Mapping[str, Object] = {
    "Deployment": {
        "spec": {**WORKLOAD, "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}
    },
    "StatefulSet": {
        "spec": {
            **WORKLOAD,
            "serviceName": "shop",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain"},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": CLAIM}],
        }
    },
    "Service": {
        "spec": {
            "type": "LoadBalancer",
            "selector": LABELS,
            "ports": [{"name": "http", "port": 80}],
            "sessionAffinity": "ClientIP",
            "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 5}},
        }
    },
    "Secret": {"stringData": {"a": "b"}},
    "ConfigMap": {"data": {"a": "b"}},
    "PersistentVolumeClaim": {"spec": CLAIM},
    "ServiceAccount": {"secrets": [{"name": "a"}]},
    "Role": {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
    "RoleBinding": {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "a"},
        "subjects": [{"kind": "ServiceAccount", "name": "a", "namespace": "default"}],
    },
    "PodDisruptionBudget": {"spec": {"selector": {"matchLabels": LABELS}}},
    "NetworkPolicy": {
        "spec": {
            "podSelector": {"matchLabels": LABELS},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {
                    "from": [{"ipBlock": {"cidr": "192.0.2.0/24"}}],
                    "ports": [{"port": 80, "endPort": 90, "protocol": "TCP"}],
                }
            ],
            "egress": [{"to": [{"podSelector": {"matchLabels": LABELS}}], "ports": [{"protocol": "TCP"}]}],
        }
    },
}
NOT_OURS = {
    ("apiVersion",),
    ("kind",),
    ("metadata", "name"),
    ("metadata", "namespace"),
}
ZEROS: Mapping[str, Any] = {"boolean": False, "integer": 0, "string": ""}


def manifest(kind: str) -> Object:
    metadata = {"name": "zeros", "namespace": "default", "ownerReferences": [OWNER]}
    made = {"apiVersion": kinds.BY_NAME[kind].api_version, "kind": kind, "metadata": metadata}
    return copy.deepcopy({**made, **CONTENTS[kind]})


def resolved(definitions: Mapping[str, Any], raw: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = raw.get("allOf", [raw])[0].get("$ref")
    found: Mapping[str, Any] = definitions[reference.rpartition("/")[2]] if reference else raw
    return found


def zeros(
    definitions: Mapping[str, Any], raw: Mapping[str, Any], value: Any, path: Path
) -> Iterator[tuple[Path, Any]]:
    """Yield the zeros of the fields that the objects in `value` could have."""
    schema = resolved(definitions, raw)
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from zeros(definitions, schema["items"], item, (*path, index))
    if not isinstance(value, dict):
        return
    for name, part in schema.get("properties", {}).items():
        inner = resolved(definitions, part)
        if inner.get("format") == "int-or-string":
            yield (*path, name), 0
        elif inner.get("type") in ZEROS and "Quantity" not in str(part):
            yield (*path, name), ZEROS[inner["type"]]
        elif name in value:
            yield from zeros(definitions, inner, value[name], (*path, name))


def at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def applied(server: ApiServer, wanted: Object) -> Answer:
    """Return what an apply of `wanted` would store, or why it is refused."""
    path = kinds.BY_NAME[wanted["kind"]].path("default", "zeros")
    query = {"fieldManager": "tests", "force": "true", "dryRun": "All"}
    return server.request("PATCH", path, wanted, "application/apply-patch+yaml", **query)


def of_kind(server: ApiServer, name: str) -> Iterator[tuple[Path, Any]]:
    kind = kinds.BY_NAME[name]
    document = server.request("GET", f"/openapi/v3/{'apis' if kind.group else 'api'}/{kind.api_version}").body
    definitions = document["components"]["schemas"]
    group = [{"group": kind.group, "version": kind.version, "kind": kind.name}]
    root = next(raw for raw in definitions.values() if raw.get("x-kubernetes-group-version-kind") == group)
    for path, zero in zeros(definitions, root, manifest(name), ()):
        if path not in NOT_OURS and path[-1] != "deletionGracePeriodSeconds":
            yield path, zero


@pytest.fixture(scope="module")
def answers(api_server: ApiServer) -> Answers:
    """By kind: the names of the fields whose zero is kept, and of those whose zero is dropped."""
    found = {}
    for kind in CONTENTS:
        whole = applied(api_server, manifest(kind))
        assert whole.ok, whole.body["message"]
        kept, dropped = set(), set()
        for path, zero in of_kind(api_server, kind):
            wanted = manifest(kind)
            at(wanted, path[:-1])[path[-1]] = zero
            answer = applied(api_server, wanted)
            if not answer.ok:
                continue
            stored = at(answer.body, path[:-1]).get(path[-1])
            if stored is None:
                dropped.add(path[-1])
            elif stored == zero:  # otherwise there is a default instead
                kept.add(path[-1])
        found[kind] = (kept, dropped)
    return found


@pytest.mark.parametrize("kind", CONTENTS)
def test_no_zero_is_dropped_that_drift_would_miss(answers: Answers, kind: str) -> None:
    _, dropped = answers[kind]
    assert dropped & drift._MEANINGFUL_ZEROS == ({"maxUnavailable"} if kind == "StatefulSet" else set())


def test_drift_knows_all_zeros_that_are_kept_and_no_others(answers: Answers) -> None:
    every = set().union(*(kept for kept, _ in answers.values()))
    either = {name for kept, dropped in answers.values() for name in kept & dropped}
    assert either == {"readOnly", "value"}, (
        "of these, drift cannot tell by the name: it would rather miss none"
    )
    assert every - either == drift._MEANINGFUL_ZEROS
