"""What was stored under an older schema, or under none, is told and never stops the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pba_simulation.belief import SYNC_IMAGE, reported

from pba_operator.domain.cluster import Invalid, read
from pba_operator.domain.database import layout
from pba_operator.domain.model import Cluster, Manifest, Observed, Plan
from pba_operator.domain.plan import plan
from pba_operator.mysql import material

MakeRaw = Callable[..., Manifest]


def told(stored: Manifest) -> str:
    """Return what the user is told of a stored object that nothing is done for."""
    cluster = read(stored)
    assert isinstance(cluster, Invalid)
    assert plan(cluster, Observed(), SYNC_IMAGE) == Plan()
    status = reported(cluster, Observed())
    found = {entry["type"]: entry for entry in status["conditions"]}
    assert (found["Ready"]["status"], found["Stalled"]["status"]) == ("False", "True")
    assert {entry["reason"] for entry in found.values()} == {"InvalidSpec"}
    return str(found["Ready"]["message"])


@pytest.mark.parametrize("path", ["/a\nbackend evil", "/a\0", "/a\t", "/a\u2028b"])
def test_a_path_that_no_file_can_hold_is_told(raw: MakeRaw, path: str) -> None:
    stored = raw(application={"probes": {"readiness": {"path": path}}}, backend={}, frontend={"image": "h"})
    message = "spec.application.probes.readiness.path: must be made of printable characters"
    assert message in told(stored)


@pytest.mark.parametrize("field", ["trustedProxyCIDRs", "access.allowCIDRs", "access.denyCIDRs"])
@pytest.mark.parametrize("cidr", ["10.0.0.0/8\nbackend evil", "010.0.0.0/8", "10.0.0.0/8/8", "all"])
def test_a_network_that_no_list_can_hold_is_told(raw: MakeRaw, field: str, cidr: str) -> None:
    outer, _, inner = field.partition(".")
    message = told(raw(backend={}, frontend={"image": "h", outer: {inner: [cidr]} if inner else [cidr]}))
    assert f"spec.frontend.{field}: must hold networks such as 203.0.113.0/24" in message


@pytest.mark.parametrize(
    ("field", "value"),
    [("cookieName", name) for name in ("", "a b", "a;b", "a\n", "__Host-a", "a'b", "%[src]", "a)", "ä")]
    + [("type", kind) for kind in ("", "cookie", "Source")],
)
def test_an_affinity_that_the_balancer_cannot_have_is_told(raw: MakeRaw, field: str, value: str) -> None:
    stored = raw(backend={}, frontend={"image": "h", "sessionAffinity": {field: value}})
    assert f"spec.frontend.sessionAffinity.{field}: must be " in told(stored)


@pytest.mark.parametrize("name", [material.ADMIN_USER, layout.PROBE_USER, "root", "mysql.sys"])
def test_an_account_that_is_not_the_applications_is_told(raw: MakeRaw, name: str) -> None:
    message = told(raw(database={"user": {"name": name}}))
    assert f'spec.database.user.name: must not be "{name}"' in message
    assert "make the PBACluster anew with another name" in message


@pytest.mark.parametrize("name", ["mysql", "SYS", "Information_Schema", "performance_schema"])
def test_a_schema_of_mysqls_own_is_told(raw: MakeRaw, name: str) -> None:
    assert f'spec.database.name: must not be "{name}"' in told(raw(database={"name": name}))


@pytest.mark.parametrize("name", ["app", "rooted", "mysql", "Pba_app", "pba"])
def test_other_accounts_are_the_applications(raw: MakeRaw, name: str) -> None:
    assert isinstance(read(raw(database={"user": {"name": name}})), Cluster)


@pytest.mark.parametrize("spec", [None, [], "text", {"application": 7}, {"application": {"image": "a"}}])
def test_what_is_no_spec_is_told(raw: MakeRaw, spec: Any) -> None:
    cluster = read({**raw(), "spec": spec})
    assert isinstance(cluster, Invalid)
    assert cluster.problem.startswith("spec")


NOTHING: tuple[Manifest, ...] = ({}, {"status": None}, {"status": {}})
"""What a PBACluster has beside its spec before anything was told of it."""


@pytest.mark.parametrize("spec", [{}, {"port": "eighty"}], ids=["usable", "invalid"])
def test_what_was_told_before_is_read(raw: MakeRaw, spec: Manifest) -> None:
    status = {"database": {"version": "9.7.4"}}
    assert read({**raw(application=spec), "status": status}).status == status
    for nothing in NOTHING:
        assert read({**raw(application=spec), **nothing}).status == {}


def test_an_invalid_one_keeps_what_was_told_before(raw: MakeRaw) -> None:
    stored = {**raw(application={"port": "eighty"}), "status": {"database": {"version": "9.7.4"}}}
    assert reported(read(stored), Observed())["database"] == {"version": "9.7.4"}
