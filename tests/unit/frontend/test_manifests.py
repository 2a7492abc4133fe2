from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from pba_api.identity import ANNOTATION_CONFIG_HASH, selector
from pba_api.parse import parse_spec
from pba_hack.waiting import wait_for
from pba_operator.domain.frontend import SyncImage, manifests
from pba_operator.domain.model import Cluster, Observed
from pba_sync.settings import read_settings

SYNC = SyncImage("localhost/pba-sync:1", "Never")
SPEC: dict[str, Any] = {
    "application": {"image": "app:1"},
    "database": {"image": "mysql:9.7.4", "storage": {"size": "1Gi"}},
    "backend": {"drainTimeoutSeconds": 20},
    "frontend": {"image": "haproxy:3.0.11", "replicas": 3},
}
Change = Callable[[dict[str, Any]], object]


def made(change: Change | None = None) -> dict[str, dict[str, Any]]:
    spec = deepcopy(SPEC)
    if change:
        change(spec)
    cluster = Cluster("shop-space", "shop", "uid", 1, False, (), parse_spec(spec), {})
    return {manifest["kind"]: manifest for manifest in manifests(cluster, Observed(), SYNC)}


def pod(change: Change | None = None) -> dict[str, Any]:
    template: dict[str, Any] = made(change)["Deployment"]["spec"]["template"]
    return template


def container(name: str, change: Change | None = None) -> dict[str, Any]:
    spec = pod(change)["spec"]
    return next(entry for entry in [*spec["initContainers"], *spec["containers"]] if entry["name"] == name)


def test_what_others_need_comes_first() -> None:
    kinds = ["Service", "ServiceAccount", "Role", "RoleBinding", "ConfigMap", "Deployment"]
    assert list(made()) == kinds
    names = {kind: manifest["metadata"]["name"] for kind, manifest in made().items()}
    assert names.pop("Service") == "shop-backend"
    assert set(names.values()) == {"shop-frontend"}


@pytest.mark.parametrize("absent", ["frontend", "backend"])
def test_without_frontend_or_backend_there_is_nothing(absent: str) -> None:
    both = {"frontend", "backend"}
    spec = {key: value for key, value in SPEC.items() if key not in both | {absent}}
    cluster = Cluster("shop-space", "shop", "uid", 1, False, (), parse_spec(spec), {})
    assert manifests(cluster, Observed(), SYNC) == []


def test_selectors_are_exactly_ours() -> None:
    assert made()["Deployment"]["spec"]["selector"] == {"matchLabels": selector("shop", "frontend")}
    assert made()["Service"]["spec"]["selector"] == selector("shop", "backend")


def test_the_selector_service_is_headless_and_tells_readiness() -> None:
    spec = made(lambda spec: spec["application"].update(port=3000))["Service"]["spec"]
    assert (spec["clusterIP"], spec["publishNotReadyAddresses"]) == ("None", False)
    assert spec["ports"] == [{"name": "http", "port": 3000, "targetPort": "http", "protocol": "TCP"}]


def test_the_sidecar_may_only_follow_endpoint_slices() -> None:
    assert made()["Role"]["rules"] == [
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ]
    assert made()["RoleBinding"]["subjects"] == [
        {"kind": "ServiceAccount", "name": "shop-frontend", "namespace": "shop-space"},
    ]


