"""What breaks each rule of the resource's own fields, and the words in which it is told."""

from __future__ import annotations

from typing import Any, Final

from pba_mutation.specs import (
    APPLICATION,
    BACKEND,
    DATABASE,
    NODE,
    TEMPLATE,
    application,
    database,
    external,
    pod,
    rollout,
    spec,
)


def _path(**limits: Any) -> dict[str, Any]:
    return spec(backend={}, frontend={"image": "h", "paths": [limits]})


RULES: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "backend without frontend": (spec(backend={}), "add frontend, or remove backend"),
    "frontend without nodes": (
        spec(frontend={"image": "h"}, management={"servesTraffic": False}),
        "add backend, or set management.servesTraffic to true",
    ),
    "nobody serves": (
        spec(management={"servesTraffic": False}),
        "set it to true, or add frontend and backend",
    ),
    "external twice": (external(NODE, NODE), "Duplicate value"),
    "external at one place": (external(NODE, {**NODE, "name": "other"}), "remove one of the two"),
    "external without a host": (external({"name": "old", "port": 80}), "host: Required value"),
    "external without a port": (external({"name": "old", "host": "old.example"}), "port: Required value"),
    "external name": (external({**NODE, "name": "Old_1"}), "should match"),
    "external name too long": (external({**NODE, "name": "a" * 64}), "may not be more than 63"),
    "external host with a port": (external({**NODE, "host": "old.example:80"}), "should match"),
    "external host with a space": (external({**NODE, "host": "old example"}), "should match"),
    **{
        f"external host {host}": (external({**NODE, "host": host}), "write four numbers of 0 to 255")
        for host in ("10.0.0.256", "10.1", "2130706433", "0x7f000001", "old.example.7", "010.0.0.1")
    },
    **{
        f"external host {host}": (external({**NODE, "host": host}), "an address at which the frontends reach")
        for host in (
            "localhost",
            "127.0.0.1",
            "169.254.169.254",
            "0.1.2.3",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
        )
    },
    "drained twice": (spec(backend={"drainedNodes": ["a", "a"]}, **BACKEND), "Duplicate value"),
    "drained, no name": (spec(backend={"drainedNodes": ["a;b"]}, **BACKEND), "should match"),
    "external port": (external({**NODE, "port": 0}), "greater than or equal to 1"),
    "too many external": (
        external(*({**NODE, "name": f"n{i}", "port": i + 1} for i in range(101))),
        "at most 100",
    ),
    "no application": ({"database": DATABASE}, "spec.application: Required value"),
    "no database": ({"application": APPLICATION}, "spec.database: Required value"),
    "no image": ({"application": {}, "database": DATABASE}, "spec.application.image: Required value"),
    "empty image": (application(image=""), "should be at least 1 chars"),
    "image with a space": (application(image="a b"), "should match"),
    "pull policy": (application(imagePullPolicy="Sometimes"), '"Always", "IfNotPresent", "Never"'),
    "port 0": (application(port=0), "greater than or equal to 1"),
    "port too great": (application(port=65536), "less than or equal to 65535"),
    "port as a word": (application(port="http"), "must be of type integer"),
    "envNames not distinct": (application(envNames={"host": "DB_PORT"}), "must differ from each other"),
    "envNames not a name": (application(envNames={"host": "1-x"}), "should match"),
    "configFile relative": (application(configFiles=[{"path": "a", "templateRef": TEMPLATE}]), "should"),
    "configFile goes up": (
        application(configFiles=[{"path": "/a/../b", "templateRef": TEMPLATE}]),
        "write it without '.', '..'",
    ),
    "configFile ends in dots": (
        application(configFiles=[{"path": "/a/..", "templateRef": TEMPLATE}]),
        "write it without '.', '..'",
    ),
    "configFile twice": (
        application(configFiles=[{"path": "/a", "templateRef": TEMPLATE}] * 2),
        "Duplicate value",
    ),
    "configFile in our folder": (
        application(configFiles=[{"path": "/etc/pba/x", "templateRef": TEMPLATE}]),
        "choose another path",
    ),
    "probe path": (application(probes={"liveness": {"path": "healthz"}}), "should match"),
    "probe period": (application(probes={"startup": {"periodSeconds": 0}}), "greater than or equal to 1"),
    "grace period": (application(terminationGracePeriodSeconds=-1), "greater than or equal to 0"),
    "image in capitals": (application(image="registry.example/Shop:1"), "image must be a reference such as"),
    "image with an empty part": (database(image="mysql//mysql:9"), "image must be a reference such as"),
    "unknown field": (application(imagePolicy="x"), 'unknown field "spec.application.imagePolicy"'),
    "size 0": (database(storage={"size": "0"}), "positive quantity"),
    "size negative": (database(storage={"size": "-1Gi"}), "positive quantity"),
    "size no quantity": (database(storage={"size": "big"}), "positive quantity"),
    "no size": (database(storage={}), "spec.database.storage.size: Required value"),
    "schema of MySQL's own": (database(name="Information_Schema"), "choose another name"),
    "schema name": (database(name="a`b"), "should match"),
    "schema name too long": (database(name="a" * 65), "may not be more than 64"),
    "user of MySQL's own": (database(user={"name": "root"}), "choose another name"),
    "user of ours": (database(user={"name": "pba_admin"}), "choose another database.user.name"),
    "user of MySQL's own, by prefix": (database(user={"name": "mysql.sys"}), "choose another name"),
    "user name too long": (database(user={"name": "a" * 33}), "may not be more than 32"),
    "config key in capitals": (database(config={"Max_Connections": "1"}), "in lower case"),
    "config key with dashes": (database(config={"max-connections": "1"}), "in lower case"),
    "config of ours": (database(config={"datadir": "/x"}), "must not set datadir"),
    "config of ours, switched off": (database(config={"skip_gtid_mode": "1"}), "must not set skip_gtid_mode"),
    "config of ours by prefix": (database(config={"group_replication_x": "1"}), "group_replication_x"),
    "config of ours, disguised": (database(config={"loose_port": "1"}), "must not set loose_port"),
    "config value with a newline": (database(config={"sql_mode": "a\n[x]"}), "should match"),
    "config value true": (database(config={"event_scheduler": True}), "Invalid value"),
    "too many options": (database(config={f"o{i}": "1" for i in range(101)}), "at most 100"),
    "both zero": (rollout(maxSurge=0, maxUnavailable=0), "raise one of them"),
    "both zero percent": (rollout(maxSurge="0%", maxUnavailable="0%"), "raise one of them"),
    "surge 0 alone": (rollout(maxSurge=0), "raise one of them"),
    "surge negative": (rollout(maxSurge=-1), "maxSurge must be 0 to 1000"),
    "unavailable negative": (rollout(maxUnavailable=-1), "maxUnavailable must be 0 to 1000"),
    "unavailable over 100 %": (rollout(maxUnavailable="101%"), "should match"),
    "replicas negative": (spec(backend={"replicas": -1}, **BACKEND), "greater than or equal to 0"),
    "too many replicas": (spec(backend={"replicas": 1001}, **BACKEND), "less than or equal to 1000"),
    "TLS without a certificate": (
        spec(backend={}, frontend={"image": "h", "tls": {"secretRefs": []}}),
        "must name a Secret at least",
    ),
    "clients' certificates, and a port without": (
        spec(
            backend={},
            frontend={
                "image": "h",
                "tls": {"secretRefs": [{"name": "a"}], "clientCASecretRef": {"name": "b"}},
            },
        ),
        "clientCASecretRef needs redirect: true",
    ),
    "no frontend node": (spec(backend={}, frontend={"image": "h", "replicas": 0}), "or equal to 1"),
    "fewer requests for a node than frontends": (
        spec(backend={}, frontend={"image": "h", "replicas": 3, "limits": {"requestsPerNode": 2}}),
        "raise it, or lower the replicas",
    ),
    "a path without a limit": (_path(prefix="/a"), "set serverSeconds or bodyMaxSize"),
    "a path with a step back": (_path(prefix="/a/../b", serverSeconds=1), "write the path that they lead to"),
    "a path with a step back at its end": (_path(prefix="/..", serverSeconds=1), "that they lead to"),
    "a path that is encoded": (_path(prefix="/%61", serverSeconds=1), "should match"),
    "a path with an empty segment": (_path(prefix="/a/", serverSeconds=1), "should match"),
    "a body of no size": (_path(prefix="/a", bodyMaxSize="0"), "such as 10Mi"),
    "a body of a word": (_path(prefix="/a", bodyMaxSize="big"), "such as 10Mi"),
    "a body beyond all": (_path(prefix="/a", bodyMaxSize="1Ei"), "such as 10Mi"),
    "deletion policy": (spec(deletionPolicy="Keep"), '"Retain", "Delete"'),
    "label of ours": (
        spec(childMetadata={"labels": {"pba.dev/x": "1"}}),
        "pba.dev/x: the prefix is reserved",
    ),
    "label of Kubernetes' own": (
        spec(childMetadata={"labels": {"service.kubernetes.io/service-proxy-name": "x"}}),
        "childMetadata.labels must not use a prefix of Kubernetes' own",
    ),
    "annotation of Kubernetes' own": (
        spec(childMetadata={"annotations": {"deployment.kubernetes.io/revision": "1"}}),
        "childMetadata.annotations must not use a prefix of Kubernetes' own",
    ),
    "label that controllers set, everywhere": (
        spec(childMetadata={"labels": {"pod-template-hash": "1"}}),
        "childMetadata.labels must not set pod-template-hash",
    ),
    "annotation that controllers set, everywhere": (
        spec(childMetadata={"annotations": {"controller-revision-hash": "1"}}),
        "childMetadata.annotations must not set controller-revision-hash",
    ),
    "label that controllers set": (
        pod(labels={"statefulset.kubernetes.io/pod-name": "shop-mysql-0"}),
        "pod.labels must not set statefulset.kubernetes.io/pod-name",
    ),
    "annotation that controllers set": (
        pod(annotations={"deployment.kubernetes.io/revision": "1"}),
        "pod.annotations must not set deployment.kubernetes.io/revision",
    ),
    "annotation of ours": (
        spec(childMetadata={"annotations": {"kubectl.kubernetes.io/x": "1"}}),
        "the prefix is reserved",
    ),
    "label key": (spec(childMetadata={"labels": {"-x": "1"}}), "a key of childMetadata.labels must be"),
    "label value": (spec(childMetadata={"labels": {"x": "a b"}}), "should match"),
    "pod label of ours": (pod(labels={"app.kubernetes.io/instance": "x"}), "the prefix is reserved"),
    "pod annotation of ours": (pod(annotations={"pba.dev/x": "x"}), "the prefix is reserved"),
    "pod label key": (pod(labels={"x/y/z": "1"}), "a key of pod.labels must be"),
    "pod annotation key": (pod(annotations={"a b": "1"}), "a key of pod.annotations must be"),
    "annotation key": (
        spec(childMetadata={"annotations": {"-x": "1"}}),
        "a key of childMetadata.annotations",
    ),
    "service annotation key": (spec(service={"annotations": {"x_": "1"}}), "a key of service.annotations"),
    "nodeSelector key": (pod(nodeSelector={"/x": "y"}), "a key of nodeSelector must be"),
    "priority class": (pod(priorityClassName="A B"), "should match"),
    "pull secret twice": (spec(imagePullSecrets=[{"name": "a"}, {"name": "a"}]), "Duplicate value"),
    "class without load balancer": (spec(service={"loadBalancerClass": "x"}), "set the type, or remove"),
    "ranges without load balancer": (
        spec(service={"loadBalancerSourceRanges": ["10.0.0.0/8"]}),
        "set the type, or remove",
    ),
    "policy with ClusterIP": (spec(service={"externalTrafficPolicy": "Local"}), "set the type, or remove"),
    "range no CIDR": (
        spec(service={"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0/99"]}),
        "must be of type cidr",
    ),
    "range without a length": (
        spec(service={"type": "LoadBalancer", "loadBalancerSourceRanges": [[]]}),
        "a network must be in CIDR notation",
    ),
    "service type": (spec(service={"type": "ExternalName"}), "Unsupported value"),
    "service annotation of ours": (
        spec(service={"annotations": {"pba.dev/x": "1"}}),
        "pba.dev/x: the prefix is reserved",
    ),
}
