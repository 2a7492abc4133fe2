"""What breaks each rule on shapes of Kubernetes' own, and the words in which it is told."""

from __future__ import annotations

from typing import Any, Final

from pba_mutation.specs import EMPTY_DIR, TEMPLATE, application, pod, spec


def _network(**fields: Any) -> dict[str, Any]:
    return spec(network=fields)


_BLOCK = {"cidr": "203.0.113.0/24"}

RULES: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "API server at no network": (_network(apiServerCIDRs=["10.0.0.1"]), "must be of type cidr"),
    "API server twice": (_network(apiServerCIDRs=["10.0.0.1/32", "10.0.0.1/32"]), "Duplicate value"),
    "policies": (_network(policies="Sometimes"), '"Enabled", "Disabled"'),
    "no peer": (_network(monitoring=[{}]), "either an ipBlock or selectors"),
    "a block with a selector": (
        _network(monitoring=[{"ipBlock": _BLOCK, "podSelector": {}}]),
        "either an ipBlock or selectors",
    ),
    "no peer of egress": (_network(applicationEgress=[{"to": [{}]}]), "either an ipBlock or selectors"),
    "endPort of a name": (
        _network(applicationEgress=[{"ports": [{"port": "smtp", "endPort": 9}]}]),
        "endPort must go with a port that is a number",
    ),
    "endPort before its port": (
        _network(applicationEgress=[{"ports": [{"port": 9, "endPort": 8}]}]),
        "not be less than that",
    ),
    "endPort alone": (_network(applicationEgress=[{"ports": [{"endPort": 8}]}]), "endPort must go with"),
    "block no network": (_network(monitoring=[{"ipBlock": {"cidr": "here"}}]), "must be of type cidr"),
    "env collides with envNames": (application(env=[{"name": "DB_HOST"}]), "remove it from env, or give"),
    "env collides with a chosen name": (
        application(env=[{"name": "MY_HOST"}], envNames={"host": "MY_HOST"}),
        "remove it from env, or give",
    ),
    "env twice": (application(env=[{"name": "A"}, {"name": "A"}]), "Duplicate value"),
    "env with two values": (
        application(env=[{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]),
        "remove one of them",
    ),
    "envFrom without a source": (application(envFrom=[{"prefix": "A"}]), "either configMapRef or secretRef"),
    "Secret reference without a name": (
        application(env=[{"name": "A", "valueFrom": {"secretKeyRef": {"key": "k"}}}]),
        "secretKeyRef.name: Required value",
    ),
    "volume named as ours": (application(volumes=[{"name": "pba-x", "emptyDir": {}}]), "choose another name"),
    "volume without a source": (application(volumes=[{"name": "x"}]), "exactly one source"),
    "volume with two sources": (
        application(volumes=[{"name": "x", "emptyDir": {}, "secret": {"secretName": "s"}}]),
        "exactly one source",
    ),
    "hostPath": (application(volumes=[{"name": "x", "hostPath": {"path": "/"}}]), 'unknown field "spec.appl'),
    "mount without a volume": (
        application(volumeMounts=[{"name": "x", "mountPath": "/x"}]),
        "add the volume, or correct the name",
    ),
    "mount in our folder": (
        application(volumes=[EMPTY_DIR], volumeMounts=[{"name": "scratch", "mountPath": "/etc/pba"}]),
        "choose another mountPath",
    ),
    "mount and file at one path": (
        application(
            volumes=[EMPTY_DIR],
            volumeMounts=[{"name": "scratch", "mountPath": "/a"}],
            configFiles=[{"path": "/a", "templateRef": TEMPLATE}],
        ),
        "must not use the same path",
    ),
    "mount outside of any root": (
        application(volumes=[EMPTY_DIR], volumeMounts=[{"name": "scratch", "mountPath": "data"}]),
        "a mountPath must be absolute and plain",
    ),
    "mount that goes up": (
        application(volumes=[EMPTY_DIR], volumeMounts=[{"name": "scratch", "mountPath": "/a/../etc/pba"}]),
        "a mountPath must be absolute and plain",
    ),
    "mount with two ways to name a folder": (
        application(
            volumes=[EMPTY_DIR],
            volumeMounts=[{"name": "scratch", "mountPath": "/a", "subPath": "b", "subPathExpr": "c"}],
        ),
        "must not have both subPath and subPathExpr",
    ),
    "env with no source": (
        application(env=[{"name": "A", "valueFrom": {}}]),
        "must have exactly one of configMapKeyRef",
    ),
    "profile of the machine without its name": (
        application(securityContext={"seccompProfile": {"type": "Localhost"}}),
        "securityContext.seccompProfile.localhostProfile goes with type Localhost",
    ),
    "profile of the machine in vain": (
        application(
            securityContext={"appArmorProfile": {"type": "RuntimeDefault", "localhostProfile": "example"}}
        ),
        "securityContext.appArmorProfile.localhostProfile goes with type Localhost",
    ),
    "seccomp profile of the machine without its name, for the pod": (
        application(podSecurityContext={"seccompProfile": {"type": "Localhost"}}),
        "podSecurityContext.seccompProfile.localhostProfile goes with type Localhost",
    ),
    "AppArmor profile of the machine without its name, for the pod": (
        application(podSecurityContext={"appArmorProfile": {"type": "Localhost"}}),
        "podSecurityContext.appArmorProfile.localhostProfile goes with type Localhost",
    ),
    "privileged half-heartedly": (
        application(securityContext={"privileged": True}),
        "needs allowPrivilegeEscalation: true beside it",
    ),
    "root half-heartedly": (
        application(podSecurityContext={"runAsUser": 0}),
        "set runAsNonRoot to false beside it",
    ),
    "root half-heartedly, in the container": (
        application(podSecurityContext={"runAsNonRoot": True}, securityContext={"runAsUser": 0}),
        "set runAsNonRoot to false beside it",
    ),
    "toleration": (pod(tolerations=[{"operator": "Sometimes"}]), "Unsupported value"),
    "toleration of everything by mistake": (
        pod(tolerations=[{"effect": "NoSchedule"}]),
        "set its operator to Exists, or name a key",
    ),
    "toleration with a value in vain": (
        pod(tolerations=[{"key": "a", "operator": "Exists", "value": "b"}]),
        "remove the value, or the operator",
    ),
    "toleration for a time in vain": (
        pod(tolerations=[{"key": "a", "effect": "NoSchedule", "tolerationSeconds": 1}]),
        "tolerationSeconds acts only with the effect NoExecute",
    ),
    "spread by keys of nothing": (
        pod(
            topologySpreadConstraints=[
                {
                    "maxSkew": 1,
                    "topologyKey": "zone",
                    "whenUnsatisfiable": "DoNotSchedule",
                    "matchLabelKeys": ["a"],
                }
            ]
        ),
        "matchLabelKeys acts only with a labelSelector",
    ),
    "spread over domains in vain": (
        pod(
            topologySpreadConstraints=[
                {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "minDomains": 2}
            ]
        ),
        "minDomains acts only with whenUnsatisfiable DoNotSchedule",
    ),
    "resource of an unknown kind": (pod(resources={"limits": {"gpu": 1}}), "such as example.com/gpu"),
    "request beyond its limit": (
        pod(resources={"limits": {"memory": "1Gi"}, "requests": {"memory": 2147483648}}),
        "lower the request, or raise the limit",
    ),
    "resources": (pod(resources={"limits": {"memory": "much"}}), "should match"),
    "unknown in affinity": (pod(affinity={"nodeAffinty": {}}), "unknown field"),
}
