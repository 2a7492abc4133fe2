"""The database from nothing to serving, and what the rest of the planner sees of it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pba_operator.domain import database
from pba_operator.domain.model import (
    AccountState,
    ChildId,
    Cluster,
    DatabaseObservation,
    Delete,
    EnsureAccounts,
    Generate,
    Observed,
)

MakeCluster = Callable[..., Cluster]
World = Any
KEPT = {
    ChildId("PersistentVolumeClaim", "data-shop-mysql-0"),
    ChildId("Secret", "shop-mysql-admin"),
    ChildId("Secret", "shop-mysql-app"),
    ChildId("Secret", "shop-mysql-ca"),
}
OWN_PASSWORD = {"name": "app", "passwordSecretRef": {"name": "mine", "key": "pw"}}


def secret(**data: str) -> dict[str, Any]:
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    return {"kind": "Secret", "metadata": {"name": "mine", "resourceVersion": "7"}, "data": encoded}


def test_from_nothing_to_serving_and_then_nothing_is_left_to_do(settled: World) -> None:
    assert settled.due() == []
    assert settled.reasons() == []
    assert database.ready(settled.cluster, settled.observed)
    assert not database.blocked(settled.cluster, settled.observed)
    assert {child for child in settled.children if child.kind != "Pod"} == KEPT | {
        ChildId("ConfigMap", "shop-mysql"),
        ChildId("Secret", "shop-mysql-tls"),
        ChildId("Service", "shop-mysql"),
        ChildId("Service", "shop-mysql-primary"),
        ChildId("StatefulSet", "shop-mysql"),
    }


def test_secrets_come_first_then_the_volume_then_the_server(new_world: Callable[..., World]) -> None:
    world = new_world()
    seen: list[ChildId] = []
    for _round in range(6):
        for action in world.due():
            world.act(action)
            seen.extend(child for child in world.children if child not in seen)
    order = {child.name if child.kind == "Secret" else child.kind: index for index, child in enumerate(seen)}
    assert order["shop-mysql-ca"] < order["shop-mysql-tls"] < order["PersistentVolumeClaim"]
    assert max(order["shop-mysql-admin"], order["shop-mysql-app"]) < order["PersistentVolumeClaim"]
    assert order["PersistentVolumeClaim"] < order["StatefulSet"]
    assert order["ConfigMap"] < order["StatefulSet"]


def test_killed_after_any_write_it_goes_on_to_the_same_end(
    new_world: Callable[..., World], settled: World
) -> None:
    for writes in range(1, 14):
        world = new_world()
        left = writes
        while left > 0 and (due := world.due()):
            for action in due[:left]:
                world.act(action)
            left -= len(due[:left])
            assert "RetainedSetIncomplete" not in world.reasons()
        world.settle()
        assert world.children.keys() == settled.children.keys()
        assert world.reasons() == []


def test_a_generated_password_or_the_users_own(new_world: Callable[..., World]) -> None:
    world = new_world(user=OWN_PASSWORD)
    assert database.references(world.cluster.spec) == (ChildId("Secret", "mine"),)
    assert database.references(new_world().cluster.spec) == ()
    world.references[ChildId("Secret", "mine")] = secret(pw="s3cret")
    world.settle()
    assert ChildId("Secret", "shop-mysql-app") not in world.children
    connection = database.environment(world.cluster, world.observed)
    assert connection is not None
    assert (connection.password_secret, connection.password_key) == ("mine", "pw")
    assert connection.password == "s3cret"
    assert "s3cret" not in repr(connection)
    assert database.status(world.cluster, world.observed)["credentialsSecretRef"] == {"name": "mine"}


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, "SecretMissing"),
        (secret(other="x"), "SecretKeyMissing"),
        ({"kind": "Secret", "metadata": {"name": "mine"}}, "SecretKeyMissing"),
        (secret(pw=""), "SecretKeyMissing"),
        (secret(pw="a\0b"), "SecretKeyInvalid"),
        ({"data": {"pw": "/w=="}}, "SecretKeyInvalid"),
        ({"data": {"pw": "not base64!"}}, "SecretKeyInvalid"),
    ],
)
def test_a_password_that_cannot_be_had_blocks_all_until_it_can(
    new_world: Callable[..., World], found: Any, reason: str
) -> None:
    world = new_world(user=OWN_PASSWORD)
    world.references[ChildId("Secret", "mine")] = found
    assert world.reasons()[0] == reason
    problem = database.problems(world.cluster, world.observed)[0]
    assert problem.stalled
    assert '"mine"' in problem.message
    assert database.blocked(world.cluster, world.observed)
    assert database.actions(world.cluster, world.observed) == []
    assert database.environment(world.cluster, world.observed) is None
    world.references[ChildId("Secret", "mine")] = secret(pw="good")
    world.settle()
    assert world.reasons() == []


def test_what_the_application_is_given(settled: World) -> None:
    connection = database.environment(settled.cluster, settled.observed)
    assert connection is not None
    assert connection.host == "shop-mysql-primary.default.svc"
    assert (connection.port, connection.database, connection.user) == (3306, "app", "app")
    assert (connection.password_secret, connection.password_key) == ("shop-mysql-app", "password")
    assert (connection.ca_secret, connection.ca_key) == ("shop-mysql-ca", "ca.crt")
    settled.get("Secret", "shop-mysql-app")["data"]["password"] = base64.b64encode(b"new").decode()
    changed = database.environment(settled.cluster, settled.observed)
    assert changed is not None
    assert changed.fingerprint != connection.fingerprint


def test_the_status_names_what_runs(new_world: Callable[..., World], settled: World) -> None:
    assert database.status(settled.cluster, settled.observed) == {
        "host": "shop-mysql-primary.default.svc",
        "credentialsSecretRef": {"name": "shop-mysql-app"},
        "version": "9.7.4",
        "primary": "shop-mysql-0",
        "members": 1,
        "readyMembers": 1,
        "memberStates": [{"name": "shop-mysql-0", "role": "Primary", "state": "Online", "nodeName": "w1"}],
    }
    nothing = new_world(status={"database": {"version": "9.7.3"}})
    status = database.status(nothing.cluster, nothing.observed)
    assert (status["version"], status["primary"], status["memberStates"]) == ("9.7.3", "", [])
    settled.put_pod("r1", ready=False)
    status = database.status(settled.cluster, settled.observed)
    assert (status["readyMembers"], status["memberStates"][0]["state"]) == (0, "Offline")
    assert database.status(new_world().cluster, Observed())["version"] == ""
    settled.get("Pod", "shop-mysql-0")["spec"] = {}
    (waits_for_a_machine,) = database.status(settled.cluster, settled.observed)["memberStates"]
    assert waits_for_a_machine["nodeName"] == ""


def _question(world: World) -> EnsureAccounts | None:
    steps = database.actions(world.cluster, world.observed)
    return next((step for step in steps if isinstance(step, EnsureAccounts)), None)


def test_mysql_is_asked_again_after_a_restart_and_after_a_change_of_a_secret(settled: World) -> None:
    assert _question(settled) is None
    for change in ("restart", "shop-mysql-admin", "shop-mysql-app", "shop-mysql-ca"):
        if change == "restart":
            settled.get("Pod", "shop-mysql-0")["status"]["containerStatuses"][0]["restartCount"] += 1
        else:
            settled.put("Secret", change)
        question = _question(settled)
        assert question is not None
        assert not database.ready(settled.cluster, settled.observed)
        assert settled.reasons() == ["Starting"]
        settled.act(question)
        assert database.ready(settled.cluster, settled.observed)
    assert settled.answer.asked.host == "shop-mysql-0.shop-mysql.default.svc"


def test_mysql_is_not_asked_before_its_pod_is_ready(settled: World) -> None:
    settled.answer = DatabaseObservation()
    settled.put_pod("r1", ready=False)
    assert _question(settled) is None
    assert not database.ready(settled.cluster, settled.observed)


def test_a_bad_answer_is_told_and_not_asked_for_again_by_itself(settled: World) -> None:
    for state, stalled in ((AccountState.UNREACHABLE, False), (AccountState.REFUSED, True)):
        settled.answer = replace(settled.answer, state=state, detail="it is read-only")
        problem = database.problems(settled.cluster, settled.observed)[0]
        assert (problem.reason, problem.stalled) == ("AccountsFailed", stalled)
        assert "it is read-only" in problem.message
        assert _question(settled) is None


def test_the_retained_objects_are_those_with_this_clusters_mark(settled: World) -> None:
    settled.put("Secret", "other", metadata={"name": "other", "labels": {"pba.dev/cluster-uid": "else"}})
    found = database.retained_children(settled.cluster, settled.observed)
    assert {ChildId.of(live) for live in found} == KEPT


def test_nothing_is_planned_for_options_that_are_the_operators(new_world: Callable[..., World]) -> None:
    world = new_world(config={"datadir": "/elsewhere", "max_connections": "500"})
    problem = database.problems(world.cluster, world.observed)[0]
    assert (problem.reason, problem.stalled) == ("ConfigRefused", True)
    assert "datadir" in problem.message
    assert "max_connections" not in problem.message
    assert world.due() == []


def test_a_secret_that_was_deleted_is_made_anew_and_the_server_restarted_with_it(settled: World) -> None:
    for name in ("shop-mysql-admin", "shop-mysql-tls", "shop-mysql-ca", "shop-mysql-app"):
        pod = settled.get("Pod", "shop-mysql-0")["metadata"]["uid"]
        del settled.children[ChildId("Secret", name)]
        first = settled.due()
        assert [step.manifest["metadata"]["name"] for step in first if isinstance(step, Generate)] == [name]
        assert not any(isinstance(step, Delete) for step in first)
        settled.settle()
        assert settled.reasons() == []
        restarted = settled.get("Pod", "shop-mysql-0")["metadata"]["uid"] != pod
        assert restarted == (name != "shop-mysql-app")


def test_a_secret_that_lost_a_key_is_told_and_a_certificate_is_made_anew(settled: World) -> None:
    del settled.get("Secret", "shop-mysql-tls")["data"]["tls.key"]
    settled.settle()
    assert "tls.key" in settled.get("Secret", "shop-mysql-tls")["data"]
    for name, key in (("admin", "init.sql"), ("ca", "ca.crt"), ("app", "password")):
        data = settled.get("Secret", f"shop-mysql-{name}")["data"]
        lost = data.pop(key)
        problem = database.problems(settled.cluster, settled.observed)[0]
        assert (problem.reason, problem.stalled) == ("SecretKeyMissing", True)
        assert f"shop-mysql-{name}" in problem.message
        assert key in problem.message
        assert settled.due() == []
        data[key] = lost
    settled.settle()
    assert settled.reasons() == []


def test_labels_for_all_children_reach_what_is_kept_and_leave_it_again(
    settled: World, cluster: MakeCluster
) -> None:
    settled.cluster = cluster(childMetadata={"labels": {"team": "billing"}})
    settled.settle()
    secrets_and_volume = KEPT | {ChildId("Secret", "shop-mysql-tls")}
    for child in secrets_and_volume:
        assert settled.children[child]["metadata"]["labels"]["team"] == "billing"
    settled.cluster = cluster()
    changed = {step.manifest["metadata"]["name"] for step in settled.due()}
    assert {child.name for child in secrets_and_volume} <= changed