def test_the_token_is_the_sidecars_alone() -> None:
    spec = pod()["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert made()["ServiceAccount"]["automountServiceAccountToken"] is False
    mounts = {
        name: {mount["name"] for mount in container(name)["volumeMounts"]} for name in ("haproxy", "sync")
    }
    assert mounts == {"haproxy": {"config", "runtime"}, "sync": {"token", "runtime"}}


def test_both_containers_are_restricted_and_one_user() -> None:
    context = pod()["spec"]["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] > 0
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    for name in ("haproxy", "sync"):
        assert container(name)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }


def test_haproxy_runs_itself_whatever_the_images_entrypoint() -> None:
    haproxy = container("haproxy")
    assert haproxy["image"] == "haproxy:3.0.11"
    assert haproxy["command"] == ["haproxy", "-W", "-db", "-f", "/etc/haproxy-pba/haproxy.cfg"]
    assert haproxy["ports"] == [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]


def test_the_sidecar_outlives_haproxy_and_comes_from_the_operators_configuration() -> None:
    sync = container("sync")
    assert sync["restartPolicy"] == "Always"
    assert [entry["name"] for entry in pod()["spec"]["initContainers"]] == ["sync"]
    assert (sync["image"], sync["imagePullPolicy"]) == (SYNC.reference, SYNC.pull_policy)


def test_the_sidecar_is_told_what_to_follow_and_how_long_a_node_may_take() -> None:
    variables = {entry["name"]: entry.get("value") for entry in container("sync")["env"]}
    assert variables["PBA_NAMESPACE"] == "shop-space"
    assert variables["PBA_BACKEND_SERVICE"] == "shop-backend"
    assert variables["PBA_DRAIN_SECONDS"] == "80", "20 s until it is told to stop, 60 s to finish"
    assert variables["PBA_HAPROXY_SOCKET"] == "/run/haproxy/admin.sock"


def test_the_sidecar_finds_every_setting_that_it_needs() -> None:
    fields = {"status.podIPs": "10.0.0.7,fd00::7"}
    variables = {
        entry["name"]: entry["value"]
        if "value" in entry
        else fields[entry["valueFrom"]["fieldRef"]["fieldPath"]]
        for entry in container("sync")["env"]
    }
    settings = read_settings(variables)
    mounts = {mount["mountPath"] for mount in container("sync")["volumeMounts"]}
    assert {str(settings.socket.parent), str(settings.token_folder)} == mounts
    assert [settings.http_port] == [port["containerPort"] for port in container("sync")["ports"]]
    assert settings.port_name == made()["Service"]["spec"]["ports"][0]["name"]
    assert settings.listen == "::"


def test_only_haproxy_decides_on_readiness() -> None:
    assert container("haproxy")["readinessProbe"]["httpGet"] == {"path": "/ready", "port": 8405}
    assert "readinessProbe" not in container("sync")
    assert container("sync")["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": 8404}


def test_the_pod_may_take_as_long_to_end_as_its_clients_may_be_idle() -> None:
    (shell, option, text) = container("haproxy")["lifecycle"]["preStop"]["exec"]["command"]
    rounds = re.search(r"-lt (\d+) \]; do sleep 0\.2", text)
    assert rounds is not None
    drain = int(rounds[1]) / 5
    config = made()["ConfigMap"]["data"]["haproxy.cfg"]
    silent = [
        int(seconds) for seconds in re.findall(r"timeout (?:client|http-keep-alive|server) (\d+)s\n", config)
    ]
    assert f"hard-stop-after {drain:g}s\n" in config
    assert pod()["spec"]["terminationGracePeriodSeconds"] > drain > max(silent)
    assert (shell, option) == ("/bin/sh", "-c")
    assert text.startswith("touch /run/haproxy/stopping;")
    assert container("haproxy")["livenessProbe"]["terminationGracePeriodSeconds"] < 10


def test_the_hook_asks_once_and_waits_for_the_answer(tmp_path: Path) -> None:
    text = container("haproxy")["lifecycle"]["preStop"]["exec"]["command"][2]
    with subprocess.Popen(["/bin/sh", "-c", text.replace("/run/haproxy", str(tmp_path))]) as hook:
        wait_for("the request to stop", (tmp_path / "stopping").exists, 20)
        assert hook.poll() is None
        (tmp_path / "drained").touch()
        assert hook.wait(20) == 0


def test_frontends_are_replaced_one_by_one_and_spread_over_machines() -> None:
    spec = made()["Deployment"]["spec"]
    assert spec["replicas"] == 3
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    (spread,) = spec["template"]["spec"]["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["whenUnsatisfiable"]) == (
        "kubernetes.io/hostname",
        "ScheduleAnyway",
    )


def test_the_roles_settings_are_haproxys() -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["frontend"]["pod"] = {
            "resources": {"limits": {"memory": "1Gi"}},
            "nodeSelector": {"zone": "dmz"},
            "labels": {"tier": "edge"},
            "annotations": {"note": "x"},
        }

    assert container("haproxy", change)["resources"] == {"limits": {"memory": "1Gi"}}
    assert container("sync", change)["resources"] == container("sync")["resources"]
    template = pod(change)
    assert template["spec"]["nodeSelector"] == {"zone": "dmz"}
    assert template["metadata"]["labels"]["tier"] == "edge"
    assert template["metadata"]["annotations"]["note"] == "x"


def config_hash(change: Change | None = None) -> str:
    value: str = pod(change)["metadata"]["annotations"][ANNOTATION_CONFIG_HASH]
    return value


@pytest.mark.parametrize(
    ("change", "rolls"),
    [
        (lambda spec: spec["application"].update(probes={"readiness": {"path": "/other"}}), True),
        (lambda spec: spec["application"].update(image="app:2"), False),
        (lambda spec: spec["backend"].update(replicas=9), False),
        (lambda spec: spec["frontend"].update(replicas=9), False),
    ],
    ids=["check path", "application image", "more backends", "more frontends"],
)
def test_frontends_are_rolled_only_when_what_they_read_at_start_changes(
    change: Change, *, rolls: bool
) -> None:
    assert (config_hash(change) != config_hash()) is rolls


def test_the_same_cluster_gives_the_same_manifests() -> None:
    assert json.dumps(made(), sort_keys=True) == json.dumps(made(), sort_keys=True)
