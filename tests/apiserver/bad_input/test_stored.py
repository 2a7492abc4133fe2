"""What the schema refuses may have been stored before it did: the planner reads it, acts on it safely, or tells it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from pba_mutation.commands import commands, outsiders
from pba_mutation.examples import BASE
from pba_mutation.files import options, words
from pba_mutation.mutations import Mutation
from pba_mutation.planning import Planned, observed, planned, stored
from pba_mutation.schema import is_borrowed, is_twin
from pba_mutation.verdicts import Verdict
from pba_simulation.belief import SYNC_IMAGE, reported

from pba_api.types import FrontendTLS, PathLimits
from pba_operator.domain.cluster import Invalid, read
from pba_operator.domain.model import Cluster, Observed, Plan
from pba_operator.domain.plan import plan

pytestmark = pytest.mark.timeout(900)
"""The first test waits for all verdicts: a minute, or several on a busy machine."""

Readings = list[tuple[Mutation, Cluster | Invalid]]
Plans = list[tuple[Mutation, Planned]]

Json = Mapping[str, Any]

EXAMPLE = [{"name": "example"}]
NETWORK = ["192.0.2.0/24"]
ENOUGH = frozenset({"a number", "a list", "zero byte", "line break"})
"""Of what is changed in shapes of Kubernetes' own, which the planner passes on as they are."""


@pytest.fixture(scope="module")
def readings(refused: list[Verdict]) -> Readings:
    """Read what the API server has refused, as if no schema had stood before it."""
    tried = [
        verdict.mutation
        for verdict in refused
        if not is_twin(verdict.mutation.node)
        and (not is_borrowed(verdict.mutation.node) or verdict.mutation.kind in ENOUGH)
    ]
    return [(mutation, read(stored(mutation.spec()))) for mutation in tried]


@pytest.fixture(scope="module")
def plans(readings: Readings) -> Plans:
    return [
        (mutation, planned(mutation.spec())) for mutation, cluster in readings if isinstance(cluster, Cluster)
    ]


def test_what_cannot_be_read_is_told_by_the_name_of_its_field(readings: Readings) -> None:
    invalid = [(mutation, cluster) for mutation, cluster in readings if isinstance(cluster, Invalid)]
    assert len(invalid) > 300
    for mutation, cluster in invalid:
        field = cluster.problem.partition(": ")[0]
        assert mutation.where.startswith(field) or field.startswith(mutation.where), mutation.id
        assert plan(cluster, Observed(), SYNC_IMAGE) == Plan()
        conditions = reported(cluster, Observed())["conditions"]
        assert all(cluster.problem[:900] in condition["message"] for condition in conditions), mutation.id


def test_what_can_be_read_is_planned_and_reported_on(readings: Readings, plans: Plans) -> None:
    assert len(plans) > 500
    for mutation, cluster in readings:
        if isinstance(cluster, Cluster):
            status = reported(cluster, observed(cluster))
            assert status["conditions"], mutation.id


def test_no_line_of_a_file_is_the_users(plans: Plans) -> None:
    """Whatever a value holds, each line of my.cnf and of haproxy.cfg is one that the operator writes."""
    for mutation, found in plans:
        for child, manifest in found.children.items():
            data = manifest.get("data", {})
            if child.kind == "ConfigMap" and "my.cnf" in data:
                assert options(data["my.cnf"]), mutation.id
            if child.kind == "ConfigMap" and "haproxy.cfg" in data:
                usual = _usual(_features(found.cluster))
                assert _lines(found, child.name) == _lines(usual, child.name), mutation.id
                assert all(words(data["haproxy.cfg"])), mutation.id


def _features(cluster: Cluster) -> str:
    """Return what a spec asks for that has lines of its own in haproxy.cfg, in words that are not the user's."""
    frontend = cluster.spec.frontend
    if frontend is None:
        return "{}"
    asked: dict[str, Any] = {
        "sessionAffinity": {"type": frontend.session_affinity.type},
        "retries": {"budgetPercent": min(1, frontend.retries.budget_percent)},
        "limits": {
            "requestsPerClient": min(1, frontend.limits.requests_per_client),
            "requestsPerClientPerSecond": min(1, frontend.limits.requests_per_client_per_second),
        },
        "paths": [_path(number, limits) for number, limits in enumerate(frontend.paths)],
        "maintenance": frontend.maintenance,
        "compression": frontend.compression,
        "proxyProtocol": frontend.proxy_protocol,
        "trustedProxyCIDRs": NETWORK if frontend.trusted_proxy_cidrs else [],
        "access": {
            "allowCIDRs": NETWORK if frontend.access.allow_cidrs else [],
            "denyCIDRs": NETWORK if frontend.access.deny_cidrs else [],
        },
    }
    if frontend.error_pages is not None:
        asked["errorPages"] = {"configMapRef": EXAMPLE[0]}
    if frontend.tls is not None:
        asked["tls"] = _tls(frontend.tls)
    return json.dumps(asked)


def _path(number: int, limits: PathLimits) -> Json:
    """Return other limits of the same kind."""
    server = {"serverSeconds": 1} if limits.server_seconds else {}
    body = {} if limits.body_max_size is None else {"bodyMaxSize": "1"}
    return {"prefix": "/" if limits.prefix == "/" else f"/{number}", **server, **body}


def _tls(tls: FrontendTLS) -> Json:
    asked = {"secretRefs": EXAMPLE, "redirect": tls.redirect, "hstsSeconds": min(1, tls.hsts_seconds)}
    return asked if tls.client_ca_secret_ref is None else {**asked, "clientCASecretRef": EXAMPLE[0]}


@cache
def _usual(features: str) -> Planned:
    """Return the plan for a PBACluster with these features and nothing peculiar."""
    return planned({**BASE, "frontend": {**BASE["frontend"], **json.loads(features)}})


def _lines(found: Planned, name: str) -> int:
    return sum(
        len(manifest.get("data", {}).get("haproxy.cfg", "").split("\n"))
        for child, manifest in found.children.items()
        if (child.kind, child.name) == ("ConfigMap", name)
    )


def test_no_value_ends_in_a_shell(plans: Plans) -> None:
    """Where our containers run a shell, its text is the same whatever the spec says."""
    plain = [_usual(_features(found.cluster)) for _, found in plans]
    usual = {command[:4]: command for found in plain for command in commands(found.children)}
    assert len(usual) > 10
    for mutation, found in plans:
        for command in commands(found.children):
            assert command == usual[command[:4]], mutation.id


def test_nothing_stored_leads_out_of_the_namespace(plans: Plans) -> None:
    assert [f"{mutation.id}: {who}" for mutation, found in plans for who in outsiders(found.children)] == []
