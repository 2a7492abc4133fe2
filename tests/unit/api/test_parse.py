import contextlib
import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pba_api.parse import InvalidSpec, parse_spec
from pba_api.types import KeyReference, LocalReference

MINIMAL = {
    "application": {"image": "registry.example/shop:1"},
    "database": {"image": "mysql:9.7.4", "storage": {"size": "1Gi"}},
}


def with_value(path: str, value: object) -> dict[str, Any]:
    spec: dict[str, Any] = copy.deepcopy(MINIMAL)
    *parents, last = path.split(".")
    place = spec
    for name in parents:
        place = place.setdefault(name, {})
    place[last] = value
    return spec


def test_what_is_absent_has_its_default() -> None:
    spec = parse_spec(MINIMAL)
    assert spec.deletion_policy == "Retain"
    assert spec.paused is False
    assert spec.application.port == 8080
    assert spec.application.env_names.ca_file == "DB_CA"
    assert spec.application.probes.readiness.path == "/healthz/ready"
    assert spec.database.user.name == "app"
    assert spec.service.type == "ClusterIP"


def test_what_is_absent_without_a_default_is_empty() -> None:
    spec = parse_spec(MINIMAL)
    assert spec.backend is None
    assert spec.frontend is None
    assert spec.database.user.password_secret_ref is None
    assert spec.application.command == ()
    assert spec.application.pod_security_context == {}
    assert spec.management.pod.labels == {}
    assert spec.service.load_balancer_class == ""


def test_backend_that_is_there_has_its_defaults() -> None:
    spec = parse_spec({**MINIMAL, "backend": {}, "frontend": {"image": "haproxy:3.0.11"}})
    assert spec.backend is not None
    assert spec.backend.replicas == 2
    assert (spec.backend.rollout.max_surge, spec.backend.rollout.max_unavailable) == (1, 0)


def test_null_counts_as_absent() -> None:
    assert parse_spec(with_value("application.port", None)).application.port == 8080
    assert parse_spec(with_value("backend", None)).backend is None


def test_partly_given_object_keeps_the_defaults_of_where_it_stands() -> None:
    probes = parse_spec(with_value("application.probes.startup.periodSeconds", 7)).application.probes
    assert (probes.startup.period_seconds, probes.startup.failure_threshold) == (7, 60)
    assert probes.liveness.failure_threshold == 6


def test_values_are_read() -> None:
    raw = {
        **MINIMAL,
        "imagePullSecrets": [{"name": "regcred"}],
        "application": {
            "image": "i",
            "env": [{"name": "A", "value": "1"}],
            "configFiles": [{"path": "/a", "templateRef": {"name": "n", "key": "k"}}],
        },
    }
    spec = parse_spec(raw)
    assert spec.image_pull_secrets == (LocalReference("regcred"),)
    assert spec.application.env == ({"name": "A", "value": "1"},)
    assert spec.application.config_files[0].template_ref == KeyReference("n", "k")


def test_options_of_the_database_are_text_however_they_are_written() -> None:
    config = parse_spec(
        with_value("database.config", {"max_connections": 200, "sql_mode": ""})
    ).database.config
    assert config == {"max_connections": "200", "sql_mode": ""}


def test_unknown_fields_are_passed_over() -> None:
    later = with_value("application.singletons", [{"name": "billing"}])
    assert parse_spec({**later, "growth": {}}) == parse_spec(MINIMAL)


WRONG = {
    "application": ({}, "spec.application", "is required"),
    "image": ({"application": {}}, "spec.application.image", "is required"),
    "size": (
        {"application": {"image": "i"}, "database": {"image": "m", "storage": {}}},
        "spec.database.storage.size",
        "is required",
    ),
    "key": (
        with_value("database.user.passwordSecretRef", {"name": "n"}),
        "spec.database.user.passwordSecretRef.key",
        "is required",
    ),
    "a list for an object": (with_value("application", []), "spec.application", "must be an object"),
    "a word for a number": (
        with_value("application.port", "x"),
        "spec.application.port",
        "must be an integer",
    ),
    "true for a number": (
        with_value("application.port", True),
        "spec.application.port",
        "must be an integer",
    ),
    "1 for true": (with_value("paused", 1), "spec.paused", "must be true or false"),
    "an object for a list": (with_value("application.env", {}), "spec.application.env", "must be a list"),
    "a number in a list of words": (
        with_value("application.command", ["a", 1]),
        "spec.application.command[1]",
        "must be a string",
    ),
    "a number for a label": (
        with_value("management.pod.labels", {"a": 1}),
        "spec.management.pod.labels[a]",
        "must be a string",
    ),
    "a word for an affinity": (
        with_value("management.pod.affinity", "x"),
        "spec.management.pod.affinity",
        "must be an object",
    ),
    "true for a surge": (
        with_value("backend.rollout.maxSurge", True),
        "spec.backend.rollout.maxSurge",
        "must be an integer or a string",
    ),
}


@pytest.mark.parametrize(("raw", "path", "problem"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_read_is_named(raw: dict[str, Any], path: str, problem: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_spec(raw)
    assert (caught.value.path, caught.value.problem) == (path, problem)
    assert str(caught.value) == f"{path}: {problem}"


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
paths = st.sampled_from(
    [
        "application",
        "application.env",
        "application.probes.startup",
        "backend",
        "backend.rollout",
        "childMetadata.labels",
        "database.config",
        "database.storage",
        "frontend",
        "imagePullSecrets",
        "management.pod",
        "service",
    ]
)


@given(paths, json)
def test_whatever_stands_there_it_is_read_or_named(path: str, value: object) -> None:
    with contextlib.suppress(InvalidSpec):
        parse_spec(with_value(path, value))
