"""Bug class: API pressure. Rights taken away and given back, a type that is changed, an API server that is slow."""

from __future__ import annotations

import copy
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pba_faults.script import Late
from pba_faults.trial import Trial
from pba_simulation.real import Object, eventually

from pba_hack.apiserver import ApiServer
from pba_hack.crd import NAME as CRD
from pba_hack.generate.manifests import CHART, NAMESPACE

RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SLOW = 2.5
"""Seconds until anything is answered."""


class Rights:
    """The chart's rights in one namespace, for a ServiceAccount; they can be taken away, and given back."""

    def __init__(self, trial: Trial, rules: list[Any]) -> None:
        self._server: ApiServer = trial.place.server
        self._namespace: str = trial.place.name
        self._post(
            f"/api/v1/namespaces/{self._namespace}/serviceaccounts", {"metadata": {"name": "operator"}}
        )
        self._post(self._path("roles"), {"metadata": {"name": "operator"}, "rules": rules})
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        accounts = f"/api/v1/namespaces/{self._namespace}/serviceaccounts/operator/token"
        config = json.loads(trial.road.kubeconfig.read_text())
        config["users"][0]["user"] = {"token": self._post(accounts, asked)["status"]["token"]}
        trial.road.kubeconfig.write_text(json.dumps(config))

    def _path(self, what: str) -> str:
        return f"{RBAC}/{self._namespace}/{what}"

    def _post(self, path: str, body: Any) -> Any:
        answer = self._server.request("POST", path, body)
        assert answer.ok, answer.data.decode()
        return answer.body

    def give(self) -> None:
        binding = {
            "metadata": {"name": "operator"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "operator"},
            "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": self._namespace}],
        }
        self._post(self._path("rolebindings"), binding)
        eventually(self._may_write, "the API server does not grant what was given")

    def take(self) -> None:
        answer = self._server.request("DELETE", f"{self._path('rolebindings')}/operator")
        assert answer.ok, answer.data.decode()
        eventually(lambda: not self._may_write(), "the API server still grants what was taken away")

    def _may_write(self) -> bool:
        """Ask the API server, whose authorizer hears of bindings by a watch, a moment later."""
        about = {"verb": "patch", "group": "apps", "resource": "deployments", "namespace": self._namespace}
        user = f"system:serviceaccount:{self._namespace}:operator"
        review = {"spec": {"user": user, "resourceAttributes": about}}
        return bool(self._post(REVIEWS, review)["status"]["allowed"])


@pytest.fixture
def rights(trial: Trial, charts: Any) -> Rights:
    """The operator's rights, not given yet."""
    rendered = charts.rendered(CHART, f"--set=watchNamespaces={{{NAMESPACE}}}")
    rules = [rule for found in rendered if found["kind"] == "Role" for rule in found["rules"]]
    assert rules
    return Rights(trial, rules)


def _counted(trial: Trial, metric: str, label: str) -> float:
    """Return what the operator's metrics count under a label; 0 while it does not answer yet."""
    url = f"http://127.0.0.1:{trial.operator.configuration.http_port}/metrics"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            lines = answer.read().decode().splitlines()
    except urllib.error.URLError:
        return 0.0
    found = [line for line in lines if line.startswith(f"{metric}{{") and label in line]
    return sum(float(line.rpartition(" ")[2]) for line in found)


def _refused(trial: Trial) -> float:
    """Return how many requests were refused for want of rights."""
    return _counted(trial, "pba_operator_api_requests_total", 'code="403"')


def test_api_pressure_rights_are_taken_away_and_given_back(
    trial: Trial, rights: Rights, shop: Callable[..., Object]
) -> None:
    rights.give()
    trial.begin()
    trial.place.create(shop())
    trial.until(trial.is_at_rest, "ready", 60)
    assert _refused(trial) == 0
    rights.take()
    before = len(trial.judge.writes())
    trial.edit(backend={"replicas": 5})
    eventually(lambda: _refused(trial) >= 2, "the metrics tell of it")
    assert trial.replicas() == 3
    assert len(trial.judge.writes()) == before, "without rights nothing is done"
    rights.give()
    trial.catch_up(lambda: trial.replicas() == 5)
    trial.get_well()
    trial.assert_right()
    trial.assert_at_rest()


def test_api_pressure_an_operator_that_begins_without_rights_begins_once_it_has_them(
    trial: Trial, rights: Rights, shop: Callable[..., Object]
) -> None:
    trial.place.create(shop())
    operator = trial.prepare()
    eventually(lambda: _refused(trial) >= 3, "the metrics tell of it")
    status, why = trial.probe("readyz")
    assert (status, why) == (503, "the cache is not filled yet")
    assert not operator.leads
    rights.give()
    trial.until(trial.is_well, "ready", 60)
    trial.get_well()
    trial.assert_right()


@pytest.fixture
def newer_type(api_server: ApiServer) -> Iterator[Callable[[], None]]:
    """Change the type as a later release would: a field more, and another description. It is changed back."""
    path = f"{CRDS}/{CRD}"
    before = api_server.request("GET", path).body

    def change(to: Any) -> None:
        live = api_server.request("GET", path).body
        answer = api_server.request("PUT", path, {**live, "spec": to})
        assert answer.ok, answer.data.decode()

    def upgrade() -> None:
        after = copy.deepcopy(before["spec"])
        spec = after["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
        spec["properties"]["flavour"] = {"type": "string", "description": "Of a later release."}
        spec["properties"]["paused"]["description"] = "Said in another way."
        change(after)

    yield upgrade
    change(before["spec"])


def test_api_pressure_the_type_is_changed_under_a_running_operator(
    settled: Trial, newer_type: Callable[[], None]
) -> None:
    before = settled.judge.writes()
    newer_type()

    def is_kept() -> bool:
        settled.edit(flavour="vanilla")
        live = settled.place.get("PBACluster", "shop")
        return bool(live and live["spec"].get("flavour") == "vanilla")

    eventually(is_kept, "the new field is not served", 30)
    settled.until(settled.is_well, "the new generation is seen", 20)
    after = settled.judge.writes()[len(before) :]
    assert {write.target for write in after} <= {"pbaclusters/shop/status"}, "no child is touched"
    settled.edit(backend={"replicas": 5})
    settled.catch_up(lambda: settled.replicas() == 5)
    settled.get_well()
    settled.assert_right()
    settled.assert_at_rest()


def test_api_pressure_an_api_server_that_is_slow_is_waited_for(
    trial: Trial, shop: Callable[..., Object]
) -> None:
    """A whole roll-out takes longer than one reconcile may: what the next one finds done is not done again."""
    trial.begin()
    # The Lease less so: else a moment in which the machine stands still costs it, and the operator ends.
    trial.road.rule(Late(SLOW / 2), lambda exchange: exchange.kind == "Lease", times=float("inf"))
    rule = trial.road.rule(
        Late(SLOW), lambda exchange: exchange.verb != "WATCH" and exchange.kind != "Lease", times=float("inf")
    )
    trial.place.create(shop())
    trial.until(trial.is_well, "ready", 240)
    assert len([exchange for exchange in rule.met if exchange.is_write]) > 20
    assert _counted(trial, "pba_operator_reconcile_total", 'result="deadline"') > 0, (
        "it took several reconciles"
    )
    trial.assert_right()
    trial.road.clear()
    trial.assert_at_rest()
