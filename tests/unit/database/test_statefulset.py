"""The members' StatefulSet: what can never be changed, how its pods run, and when they are made anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pba_operator.domain import database
from pba_operator.domain.database import layout, start_script
from pba_operator.domain.model import Apply, ChildId, Delete

World = Any
POD = ChildId("Pod", "shop-mysql-0")


def _stateful(world: World) -> dict[str, Any]:
    live: dict[str, Any] = world.get("StatefulSet", "shop-mysql")
    return live


def _deletes(world: World) -> list[Delete]:
    return [step for step in world.due() if isinstance(step, Delete)]


def test_what_cannot_be_changed_later_is_right(settled: World) -> None:
    spec = _stateful(settled)["spec"]
    assert spec["podManagementPolicy"] == "Parallel"
    assert spec["updateStrategy"] == {"type": "OnDelete"}
    assert spec["serviceName"] == "shop-mysql"
    assert spec["selector"] == {"matchLabels": {"pba.dev/cluster": "shop", "pba.dev/component": "database"}}
    assert [template["metadata"]["name"] for template in spec["volumeClaimTemplates"]] == ["data"]
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}


def test_its_pods_are_restricted_and_run_mysqld_by_our_script(settled: World) -> None:
    pod = _stateful(settled)["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] == 999
    (container,) = pod["containers"]
    assert container["command"] == ["/bin/sh", "/etc/pba/mysql/start.sh"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert "livenessProbe" not in container
    readiness = container["readinessProbe"]
    assert readiness["failureThreshold"] * (readiness["periodSeconds"] + readiness["timeoutSeconds"]) <= 30
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]} | {"data"}
    admin = next(volume for volume in pod["volumes"] if volume["name"] == "admin")
    assert [item["key"] for item in admin["secret"]["items"]] == ["init.sql"]


def test_the_script_and_the_pod_agree_on_places_and_no_value_is_in_the_script(settled: World) -> None:
    script = settled.get("ConfigMap", "shop-mysql")["data"]["start.sh"]
    assert script == start_script.START_SCRIPT
    container = _stateful(settled)["spec"]["template"]["spec"]["containers"][0]
    for variable in container["env"]:
        assert variable["name"] in script
    for place in (layout.DATA_DIR, layout.UNFINISHED_DIR, layout.CONFIG_DIR, layout.ADMIN_DIR):
        assert place in script
    assert "shop" not in script


def test_services_lead_to_members_and_to_the_primary(settled: World) -> None:
    headless = settled.get("Service", "shop-mysql")["spec"]
    assert headless["clusterIP"] == "None"
    assert headless["publishNotReadyAddresses"] is True
    primary = settled.get("Service", "shop-mysql-primary")["spec"]
    assert "publishNotReadyAddresses" not in primary
    assert primary["selector"] == {"pba.dev/cluster": "shop", "pba.dev/component": "database"}


def test_a_change_restarts_the_pod_once_and_only_when_its_revision_is_known(
    settled: World, cluster: Callable[..., Any]
) -> None:
    before = settled.children[POD]["metadata"]["uid"]
    settled.cluster = cluster(config={"max_connections": "500"})
    first = settled.due()
    assert {step.manifest["kind"] for step in first if isinstance(step, Apply)} == {
        "ConfigMap",
        "StatefulSet",
    }
    assert _deletes(settled) == []
    for action in first:
        settled.act(action)
    assert _deletes(settled) == []
    assert settled.reasons() == ["RollingOut"]
    assert not database.ready(settled.cluster, settled.observed)
    settled.run_controllers()
    assert _deletes(settled) == [Delete(POD, before)]
    settled.settle()
    assert settled.children[POD]["metadata"]["uid"] != before
    assert settled.reasons() == []


def test_a_pod_that_is_going_already_is_not_deleted_again(
    settled: World, cluster: Callable[..., Any]
) -> None:
    settled.cluster = cluster(image="mysql:9.8.0")
    for action in settled.due():
        settled.act(action)
    settled.run_controllers()
    settled.children[POD]["metadata"]["deletionTimestamp"] = "2026-11-24T00:00:00Z"
    assert _deletes(settled) == []
    assert settled.reasons() == ["Terminating"]


def test_a_pod_is_not_restarted_for_a_template_that_is_about_to_change(
    settled: World, cluster: Callable[..., Any]
) -> None:
    settled.cluster = cluster(image="mysql:9.8.0")
    for action in settled.due():
        settled.act(action)
    settled.run_controllers()
    settled.cluster = cluster(image="mysql:9.8.1")
    assert _deletes(settled) == []


def test_a_pod_that_is_older_than_its_controllers_first_status_is_left_alone(settled: World) -> None:
    """The pod is made first: until the status says of which revision it is, it is not known to be current."""
    _stateful(settled)["status"] = {"replicas": 0}
    assert _deletes(settled) == []
    assert settled.reasons() == ["RollingOut"]
    assert not database.ready(settled.cluster, settled.observed)


@pytest.mark.parametrize("gone", ["metadata", "pod", "controller"])
def test_without_a_pod_of_ours_nothing_is_deleted(settled: World, gone: str) -> None:
    if gone == "metadata":
        _stateful(settled)["metadata"]["annotations"] = None
    elif gone == "pod":
        del settled.children[POD]
        assert settled.reasons() == ["Creating"]
    else:
        settled.children[POD]["metadata"]["ownerReferences"] = [{"uid": "another", "controller": True}]
        assert settled.reasons() == ["Creating"]
    assert _deletes(settled) == []


def test_an_update_of_the_operator_restarts_nothing(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_script, "START_SCRIPT", "#!/bin/sh\n# newer\n")
    changed = [step.manifest["kind"] for step in settled.due()]
    assert changed == ["ConfigMap"]


def test_one_that_exists_keeps_its_template_while_a_secret_is_away(settled: World) -> None:
    del settled.children[ChildId("Secret", "shop-mysql-admin")]
    assert not any(step.manifest["kind"] == "StatefulSet" for step in settled.due())
    _stateful(settled)["spec"]["template"]["metadata"]["annotations"] = None
    applied = [step.manifest for step in settled.due() if isinstance(step, Apply)]
    (stateful,) = [manifest for manifest in applied if manifest["kind"] == "StatefulSet"]
    assert stateful["spec"]["template"]["metadata"]["annotations"] == {"pba.dev/config-hash": ""}


def test_without_a_statefulset_the_first_word_is_that_it_is_being_made(
    new_world: Callable[..., World],
) -> None:
    assert new_world().reasons() == ["Creating"]


def test_a_foreign_statefulset_is_nothing_of_ours(settled: World) -> None:
    _stateful(settled)["metadata"]["ownerReferences"] = []
    assert settled.reasons() == ["Creating"]
    assert not database.ready(settled.cluster, settled.observed)


def test_settings_of_the_role_reach_the_pod(settled: World, cluster: Callable[..., Any]) -> None:
    settled.cluster = cluster(
        pod={"resources": {"limits": {"memory": "1Gi"}}, "nodeSelector": {"disk": "fast"}}
    )
    settled.settle()
    pod = _stateful(settled)["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"disk": "fast"}
    assert pod["containers"][0]["resources"] == {"limits": {"memory": "1Gi"}}
