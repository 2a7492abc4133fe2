"""The planner on a world that believes everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pba_operator.domain.cluster import Invalid, read
from pba_operator.domain.model import Apply, ChildId, Cluster, Delete, Generate, Manifest, Plan, SetFinalizer
from pba_operator.domain.plan import LOOK_AGAIN_SECONDS, REFERENCES_SECONDS, plan

MakeCluster = Callable[..., Cluster]


def _kinds(world: Any) -> set[tuple[str, str]]:
    return {(child.kind, child.name) for child in world.children}


def test_everything_wanted_is_made_and_then_nothing_is_left_to_do(
    world: Any, whole: Cluster, sync: Any
) -> None:
    world.settle(whole)
    assert {
        ("StatefulSet", "shop-mysql"),
        ("Service", "shop-mysql"),
        ("Service", "shop-mysql-primary"),
        ("Deployment", "shop-management"),
        ("Deployment", "shop-backend"),
        ("Service", "shop-backend"),
        ("Deployment", "shop-frontend"),
        ("ConfigMap", "shop-frontend"),
        ("ServiceAccount", "shop-frontend"),
        ("Role", "shop-frontend"),
        ("RoleBinding", "shop-frontend"),
        ("PodDisruptionBudget", "shop-backend"),
        ("PodDisruptionBudget", "shop-frontend"),
        ("Service", "shop"),
        ("Secret", "shop-mysql-app"),
        ("Secret", "shop-mysql-admin"),
        ("Secret", "shop-mysql-ca"),
    } <= _kinds(world)
    assert plan(whole, world.observed, sync).actions == ()


def test_the_standalone_stage_has_no_balancer_and_no_budget(world: Any, cluster: MakeCluster) -> None:
    world.settle(cluster())
    assert not [child for child in world.children if child.name in ("shop-frontend", "shop-backend")]
    assert world.children[ChildId("Service", "shop")]["spec"]["selector"]["pba.dev/component"] == "management"


def test_the_application_waits_for_the_database(world: Any, whole: Cluster, sync: Any) -> None:
    for _authority_then_certificate_then_server in range(3):
        world.carry_out(plan(whole, world.observed, sync))
    assert ChildId("Deployment", "shop-management") not in world.children
    assert ChildId("Deployment", "shop-backend") not in world.children
    assert ChildId("Deployment", "shop-frontend") in world.children
    assert ChildId("StatefulSet", "shop-mysql") in world.children


def test_a_node_that_runs_is_kept_up_to_date_while_the_database_is_away(
    world: Any, cluster: MakeCluster, sync: Any
) -> None:
    world.settle(cluster())
    world.put_pod("shop-mysql-0", "database", ready=False, revision="r1")
    decided = plan(cluster(application={"image": "app:2"}), world.observed, sync)
    applied = [action.manifest["metadata"]["name"] for action in decided.actions if isinstance(action, Apply)]
    assert applied == ["shop-management"]


def test_a_foreign_object_is_never_touched(world: Any, whole: Cluster, sync: Any) -> None:
    squatter = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop", "namespace": "default"}}
    world.put({**squatter, "spec": {"ports": []}})
    decided = plan(whole, world.observed, sync)
    touched = [action.manifest["metadata"]["name"] for action in decided.actions if isinstance(action, Apply)]
    assert "shop" not in touched
    assert "shop-frontend" in touched
    assert decided.requeue_after is not None


def test_paused_plans_nothing(world: Any, whole: Cluster, cluster: MakeCluster, sync: Any) -> None:
    world.settle(whole)
    world.children.pop(ChildId("Service", "shop"))
    paused = cluster(backend={"replicas": 7}, frontend={"image": "haproxy:3.0.11"}, paused=True)
    assert plan(paused, world.observed, sync).actions == ()


def test_a_spec_that_cannot_be_read_changes_nothing(
    world: Any, sync: Any, raw: Callable[..., Manifest]
) -> None:
    broken = read(raw("shop", application={"port": "eighty"}))
    assert isinstance(broken, Invalid)
    assert plan(broken, world.observed, sync).actions == ()
    status = world.status(broken)
    assert {entry["type"]: entry["status"] for entry in status["conditions"]} == {
        "Ready": "False",
        "Stalled": "True",
    }
    assert "port" in status["conditions"][0]["message"]


def test_a_budget_goes_when_one_pod_is_left(world: Any, whole: Cluster, cluster: MakeCluster) -> None:
    world.settle(whole)
    world.settle(cluster(backend={"replicas": 1}, frontend={"image": "haproxy:3.0.11", "replicas": 1}))
    assert not [child for child in world.children if child.kind == "PodDisruptionBudget"]


def test_the_service_moves_to_the_frontend_only_once_it_serves(
    world: Any, whole: Cluster, cluster: MakeCluster, sync: Any
) -> None:
    world.settle(cluster())
    world.carry_out(plan(whole, world.observed, sync))

    def leads_to() -> str:
        service = world.children[ChildId("Service", "shop")]
        return str(service["spec"]["selector"]["pba.dev/component"])

    assert leads_to() == "management"
    world.run_controllers(whole)
    world.settle(whole)
    assert leads_to() == "frontend"


def test_on_the_way_back_the_frontends_go_before_the_backends(
    world: Any, whole: Cluster, cluster: MakeCluster, sync: Any
) -> None:
    world.settle(whole)
    pod = world.put_pod("shop-frontend-abc", "frontend")
    alone = cluster()
    first = plan(alone, world.observed, sync)
    deleted = {action.target.kind for action in first.actions if isinstance(action, Delete)}
    assert deleted == {"PodDisruptionBudget"}
    world.carry_out(first)
    assert world.children[ChildId("Service", "shop")]["spec"]["selector"]["pba.dev/component"] == "frontend"
    world.carry_out(plan(alone, world.observed, sync))
    second = plan(alone, world.observed, sync)
    names = {
        (action.target.kind, action.target.name) for action in second.actions if isinstance(action, Delete)
    }
    assert ("Deployment", "shop-frontend") in names
    assert ("Deployment", "shop-backend") not in names
    world.carry_out(second)
    assert plan(alone, world.observed, sync).actions == ()
    world.children.pop(ChildId("Pod", pod["metadata"]["name"]))
    third = plan(alone, world.observed, sync)
    assert ("Deployment", "shop-backend") in {
        (action.target.kind, action.target.name) for action in third.actions if isinstance(action, Delete)
    }
    world.settle(alone)


def test_what_the_spec_no_longer_asks_for_goes_and_nothing_is_forgotten(
    world: Any, cluster: MakeCluster, new_world: Callable[[], Any]
) -> None:
    templates = {ChildId("ConfigMap", "templates"): {"data": {"app.conf": "x"}}}
    files = [{"path": "/etc/app.conf", "templateRef": {"name": "templates", "key": "app.conf"}}]
    world.references = templates
    everything = cluster(application={"configFiles": files}, backend={}, frontend={"image": "haproxy:3.0.11"})
    world.settle(everything)
    alone, never_more = cluster(), new_world()
    never_more.settle(alone)
    assert _kinds(world) > _kinds(never_more)
    world.settle(alone)
    assert _kinds(world) == _kinds(never_more)


def test_every_delete_names_the_uid_of_what_was_seen(
    world: Any, whole: Cluster, cluster: MakeCluster, sync: Any
) -> None:
    world.settle(whole)
    for action in plan(cluster(), world.observed, sync).actions:
        if isinstance(action, Delete):
            assert action.uid == world.children[action.target]["metadata"]["uid"]


@pytest.mark.parametrize(
    ("policy", "finalizers", "expected"),
    [
        ("Retain", (), None),
        ("Delete", (), True),
        ("Delete", ("pba.dev/cleanup",), None),
        ("Retain", ("pba.dev/cleanup",), False),
    ],
)
def test_the_finalizer_follows_the_policy(
    world: Any,
    cluster: MakeCluster,
    sync: Any,
    policy: str,
    finalizers: tuple[str, ...],
    expected: bool | None,
) -> None:
    made = cluster(deletionPolicy=policy, metadata={"finalizers": list(finalizers)})
    changes = [
        action for action in plan(made, world.observed, sync).actions if isinstance(action, SetFinalizer)
    ]
    assert [change.present for change in changes] == ([] if expected is None else [expected])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.booleans(),
    replicas=st.integers(0, 6),
    frontends=st.integers(1, 3),
    env=st.lists(st.sampled_from(["A", "B", "C"]), unique=True),
    labels=st.dictionaries(st.sampled_from(["team", "tier"]), st.sampled_from(["a", "b"])),
    drain=st.integers(0, 90),
)
def test_planning_what_was_applied_gives_nothing(
    new_world: Callable[[], Any],
    cluster: MakeCluster,
    sync: Any,
    parts: bool,
    replicas: int,
    frontends: int,
    env: list[str],
    labels: dict[str, str],
    drain: int,
) -> None:
    world = new_world()
    spec: Manifest = {
        "application": {"env": [{"name": name, "value": "1"} for name in env]},
        "childMetadata": {"labels": labels},
    }
    if parts:
        spec["backend"] = {"replicas": replicas, "drainTimeoutSeconds": drain}
        spec["frontend"] = {"image": "haproxy:3.0.11", "replicas": frontends}
    made = cluster(**spec)
    world.settle(made)
    assert plan(made, world.observed, sync).actions == ()
    assert world.status(made)["conditions"][0]["status"] == "True"


def test_credentials_are_generated_once(world: Any, whole: Cluster, sync: Any) -> None:
    first = plan(whole, world.observed, sync)
    made = {action.manifest["metadata"]["name"] for action in first.actions if isinstance(action, Generate)}
    assert "shop-mysql-app" in made
    world.settle(whole)
    assert not [
        action for action in plan(whole, world.observed, sync).actions if isinstance(action, Generate)
    ]


def _secret(**data: str) -> Manifest:
    return {"metadata": {"resourceVersion": "1"}, "data": data}


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        (None, LOOK_AGAIN_SECONDS),
        (_secret(), LOOK_AGAIN_SECONDS),
        (_secret(password="/w=="), LOOK_AGAIN_SECONDS),
        (_secret(password="aGlkZGVu"), None),
    ],
)
def test_what_no_watch_tells_is_looked_at_again(
    world: Any, cluster: MakeCluster, sync: Any, secret: Manifest | None, expected: float | None
) -> None:
    asks = cluster(database={"user": {"passwordSecretRef": {"name": "theirs", "key": "password"}}})
    world.references = {ChildId("Secret", "theirs"): secret}
    decided = plan(asks, world.observed, sync)
    assert decided.requeue_after == expected
    assert decided.references_after == REFERENCES_SECONDS


def test_who_refers_to_nothing_is_not_looked_at_again(world: Any, whole: Cluster, sync: Any) -> None:
    world.settle(whole)
    decided = plan(whole, world.observed, sync)
    assert decided == Plan(wanted=decided.wanted), "nothing to do, nothing pending, no time to look again"
