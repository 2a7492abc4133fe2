from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from pba_api.identity import ANNOTATION_CONFIG_HASH, selector
from pba_api.parse import parse_spec
from pba_hack.waiting import wait_for
from pba_operator.domain.frontend import SyncImage, manifests
from pba_operator.domain.model import Cluster, Observed
from pba_sync.balancer.stopping import FURTHER_SECONDS
from pba_sync.haproxy.commands import Check
from pba_sync.judging.limits import Limits
from pba_sync.settings import read_settings
from pba_sync.watching.external import Declared, External, read_declared

SYNC = SyncImage("localhost/pba-sync:1", "Never")
SPEC: dict[str, Any] = {
    "application": {"image": "app:1"},
    "database": {"image": "mysql:9.7.4", "storage": {"size": "1Gi"}},
    "backend": {"drainTimeoutSeconds": 20},
    "frontend": {"image": "haproxy:3.0.11", "replicas": 3},
}
Change = Callable[[dict[str, Any]], object]


def everything(change: Change | None = None) -> list[dict[str, Any]]:
    spec = deepcopy(SPEC)
    if change:
        change(spec)
    cluster = Cluster("shop-space", "shop", "uid", 1, False, (), parse_spec(spec), {})
    return manifests(cluster, Observed(), SYNC)


def made(change: Change | None = None) -> dict[str, dict[str, Any]]:
    """Return the manifests by kind; of the Services the backends', of the ConfigMaps HAProxy's."""
    return {
        manifest["kind"]: manifest
        for manifest in everything(change)
        if manifest["metadata"]["name"] not in ("shop-management", "shop-nodes")
    }


def pod(change: Change | None = None) -> dict[str, Any]:
    template: dict[str, Any] = made(change)["Deployment"]["spec"]["template"]
    return template


def container(name: str, change: Change | None = None) -> dict[str, Any]:
    spec = pod(change)["spec"]
    return next(entry for entry in [*spec["initContainers"], *spec["containers"]] if entry["name"] == name)


def test_what_others_need_comes_first() -> None:
    assert [(manifest["kind"], manifest["metadata"]["name"]) for manifest in everything()] == [
        ("Service", "shop-backend"),
        ("Service", "shop-management"),
        *((kind, "shop-frontend") for kind in ("ServiceAccount", "Role", "RoleBinding")),
        ("ConfigMap", "shop-nodes"),
        ("ConfigMap", "shop-frontend"),
        ("Deployment", "shop-frontend"),
    ]


def test_without_a_frontend_there_is_nothing() -> None:
    assert everything(lambda spec: (spec.pop("frontend"), spec.pop("backend"))) == []


@pytest.mark.parametrize(
    ("change", "services"),
    [
        (lambda spec: spec.pop("backend"), {"shop-management"}),
        (lambda spec: spec.update(management={"servesTraffic": False}), {"shop-backend"}),
    ],
)
def test_only_nodes_that_serve_have_a_service_and_the_frontends_pods_do_not_depend_on_it(
    change: Change, services: set[str]
) -> None:
    found = {
        manifest["metadata"]["name"]: manifest["spec"]["selector"]
        for manifest in everything(change)
        if manifest["kind"] == "Service"
    }
    assert found == {name: selector("shop", name.removeprefix("shop-")) for name in services}
    variables = {entry["name"]: entry.get("value") for entry in container("sync", change)["env"]}
    assert variables["PBA_SERVICES"] == "shop-backend,shop-management"


def test_that_the_management_node_serves_or_not_rolls_no_frontend() -> None:
    assert pod(lambda spec: spec.update(management={"servesTraffic": False})) == pod()


def test_selectors_are_exactly_ours() -> None:
    assert made()["Deployment"]["spec"]["selector"] == {"matchLabels": selector("shop", "frontend")}
    assert made()["Service"]["spec"]["selector"] == selector("shop", "backend")


def test_the_selector_service_is_headless_and_tells_readiness() -> None:
    spec = made(lambda spec: spec["application"].update(port=3000))["Service"]["spec"]
    assert (spec["clusterIP"], spec["publishNotReadyAddresses"]) == ("None", False)
    assert spec["ports"] == [{"name": "http", "port": 3000, "targetPort": "http", "protocol": "TCP"}]


def declared(change: Change | None = None) -> Declared | None:
    (config_map,) = (each for each in everything(change) if each["metadata"]["name"] == "shop-nodes")
    return read_declared(config_map)


def test_the_sidecar_reads_what_the_operator_declares() -> None:
    assert declared() == Declared()
    external = [External("new", "fd00::7", 80), External("old", "old.example", 8080)]

    def change(spec: dict[str, Any]) -> None:
        spec["backend"]["drainedNodes"] = ["shop-backend-x", "old"]
        spec["backend"]["external"] = [asdict(node) for node in external[::-1]]

    assert declared(change) == Declared(tuple(external), frozenset({"shop-backend-x", "old"}))
    assert pod(change) == pod(), "no frontend is rolled"
    assert declared(lambda spec: spec.pop("backend")) == Declared()


def test_the_sidecar_may_only_follow_endpoint_slices_and_one_config_map() -> None:
    assert made()["Role"]["rules"] == [
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "resourceNames": ["shop-nodes"],
            "verbs": ["list", "watch"],
        },
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
    assert variables["PBA_SERVICES"] == "shop-backend,shop-management"
    assert variables["PBA_DRAIN_SECONDS"] == "80", "20 s until it is told to stop, 60 s to finish"
    assert variables["PBA_HAPROXY_SOCKET"] == "/run/haproxy/admin.sock"


