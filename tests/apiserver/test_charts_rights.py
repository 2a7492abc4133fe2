"""The chart grants what the operator does, and no right too many."""

import dataclasses
from functools import partial
from typing import Any

import pytest

from pba_hack.apiserver import ApiServer
from pba_hack.generate.manifests import CHART, NAMESPACE
from pba_hack.waiting import wait_for
from pba_operator.kube import kinds


@pytest.mark.parametrize("options", [(), ("--set=replicas=2",), ("--set=watchNamespaces={one,two}",)])
def test_no_rule_has_a_wildcard_or_lets_rights_grow(charts: Any, options: tuple[str, ...]) -> None:
    for manifest in charts.rendered(CHART, *options):
        for rule in manifest.get("rules", ()):
            words = {word for values in rule.values() for word in values}
            assert not words & {"*", "escalate", "bind", "impersonate", "pods/exec", "nodes", "namespaces"}, (
                rule
            )


@pytest.fixture(scope="module")
def operator(charts: Any) -> ApiServer:
    """The API server as the operator reaches it in namespace `one`, with nothing but its chart's rights there."""
    rights = [m for m in charts.rendered(CHART, "--set=watchNamespaces={one}") if m["kind"] != "Deployment"]
    for manifest in rights:
        answer = charts.apply(manifest)
        assert answer.ok, answer.data.decode()
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/pba-operator/token"
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    answer = charts.server.request("POST", path, asked)
    server: ApiServer = charts.server
    made = dataclasses.replace(server, token=answer.body["status"]["token"])
    # the authorizer hears of bindings by a watch, a moment later
    wait_for("the rights over children", lambda: may(made, "get", kinds.CHILDREN[0], "one"), 30)
    lease = partial(may, made, "get", kinds.LEASE, NAMESPACE, name="pba-operator")
    wait_for("the rights over the Lease", lease, 30)
    return made


def may(
    operator: ApiServer, verb: str, kind: kinds.Kind, namespace: str, subresource: str = "", *, name: str = ""
) -> bool:
    attributes = {
        "verb": verb,
        "group": kind.group,
        "resource": kind.plural,
        "namespace": namespace,
        "subresource": subresource,
        "name": name,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = operator.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    return bool(answer.body["status"]["allowed"])


MADE_BY_OTHERS = ("Pod",)


@pytest.mark.parametrize("kind", kinds.CHILDREN, ids=lambda kind: kind.name)
def test_operator_may_do_with_its_children_what_it_does(operator: ApiServer, kind: kinds.Kind) -> None:
    verbs = {"get", "list", "watch", "delete"}
    if kind.name not in MADE_BY_OTHERS:
        verbs |= {"create", "patch"}
    assert {verb for verb in verbs if not may(operator, verb, kind, "one")} == set()
    assert not may(operator, "deletecollection", kind, "one")
    assert not may(operator, "get", kind, "two")
    assert not may(operator, "get", kind, "kube-system")


def test_operator_may_write_a_pbaclusters_status_and_marks_alone(operator: ApiServer) -> None:
    for verb in ("get", "list", "watch", "patch"):
        assert may(operator, verb, kinds.CLUSTER, "one")
    for verb in ("create", "delete", "update"):
        assert not may(operator, verb, kinds.CLUSTER, "one")
    assert may(operator, "patch", kinds.CLUSTER, "one", "status")
    assert may(operator, "update", kinds.CLUSTER, "one", "finalizers")
    assert not may(operator, "patch", kinds.CLUSTER, "one", "scale")


def test_operator_may_tell_and_lead(operator: ApiServer) -> None:
    assert may(operator, "create", kinds.EVENT, "one")
    assert may(operator, "patch", kinds.EVENT, "one")
    assert may(operator, "list", kinds.EVENT, "one")
    assert not may(operator, "watch", kinds.EVENT, "one")
    assert may(operator, "create", kinds.LEASE, NAMESPACE)
    for verb in ("get", "update"):
        assert may(operator, verb, kinds.LEASE, NAMESPACE, name="pba-operator")
        assert not may(operator, verb, kinds.LEASE, NAMESPACE, name="of-another-release")
    assert not may(operator, "get", kinds.LEASE, "one")


def role(resource: str, verb: str) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "sidecar", "namespace": "one"},
        "rules": [{"apiGroups": ["discovery.k8s.io"], "resources": [resource], "verbs": [verb]}],
    }


def test_operator_can_grant_what_its_sidecar_needs_and_no_more(charts: Any, operator: ApiServer) -> None:
    for verb in ("list", "watch"):
        granted = charts.apply(role("endpointslices", verb), operator)
        assert granted.ok, granted.data.decode()
    refused = charts.apply(role("endpointslices", "delete"), operator)
    assert refused.status == 403
    assert "attempting to grant RBAC permissions not currently held" in refused.body["message"]


def test_a_namespaces_editors_and_viewers_come_to_hold_pbaclusters(charts: Any) -> None:
    by_name = {m["metadata"]["name"]: m for m in charts.rendered(CHART) if m["kind"] == "ClusterRole"}
    view, edit = (by_name[f"pba-operator:{NAMESPACE}:{which}"] for which in ("view", "edit"))
    assert view["rules"][0]["verbs"] == ["get", "list", "watch"]
    assert "rbac.authorization.k8s.io/aggregate-to-view" in view["metadata"]["labels"]
    assert "rbac.authorization.k8s.io/aggregate-to-view" not in edit["metadata"]["labels"]
