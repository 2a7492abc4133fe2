"""A minimal PBACluster is filled up by the API server, and exactly as the operator's parser would fill it."""

from typing import Any

import pytest

from pba_api.parse import parse_spec
from pba_api.types import Rollout

FULL = {
    "paused": False,
    "deletionPolicy": "Retain",
    "childMetadata": {},
    "application": {
        "image": "registry.example/shop:1",
        "imagePullPolicy": "IfNotPresent",
        "port": 8080,
        "envNames": {
            "host": "DB_HOST",
            "port": "DB_PORT",
            "database": "DB_NAME",
            "user": "DB_USER",
            "password": "DB_PASSWORD",
            "caFile": "DB_CA",
        },
        "probes": {
            "startup": {"path": "/healthz", "periodSeconds": 2, "timeoutSeconds": 5, "failureThreshold": 60},
            "readiness": {
                "path": "/healthz/ready",
                "periodSeconds": 2,
                "timeoutSeconds": 2,
                "failureThreshold": 3,
            },
            "liveness": {"path": "/healthz", "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6},
        },
        "terminationGracePeriodSeconds": 60,
    },
    "management": {"servesTraffic": True, "pod": {}},
    "database": {
        "image": "mysql:9.7.4",
        "name": "app",
        "user": {"name": "app"},
        "storage": {"size": "1Gi"},
        "pod": {},
    },
    "service": {"type": "ClusterIP"},
    "network": {"policies": "Enabled"},
}


def test_minimal_manifest_gives_a_full_spec(clusters: Any, minimal: dict[str, Any]) -> None:
    assert clusters.create(minimal).ok
    assert clusters.get()["spec"] == FULL


def test_backend_and_frontend_are_filled_up_once_they_are_there(
    clusters: Any, minimal: dict[str, Any]
) -> None:
    answer = clusters.create({**minimal, "backend": {}, "frontend": {"image": "haproxy:3.0.11"}})
    assert answer.body["spec"]["backend"] == {
        "replicas": 2,
        "rollout": {"maxSurge": 1, "maxUnavailable": 0},
        "drainTimeoutSeconds": 30,
        "pod": {},
    }
    assert answer.body["spec"]["frontend"] == {
        "image": "haproxy:3.0.11",
        "replicas": 2,
        "balancing": {
            "slowStartSeconds": 2,
            "latePercent": 200,
            "lateMilliseconds": 25,
            "trialPeriodSeconds": 5,
            "maxOutPercent": 50,
        },
        "access": {},
        "maintenance": False,
        "compression": False,
        "proxyProtocol": "None",
        "checks": {"intervalMilliseconds": 500, "timeoutMilliseconds": 2000, "fall": 2, "rise": 2},
        "limits": {"requestsPerNode": 100, "requestsPerClient": 0, "requestsPerClientPerSecond": 0},
        "retries": {"attempts": 3, "budgetPercent": 20},
        "timeouts": {
            "connectMilliseconds": 500,
            "clientSeconds": 60,
            "serverSeconds": 60,
            "queueSeconds": 5,
            "leaveSeconds": 5,
        },
        "sessionAffinity": {
            "type": "Cookie",
            "cookieName": "PBA",
            "leaveSlowNodeAfterMilliseconds": 5000,
        },
        "accessLog": "Failures",
        "pod": {},
    }


def test_partly_given_probe_keeps_the_defaults_of_its_own_kind(
    clusters: Any, minimal: dict[str, Any]
) -> None:
    minimal["application"]["probes"] = {"readiness": {"failureThreshold": 9}}
    probe = clusters.create(minimal).body["spec"]["application"]["probes"]["readiness"]
    assert probe == {"path": "/healthz/ready", "periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 9}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"backend": {}, "frontend": {"image": "haproxy:3.0.11"}},
        {
            "backend": {},
            "frontend": {
                "image": "h",
                "limits": {"requestsPerNode": 7},
                "paths": [{"prefix": "/", "serverSeconds": 9}, {"prefix": "/a", "bodyMaxSize": "1Mi"}],
            },
        },
        {"backend": {"rollout": {"maxSurge": "50%"}}, "frontend": {"image": "haproxy:3.0.11"}},
        {"service": {"type": "NodePort"}},
    ],
)
def test_parser_fills_up_as_the_schema_does(
    clusters: Any, minimal: dict[str, Any], more: dict[str, Any]
) -> None:
    given = {**minimal, **more}
    answer = clusters.create(given)
    assert answer.ok, answer.data
    assert parse_spec(given) == parse_spec(answer.body["spec"])


def test_server_side_apply_of_the_same_changes_nothing(clusters: Any, minimal: dict[str, Any]) -> None:
    assert clusters.apply(minimal).ok
    seen = clusters.patch({"status": {"observedGeneration": 1}}, subresource="status")
    assert seen.ok, seen.data
    again = clusters.apply(minimal)
    assert again.body["metadata"]["resourceVersion"] == seen.body["metadata"]["resourceVersion"]


def test_removed_field_goes_back_to_its_default(clusters: Any, minimal: dict[str, Any]) -> None:
    assert clusters.apply({**minimal, "application": {**minimal["application"], "port": 9000}}).ok
    assert clusters.apply(minimal).body["spec"]["application"]["port"] == 8080


def test_numbers_of_the_rollout_stay_numbers(clusters: Any, minimal: dict[str, Any]) -> None:
    given = {
        **minimal,
        "backend": {"rollout": {"maxSurge": "25%", "maxUnavailable": 2}},
        "frontend": {"image": "h"},
    }
    backend = parse_spec(clusters.create(given).body["spec"]).backend
    assert backend is not None
    assert backend.rollout == Rollout(max_surge="25%", max_unavailable=2)