def test_the_sidecar_judges_by_its_own_defaults_unless_the_spec_says_otherwise() -> None:
    def limits(change: Change | None = None) -> Limits:
        given = {entry["name"]: entry.get("value") for entry in container("sync", change)["env"]}
        return read_settings({**given, "PBA_POD_IPS": "10.0.0.7"}).limits

    assert limits() == Limits()
    other = {"lateMilliseconds": 100, "maxOutPercent": 0}
    changed = limits(lambda spec: spec["frontend"].update(balancing=other))
    assert changed == replace(Limits(), gap_milliseconds=100.0, out_share=0.0)


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
    assert (settings.frontend_service, settings.frontend_prefix) == ("shop", "shop-frontend-")
    assert settings.requests_per_node == 100
    assert settings.own_addresses == {"10.0.0.7", "fd00::7"}
    assert settings.check == Check(interval_milliseconds=500, fall=2, rise=2)
    assert settings.port_name == made()["Service"]["spec"]["ports"][0]["name"]
    assert settings.listen == "::"


def test_only_haproxy_decides_on_readiness() -> None:
    assert container("haproxy")["readinessProbe"]["httpGet"] == {"path": "/ready", "port": 8405}
    assert "readinessProbe" not in container("sync")
    assert container("sync")["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": 8404}


@pytest.mark.parametrize(
    "timeouts",
    [
        {},
        {"clientSeconds": 5, "serverSeconds": 900},
        {"clientSeconds": 700},
        {"queueSeconds": 600},
        {"leaveSeconds": 600},
        {"clientSeconds": 700, "leaveSeconds": 5},
    ],
)
def test_the_pod_may_take_as_long_to_end_as_its_clients_may_be_idle(timeouts: dict[str, int]) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["frontend"]["timeouts"] = timeouts

    haproxy = container("haproxy", change)
    (shell, option, text) = haproxy["lifecycle"]["preStop"]["exec"]["command"]
    assert "-lt $((PBA_CLIENT_DRAIN_SECONDS*5)) ]; do sleep 0.2" in text
    drain = int({entry["name"]: entry.get("value") for entry in haproxy["env"]}["PBA_CLIENT_DRAIN_SECONDS"])
    config = made(change)["ConfigMap"]["data"]["haproxy.cfg"].split("\nfrontend ")[0]
    silent = [int(seconds) for seconds in re.findall(r"timeout (?:client|server) (\d+)s\n", config)]
    (kept,) = (int(time) / 1000 for time in re.findall(r"timeout http-keep-alive (\d+)ms\n", config))
    assert f"hard-stop-after {drain:g}s\n" in config
    given = {"clientSeconds": 60, "serverSeconds": 60, **timeouts}
    assert max(silent) == max(given["clientSeconds"], given["serverSeconds"])
    (queued,) = (int(seconds) for seconds in re.findall(r"timeout queue (\d+)s\n", config))
    (answered,) = (int(seconds) for seconds in re.findall(r"timeout server (\d+)s\n", config))
    [sidecar] = pod(change)["spec"]["initContainers"]
    (told,) = [int(e["value"]) for e in sidecar["env"] if e["name"] == "PBA_LEAVE_SECONDS"]
    assert told == timeouts.get("leaveSeconds", 5)
    last_connection = told + FURTHER_SECONDS
    assert pod(change)["spec"]["terminationGracePeriodSeconds"] > drain
    assert drain >= last_connection + max(*silent, kept, queued + answered)
    assert given["clientSeconds"] < kept <= given["clientSeconds"] + 15
    assert (shell, option) == ("/bin/sh", "-c")
    assert text.startswith("touch /run/haproxy/stopping;")
    assert container("haproxy")["livenessProbe"]["terminationGracePeriodSeconds"] < 10


def test_the_hook_asks_once_and_waits_for_the_answer(tmp_path: Path) -> None:
    text = container("haproxy")["lifecycle"]["preStop"]["exec"]["command"][2]
    text = text.replace("/run/haproxy", str(tmp_path))
    with subprocess.Popen(
        ["/bin/sh", "-c", text], env={**os.environ, "PBA_CLIENT_DRAIN_SECONDS": "90"}
    ) as hook:
        wait_for("the request to stop", (tmp_path / "stopping").exists, 20)
        assert hook.poll() is None
        (tmp_path / "drained").touch()
        assert hook.wait(20) == 0


def test_the_hook_waits_no_longer_than_it_may(tmp_path: Path) -> None:
    text = container("haproxy")["lifecycle"]["preStop"]["exec"]["command"][2]
    text = text.replace("/run/haproxy", str(tmp_path))
    ended = subprocess.run(
        ["/bin/sh", "-c", text], env={**os.environ, "PBA_CLIENT_DRAIN_SECONDS": "1"}, check=False, timeout=20
    )
    assert ended.returncode == 0
    assert (tmp_path / "stopping").exists()


def test_frontends_are_replaced_one_by_one_and_spread_over_machines() -> None:
    spec = made()["Deployment"]["spec"]
    assert spec["replicas"] == 3
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    (spread,) = spec["template"]["spec"]["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["whenUnsatisfiable"]) == (
        "kubernetes.io/hostname",
        "ScheduleAnyway",
    )
    assert spread["matchLabelKeys"] == ["pod-template-hash"], "a rollout counts the new ones alone"


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
