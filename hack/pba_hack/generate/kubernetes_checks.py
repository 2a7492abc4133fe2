"""What Kubernetes checks of its own types beyond what its OpenAPI document says of them.

A PBACluster that names what a pod cannot have is refused when it is applied, in the words of its own fields, and
not only when the pod's workload is. What must stay true: nothing here is narrower than the check of any Kubernetes
in our range (1.30 and newer), but for choices that only the newest of them know and for values that mean nothing
(negative seconds). What two fields must keep
together is checked by rules (`pba_api.types`) or left to Kubernetes, whose refusal ends in a condition.

Sources: pkg/apis/core/validation/validation.go, pkg/apis/networking/validation/validation.go,
staging/src/k8s.io/apimachinery/pkg/util/validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Check = Mapping[str, Any]

_INT32_MAX: Final = 2**31 - 1
_DNS_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = rf"{_DNS_LABEL}(\.{_DNS_LABEL})*"
_CONTROL: Final = r"\x00-\x1f\x7f"
_STEP: Final = rf"\.?[^/.{_CONTROL}][^/{_CONTROL}]*"
"""A step of a path that leads nowhere out: no `..`, nor a name that begins so."""

LABEL: Final[Check] = {"maxLength": 63, "pattern": f"^{_DNS_LABEL}$"}
SUBDOMAIN: Final[Check] = {"maxLength": 253, "pattern": f"^{_SUBDOMAIN}$"}
QUALIFIED: Final[Check] = {
    "maxLength": 317,
    "pattern": rf"^({_SUBDOMAIN}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?$",
}
LABEL_VALUE: Final[Check] = {"maxLength": 63, "pattern": "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"}
DATA_KEY: Final[Check] = {"maxLength": 253, "pattern": "^[-._a-zA-Z0-9]+$"}
SYSCTL: Final[Check] = {
    "maxLength": 253,
    "pattern": "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$",
}
RELATIVE_PATH: Final[Check] = {"pattern": rf"^({_STEP}|\.)(/({_STEP}|\.)?)*$"}
OPTIONAL_RELATIVE_PATH: Final[Check] = {"pattern": rf"^(({_STEP}|\.)(/({_STEP}|\.)?)*)?$"}
ABSOLUTE_PATH: Final[Check] = {"pattern": rf"^/[^{_CONTROL}]*$"}
TEXT: Final[Check] = {"pattern": r"^[^\x00]*$"}
"""What a process can be given: its arguments and variables end at a zero byte."""
NOT_EMPTY: Final[Check] = {"minLength": 1}
MODE: Final[Check] = {"minimum": 0, "maximum": 0o777}
IDENTIFIER: Final[Check] = {"minimum": 0, "maximum": _INT32_MAX}
COUNT: Final[Check] = {"minimum": 1, "maximum": _INT32_MAX}
WEIGHT: Final[Check] = {"minimum": 1, "maximum": 100}

CIDR: Final[Check] = {"maxLength": 64, "format": "cidr", "pattern": "^[0-9A-Fa-f:.]+/[0-9]{1,3}$"}

_PORT_MAX: Final = 65535
_PORT_NAME: Final = "^([a-z0-9]+-)*[a-z0-9]*[a-z][a-z0-9]*(-[a-z0-9]+)*$"
_USER: Final[Check] = {
    "runAsUser": IDENTIFIER,
    "runAsGroup": IDENTIFIER,
}
_PROFILE: Final[Check] = {"localhostProfile": {"pattern": RELATIVE_PATH["pattern"]}}
_NAMED: Final[Check] = {"name": SUBDOMAIN}
_KEYED: Final[Check] = {"name": SUBDOMAIN, "key": DATA_KEY}
_FILES: Final[Check] = {"defaultMode": MODE}

CHECKS: Final[Mapping[str, Check]] = {
    "AppArmorProfile": _PROFILE,
    "CSIVolumeSource": {"driver": {**SUBDOMAIN, "maxLength": 63}, "fsType": TEXT},
    "Capabilities": {
        name: {"items": {"maxLength": 63, "pattern": "^[A-Za-z][A-Za-z0-9_]*$"}} for name in ("add", "drop")
    },
    "ConfigMapEnvSource": _NAMED,
    "ConfigMapKeySelector": _KEYED,
    "ConfigMapProjection": _NAMED,
    "ConfigMapVolumeSource": {**_NAMED, **_FILES},
    "DownwardAPIVolumeFile": {"path": RELATIVE_PATH, "mode": MODE},
    "DownwardAPIVolumeSource": _FILES,
    "EmptyDirVolumeSource": {"medium": {"pattern": "^(Memory|HugePages(-[0-9A-Za-z]+)?)?$"}},
    "EnvFromSource": {"prefix": {"maxLength": 256, "pattern": "^([-._a-zA-Z][-._a-zA-Z0-9]*)?$"}},
    "EnvVar": {"name": {"maxLength": 256, "pattern": "^[-._a-zA-Z][-._a-zA-Z0-9]*$"}, "value": TEXT},
    "IPBlock": {"cidr": CIDR, "except": {"items": CIDR}},
    "KeyToPath": {"key": DATA_KEY, "path": RELATIVE_PATH, "mode": MODE},
    "LabelSelector": {"matchLabels": {"additionalProperties": LABEL_VALUE}},
    "LabelSelectorRequirement": {
        "key": QUALIFIED,
        "operator": {"enum": ["DoesNotExist", "Exists", "In", "NotIn"]},
        "values": {"items": LABEL_VALUE},
    },
    "LocalObjectReference": _NAMED,
    "NFSVolumeSource": {"path": ABSOLUTE_PATH, "server": {**NOT_EMPTY, "pattern": rf"^[^{_CONTROL}]+$"}},
    "NetworkPolicyPort": {
        "port": {"minimum": 1, "maximum": _PORT_MAX, "maxLength": 15, "pattern": _PORT_NAME},
        "endPort": {"minimum": 1, "maximum": _PORT_MAX},
        "protocol": {"enum": ["SCTP", "TCP", "UDP"]},
    },
    "NodeSelector": {"nodeSelectorTerms": {"minItems": 1}},
    "NodeSelectorRequirement": {"key": QUALIFIED, "values": {"items": LABEL_VALUE}},
    "NodeSelectorTerm": {
        "matchFields": {
            "items": {
                "properties": {
                    "key": {"enum": ["metadata.name"]},
                    "operator": {"enum": ["In", "NotIn"]},
                    "values": {"items": SUBDOMAIN, "minItems": 1, "maxItems": 1},
                },
                "required": ["key", "operator", "values"],
            },
        },
    },
    "ObjectMeta": {"labels": {"additionalProperties": LABEL_VALUE}},
    "ObjectFieldSelector": {
        "apiVersion": {"enum": ["v1"]},
        "fieldPath": {
            "pattern": r"^(metadata\.(name|namespace|uid|(labels|annotations)(\['[^'\x00-\x1f]+'\])?)"
            r"|spec\.(nodeName|serviceAccountName)|status\.(hostIP|podIP)s?)$"
        },
    },
    "PersistentVolumeClaimSpec": {
        "accessModes": {"minItems": 1},
        "storageClassName": {"maxLength": 253, "pattern": f"^({_SUBDOMAIN})?$"},
        "volumeName": {"maxLength": 253, "pattern": f"^({_SUBDOMAIN})?$"},
    },
    "PersistentVolumeClaimVolumeSource": {"claimName": SUBDOMAIN},
    "PodAffinityTerm": {"topologyKey": QUALIFIED, "namespaces": {"items": LABEL}},
    "PodSecurityContext": {**_USER, "fsGroup": IDENTIFIER, "supplementalGroups": {"items": IDENTIFIER}},
    "PreferredSchedulingTerm": {"weight": WEIGHT},
    "ResourceFieldSelector": {
        "containerName": {"maxLength": 63, "pattern": f"^({_DNS_LABEL})?$"},
        "resource": {
            "pattern": "^(limits|requests)\\.(cpu|memory|ephemeral-storage|hugepages-[0-9A-Za-z]+)$"
        },
    },
    "SELinuxOptions": dict.fromkeys(("level", "role", "type", "user"), TEXT),
    "SeccompProfile": _PROFILE,
    "SecretEnvSource": _NAMED,
    "SecretKeySelector": _KEYED,
    "SecretProjection": _NAMED,
    "SecretVolumeSource": {"secretName": SUBDOMAIN, **_FILES},
    "ProjectedVolumeSource": _FILES,
    "SecurityContext": _USER,
    "ServiceAccountTokenProjection": {
        "expirationSeconds": {"minimum": 600, "maximum": 2**32},
        "path": RELATIVE_PATH,
    },
    "Sysctl": {"name": SYSCTL, "value": TEXT},
    "Toleration": {
        "key": {"maxLength": 317, "pattern": f"^({QUALIFIED['pattern'][1:-1]})?$"},
        "operator": {"enum": ["Equal", "Exists"]},
        "tolerationSeconds": {"minimum": 0, "maximum": _INT32_MAX},
        "value": LABEL_VALUE,
    },
    "TopologySpreadConstraint": {
        "maxSkew": COUNT,
        "minDomains": COUNT,
        "topologyKey": QUALIFIED,
        "matchLabelKeys": {"items": QUALIFIED},
    },
    "TypedLocalObjectReference": {"apiGroup": SUBDOMAIN, "kind": NOT_EMPTY, "name": NOT_EMPTY},
    "TypedObjectReference": {"apiGroup": SUBDOMAIN, "kind": NOT_EMPTY, "name": NOT_EMPTY},
    "Volume": {"name": LABEL},
    "VolumeMount": {
        "mountPath": {"minLength": 1, "pattern": rf"^[^:{_CONTROL}]*$"},
        "name": LABEL,
        "subPath": OPTIONAL_RELATIVE_PATH,
        "subPathExpr": OPTIONAL_RELATIVE_PATH,
    },
    "WeightedPodAffinityTerm": {"weight": WEIGHT},
}
"""By type (of io.k8s.api, or apimachinery's) and field, what is added to the field's schema."""


def checks_of(type_name: str) -> Check:
    """Return what is checked of a type's fields; empty if nothing is.

    Args:
        type_name: its name in the OpenAPI document, such as `io.k8s.api.core.v1.EnvVar`.
    """
    return CHECKS.get(type_name.rpartition(".")[2], {})


def narrowed(schema: Mapping[str, Any], check: Check) -> dict[str, Any]:
    """Return `schema` with what `check` adds, at every depth."""
    result = dict(schema)
    for key, value in check.items():
        inner = result.get(key)
        result[key] = narrowed(inner, value) if isinstance(inner, Mapping) else value
    return result
