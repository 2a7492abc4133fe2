"""What the schema can refuse is refused when it is applied, with a message that says what to do."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from pba_api.schema.crd import custom_resource_definition

APPLICATION = {"image": "registry.example/shop:1"}
DATABASE = {"image": "mysql:9.7.4", "storage": {"size": "1Gi"}}
BACKEND = {"frontend": {"image": "haproxy:3.0.11"}}


def application(**fields: Any) -> dict[str, Any]:
    return {"application": {**APPLICATION, **fields}, "database": DATABASE}


def database(**fields: Any) -> dict[str, Any]:
    return {"application": APPLICATION, "database": {**DATABASE, **fields}}


def spec(**fields: Any) -> dict[str, Any]:
    return {"application": APPLICATION, "database": DATABASE, **fields}


def rollout(**fields: Any) -> dict[str, Any]:
    return spec(backend={"rollout": fields}, frontend={"image": "haproxy:3.0.11"})


def pod(**fields: Any) -> dict[str, Any]:
    return spec(management={"pod": fields})


EMPTY_DIR = {"name": "scratch", "emptyDir": {}}
TEMPLATE = {"name": "templates", "key": "app.conf"}

REFUSED = {
    "backend without frontend": (spec(backend={}), "add the one that is missing"),
    "frontend without backend": (spec(frontend={"image": "h"}), "add the one that is missing"),
    "no application": ({"database": DATABASE}, "spec.application: Required value"),
    "no database": ({"application": APPLICATION}, "spec.database: Required value"),
    "no image": ({"application": {}, "database": DATABASE}, "spec.application.image: Required value"),
    "empty image": (application(image=""), "should be at least 1 chars"),
    "image with a space": (application(image="a b"), "should match"),
    "pull policy": (application(imagePullPolicy="Sometimes"), '"Always", "IfNotPresent", "Never"'),
    "port 0": (application(port=0), "greater than or equal to 1"),
    "port too great": (application(port=65536), "less than or equal to 65535"),
    "port as a word": (application(port="http"), "must be of type integer"),
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
    "unknown field": (application(imagePolicy="x"), 'unknown field "spec.application.imagePolicy"'),
    "size 0": (database(storage={"size": "0"}), "positive quantity"),
    "size negative": (database(storage={"size": "-1Gi"}), "positive quantity"),
    "size no quantity": (database(storage={"size": "big"}), "positive quantity"),
    "no size": (database(storage={}), "spec.database.storage.size: Required value"),
    "schema of MySQL's own": (database(name="Information_Schema"), "choose another name"),
    "schema name": (database(name="a`b"), "should match"),
    "schema name too long": (database(name="a" * 65), "may not be more than 64"),
    "user of MySQL's own": (database(user={"name": "root"}), "choose another name"),
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
    "no frontend node": (spec(backend={}, frontend={"image": "h", "replicas": 0}), "or equal to 1"),
    "deletion policy": (spec(deletionPolicy="Keep"), '"Retain", "Delete"'),
    "label of ours": (
        spec(childMetadata={"labels": {"pba.dev/x": "1"}}),
        "pba.dev/x: the prefix is reserved",
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
    "toleration": (pod(tolerations=[{"operator": "Sometimes"}]), "Unsupported value"),
    "resources": (pod(resources={"limits": {"memory": "much"}}), "should match"),
    "unknown in affinity": (pod(affinity={"nodeAffinty": {}}), "unknown field"),
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
    "service type": (spec(service={"type": "ExternalName"}), "Unsupported value"),
    "service annotation of ours": (
        spec(service={"annotations": {"pba.dev/x": "1"}}),
        "pba.dev/x: the prefix is reserved",
    ),
}


@pytest.mark.parametrize(("wrong", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_wrong_spec_is_refused_with_a_remedy(dry: Any, wrong: dict[str, Any], told: str) -> None:
    answer = dry.create(wrong, dryRun="All")
    assert answer.status in (400, 422), answer.data.decode()
    assert told in answer.body["message"]


def rules(schema: Any) -> Iterator[Mapping[str, str]]:
    if isinstance(schema, dict):
        yield from schema.get("x-kubernetes-validations", ())
        for value in schema.values():
            yield from rules(value)


def test_no_rule_is_without_its_wrong_spec(dry: Any) -> None:
    messages = [dry.create(wrong, dryRun="All").body["message"] for wrong, _ in REFUSED.values()]
    about_the_spec = custom_resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"][
        "properties"
    ]
    unseen = {
        rule["message"]
        for rule in rules(about_the_spec)
        if "oldSelf" not in rule["rule"]
        and not any(rule["message"] in message for message in messages)
        and not any(_first_words(rule) in message for message in messages)
    }
    assert unseen == set()


def _first_words(rule: Mapping[str, str]) -> str:
    """Return how a message that names the culprit begins."""
    return rule.get("messageExpression", "' no such words '").split("'")[1]


@pytest.mark.parametrize("name", ["1shop", "shop.eu", "s" * 41])
def test_name_that_children_cannot_carry_is_refused(dry: Any, minimal: dict[str, Any], name: str) -> None:
    answer = dry.create(minimal, name=name, dryRun="All")
    assert answer.status == 422
    assert "at most 40 characters" in answer.body["message"]


ACCEPTED = {
    "the longest name": ("s" * 40, spec()),
    "whole": (
        "shop",
        spec(
            paused=True,
            deletionPolicy="Delete",
            imagePullSecrets=[{"name": "regcred"}],
            childMetadata={"labels": {"team": "billing"}, "annotations": {"example.com/owner": "me"}},
            application={
                **APPLICATION,
                "command": ["/bin/app"],
                "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
                "envFrom": [{"secretRef": {"name": "s"}}],
                "configFiles": [{"path": "/etc/app/db.conf", "templateRef": TEMPLATE}],
                "podSecurityContext": {"runAsUser": 1000, "fsGroup": 1000},
                "securityContext": {"readOnlyRootFilesystem": False, "capabilities": {"add": ["CHOWN"]}},
                "volumes": [
                    EMPTY_DIR,
                    {"name": "shared", "nfs": {"server": "files", "path": "/data"}},
                    {"name": "claim", "persistentVolumeClaim": {"claimName": "c"}},
                ],
                "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
            },
            management={
                "pod": {
                    "resources": {"requests": {"cpu": "100m", "memory": 1024}},
                    "tolerations": [{"key": "a", "operator": "Exists", "effect": "NoSchedule"}],
                    "topologySpreadConstraints": [
                        {
                            "maxSkew": 1,
                            "topologyKey": "kubernetes.io/hostname",
                            "whenUnsatisfiable": "DoNotSchedule",
                            "labelSelector": {"matchLabels": {"a": "b"}},
                        }
                    ],
                    "annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "true"},
                    "priorityClassName": "",
                }
            },
            database={
                **DATABASE,
                "config": {"innodb_buffer_pool_size": "1G", "max_connections": 200},
                "user": {"name": "shop", "passwordSecretRef": {"name": "pw", "key": "password"}},
            },
            backend={"replicas": 0, "rollout": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            frontend={"image": "haproxy:3.0.11"},
            service={
                "type": "LoadBalancer",
                "loadBalancerClass": "example.com/lb",
                "loadBalancerSourceRanges": ["203.0.113.0/24", "2001:db8::/32"],
                "externalTrafficPolicy": "Local",
                "ipFamilyPolicy": "PreferDualStack",
                "annotations": {"service.beta.kubernetes.io/some-load-balancer-type": "nlb"},
            },
        ),
    ),
}


@pytest.mark.parametrize(("name", "right"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_right_spec_is_accepted(dry: Any, name: str, right: dict[str, Any]) -> None:
    answer = dry.create(right, name=name, dryRun="All")
    assert answer.ok, answer.body["message"]
