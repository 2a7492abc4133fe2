"""What the schema can refuse is refused when it is applied, with a message that says what to do."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pba_mutation import wrong_shapes, wrong_specs
from pba_mutation.specs import APPLICATION, DATABASE, EMPTY_DIR, TEMPLATE, spec

from pba_api.schema.crd import custom_resource_definition

REFUSED = wrong_specs.RULES | wrong_shapes.RULES


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
            backend={
                "replicas": 0,
                "rollout": {"maxSurge": "25%", "maxUnavailable": "25%"},
                "external": [
                    {"name": "by-name", "host": "Old-1.Example", "port": 65535},
                    {"name": "by-ipv4", "host": "10.255.0.1", "port": 1},
                    {"name": "by-ipv6", "host": "2001:db8::7", "port": 80},
                ],
            },
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
