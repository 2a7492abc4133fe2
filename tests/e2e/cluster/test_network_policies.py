"""NetworkPolicies on real nodes: pods, Services, names, probes, and an engine that fails.

What each field means is shown by `tests/e2e/network` with the same rules; here is what only kubelets, kube-proxy and
the API server show.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pba_hack.cluster import traces
from pba_hack.cluster.local.policies.enforcement import ENFORCED
from pba_hack.cluster.trial import TrialCluster
from pba_hack.waiting import wait_for

PODS = {"x/a": "node1", "x/b": "node2", "x/c": "node1", "y/a": "node1", "y/b": "node2"}
PORTS = (8080, 8081)
FOLLOWS_SECONDS = 5
"""How long a change may take; on a machine that is not busy it takes a fraction of a second."""
SILENCE_SECONDS = 2
DENY_ALL: dict[str, Any] = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
NAMES: dict[str, Any] = {
    "podSelector": {},
    "policyTypes": ["Egress"],
    "egress": [
        {
            "to": [
                {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
                }
            ],
            "ports": [{"port": 53, "protocol": "UDP"}],
        }
    ],
}


def policy(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"namespace": "x", "name": name},
        "spec": spec,
    }


def server(name: str, node: str, command: str = "", **more: Any) -> dict[str, Any]:
    """A pod that answers at both ports, and is Ready when its kubelet has seen it."""
    namespace, short = name.split("/")
    serve = "; ".join(f"httpd -p {port} -h /tmp" for port in PORTS)
    container = {
        "name": "main",
        "image": "localhost/busybox:1",
        "command": ["sh", "-c", command or f"echo {name} > /tmp/index.html; {serve}; exec tail -f /dev/null"],
        "ports": [{"name": "web", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/index.html", "port": "web"}, "periodSeconds": 1},
    }
    if command:
        del container["readinessProbe"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": short, "labels": {"pod": short}},
        "spec": {"nodeName": node, "terminationGracePeriodSeconds": 0, "containers": [container], **more},
    }


SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"namespace": "x", "name": "web"},
    "spec": {
        "type": "LoadBalancer",
        "externalTrafficPolicy": "Local",
        "selector": {"pod": "a"},
        "ports": [{"port": 80, "targetPort": "web"}],
    },
}


def apply(cluster: TrialCluster, *objects: dict[str, Any]) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    cluster.kubectl("apply", "-f", "-", stdin=text)


@pytest.fixture(scope="module", autouse=True)
def pods(running: TrialCluster) -> Iterator[None]:
    """Those of x come up under a policy that lets nobody in: their probes must reach them."""
    names = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in "xy"]
    apply(running, *names, policy("deny-all", **DENY_ALL), SERVICE)
    wait_for("accounts of the namespaces", lambda: _has_accounts(running), 30)
    apply(running, *(server(name, node) for name, node in PODS.items()))
    for namespace in "xy":
        running.kubectl("wait", "--for=condition=Ready", "pod", "--all", "-n", namespace, "--timeout=60s")
    yield
    running.kubectl("delete", "namespace", "x", "y", "--wait=false")


def _has_accounts(cluster: TrialCluster) -> bool:
    found = [cluster.inside("kubectl", "get", "sa", "default", "-n", name, check=False) for name in "xy"]
    return all(done.returncode == 0 for done in found)


@pytest.fixture(autouse=True)
def no_policies(running: TrialCluster) -> None:
    running.kubectl("delete", "networkpolicy", "--all", "-n", "x")


def addresses(cluster: TrialCluster) -> dict[str, str]:
    items = cluster.get("pods", "-A", "-l", "pod")["items"]
    return {
        f"{pod['metadata']['namespace']}/{pod['metadata']['name']}": pod["status"]["podIP"] for pod in items
    }


def fetch(*targets: str) -> str:
    """A shell command that prints those of `host:port` that answer; all are tried at once."""
    tries = [
        f"(wget -q -T {SILENCE_SECONDS} -O /dev/null http://{target}/ && echo {target}) &"
        for target in targets
    ]
    return f"{' '.join(tries)} wait"


def reached(cluster: TrialCluster, source: str, *targets: str) -> set[str]:
    """Which of some `host:port` a pod reaches; it makes no difference whether it is refused or unheard."""
    namespace, name = source.split("/")
    command = ["exec", "-n", namespace, name, "--", "sh", "-c", fetch(*targets)]
    return set(cluster.kubectl(*command).split())


def reached_from_outside(cluster: TrialCluster, target: str) -> bool:
    options = ("--silent", "--max-time", str(SILENCE_SECONDS), "--output", "/dev/null")
    return cluster.inside("curl", *options, f"http://{target}/", check=False).returncode == 0


def table(cluster: TrialCluster) -> set[tuple[str, str, int]]:
    """Every pod to every other, every port."""
    known = addresses(cluster)
    flows = {f"{known[target]}:{port}": (target, port) for target in PODS for port in PORTS}
    return {
        (source, *flows[found])
        for source in PODS
        for found in reached(cluster, source, *(one for one in flows if flows[one][0] != source))
    }


def follows(cluster: TrialCluster, look: Callable[[], bool], what: str) -> float:
    """Wait until a change shows; returns the seconds that it took, looks included."""
    began = time.monotonic()
    wait_for(what, look, FOLLOWS_SECONDS + 2 * SILENCE_SECONDS)
    del cluster
    return time.monotonic() - began


ALL = {(source, target, port) for source in PODS for target in PODS if source != target for port in PORTS}


def test_without_policies_all_are_reached(running: TrialCluster) -> None:
    wait_for("the policies are gone", lambda: table(running) == ALL, 30)


def test_who_reaches_whom(running: TrialCluster) -> None:
    apply(
        running,
        policy("deny-all", podSelector={}, policyTypes=["Ingress"]),
        policy(
            "a",
            podSelector={"matchLabels": {"pod": "a"}},
            ingress=[
                {"from": [{"podSelector": {"matchLabels": {"pod": "b"}}}], "ports": [{"port": "web"}]},
                {"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "y"}},
                           "podSelector": {"matchLabels": {"pod": "b"}}}],
                 "ports": [{"port": 8081, "endPort": 8090}]},
            ],
        ),
        policy(
            "c-out",
            podSelector={"matchLabels": {"pod": "c"}},
            policyTypes=["Egress"],
            egress=[{"to": [{"ipBlock": {"cidr": "10.244.0.0/16", "except": ["10.244.2.0/24"]}}]}],
        ),
    )  # fmt: skip

    def allows(source: str, target: str, port: int) -> bool:
        into_a = {("x/b", 8080), ("y/b", 8081)}
        is_let_in = not target.startswith("x/") or (target == "x/a" and (source, port) in into_a)
        return is_let_in and (source != "x/c" or PODS[target] != "node2")

    expected = {flow for flow in ALL if allows(*flow)}
    wait_for("the rules", lambda: table(running) == expected, 30)
    assert table(running) == expected


def test_a_change_is_followed_within_seconds(
    running: TrialCluster, record_property: Callable[..., None]
) -> None:
    target = f"{addresses(running)['x/a']}:8080"
    assert reached(running, "x/b", target)
    apply(running, policy("deny-all", **DENY_ALL))
    record_property("closed_seconds", follows(running, lambda: not reached(running, "x/b", target), "closed"))
    running.kubectl("delete", "networkpolicy", "deny-all", "-n", "x")
    record_property("open_seconds", follows(running, lambda: bool(reached(running, "x/b", target)), "open"))
    apply(
        running,
        policy(
            "team", podSelector={}, ingress=[{"from": [{"podSelector": {"matchLabels": {"team": "red"}}}]}]
        ),
    )
    follows(running, lambda: not reached(running, "x/b", target), "closed to who has no team")
    running.kubectl("label", "pod", "b", "-n", "x", "team=red")
    follows(running, lambda: bool(reached(running, "x/b", target)), "open to the team")
    running.kubectl("label", "pod", "b", "-n", "x", "team-")
    follows(running, lambda: not reached(running, "x/b", target), "closed again")


def test_names_are_asked_for_by_the_name_servers_labels(running: TrialCluster) -> None:
    def resolves() -> bool:
        words = ("exec", "-n", "x", "b", "--", "timeout", str(SILENCE_SECONDS))
        question = ("nslookup", "web.x.svc.cluster.local.")
        return running.inside("kubectl", *words, *question, check=False).returncode == 0

    assert resolves()
    apply(running, policy("deny-all", **DENY_ALL))
    follows(running, lambda: not resolves(), "no names")
    apply(running, policy("names", **NAMES))
    follows(running, resolves, "names")


def test_behind_services_peers_and_ports_are_the_real_ones(running: TrialCluster) -> None:
    service = running.get("service", "web", "-n", "x")
    cluster_ip = f"{service['spec']['clusterIP']}:80"
    external = f"{service['status']['loadBalancer']['ingress'][0]['ip']}:80"
    node_port = f"172.30.0.11:{service['spec']['ports'][0]['nodePort']}"
    ways = (cluster_ip, external, node_port)
    assert reached(running, "x/b", cluster_ip, external) == {cluster_ip, external}
    assert all(reached_from_outside(running, way) for way in (external, node_port))

    apply(
        running,
        policy(
            "b-only",
            podSelector={"matchLabels": {"pod": "a"}},
            ingress=[{"from": [{"podSelector": {"matchLabels": {"pod": "b"}}}], "ports": [{"port": 8080}]}],
        ),
    )
    follows(running, lambda: not reached_from_outside(running, external), "closed to outsiders")
    assert reached(running, "x/b", cluster_ip) == {cluster_ip}
    assert not reached(running, "y/b", *ways)
    assert not reached_from_outside(running, node_port)

    apply(
        running,
        policy(
            "outside",
            podSelector={"matchLabels": {"pod": "a"}},
            ingress=[{"from": [{"ipBlock": {"cidr": "172.30.0.1/32"}}], "ports": [{"port": "web"}]}],
        ),
    )
    follows(running, lambda: reached_from_outside(running, external), "open to the outsider's address")
    assert reached_from_outside(running, node_port)
    assert not reached(running, "y/b", *ways)


def test_a_pod_is_isolated_before_it_starts_and_speaks_as_soon_as_it_may(running: TrialCluster) -> None:
    """It tries from its first moment on, under a policy that forbids one of two targets."""
    known = addresses(running)
    apply(
        running,
        policy(
            "early",
            podSelector={"matchLabels": {"pod": "early"}},
            policyTypes=["Egress"],
            egress=[{"to": [{"ipBlock": {"cidr": f"{known['y/a']}/32"}}]}],
        ),
    )
    tries = "; ".join(
        f"for i in $(seq 10); do wget -q -T 1 -O /dev/null http://{known[target]}:8080/ && echo {target}; done"
        for target in ("y/b", "y/a")
    )
    command = f"{tries}; echo done; exec tail -f /dev/null"
    apply(running, server("x/early", "node1", command))
    told = wait_for("it has tried", lambda: _done(running, "early"), 60)
    running.kubectl("delete", "pod", "early", "-n", "x")
    assert told.split() == ["y/a"] * 10 + ["done"]


def _done(cluster: TrialCluster, name: str) -> str:
    text = cluster.inside("kubectl", "logs", "-n", "x", name, check=False).stdout
    return text if "done" in text else ""


def engine(cluster: TrialCluster) -> int:
    found = [
        pid
        for pid in traces.cluster_processes(cluster.name, "hub")
        if b"policies.engine" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    return found[0] if found else 0


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_an_engine_that_hangs_leaves_its_rules_and_new_pods_closed_and_it_shows(
    running: TrialCluster,
) -> None:
    known = addresses(running)
    apply(running, policy("deny-all", podSelector={"matchLabels": {"pod": "a"}}, policyTypes=["Ingress"]))
    closed, still_open = f"{known['x/a']}:8080", f"{known['x/c']}:8080"
    follows(running, lambda: not reached(running, "x/b", closed), "closed")
    assert running.status()["network_policies"] == ENFORCED
    with stopped(engine(running)):
        apply(running, server("x/late", "node2"))
        running.kubectl("wait", "--for=condition=Ready", "pod/late", "-n", "x", "--timeout=60s")
        late = f"{running.get('pod', 'late', '-n', 'x')['status']['podIP']}:8080"
        assert reached(running, "x/b", closed, still_open, late) == {still_open}
        wait_for(
            "it shows",
            lambda: running.status()["network_policies"].startswith("the engine was last at work"),
            30,
        )
    follows(running, lambda: reached(running, "x/b", closed, late) == {late}, "the new pod is known")
    wait_for("it shows", lambda: running.status()["network_policies"] == ENFORCED, 30)
    running.kubectl("delete", "pod", "late", "-n", "x")


def test_an_engine_that_dies_opens_nothing_and_is_started_again(running: TrialCluster) -> None:
    target = f"{addresses(running)['x/a']}:8080"
    apply(running, policy("deny-all", **DENY_ALL))
    follows(running, lambda: not reached(running, "y/a", target), "closed")
    killed = engine(running)
    os.kill(killed, signal.SIGKILL)
    again = wait_for("another engine", lambda: engine(running) if engine(running) != killed else 0, 30)
    assert not reached(running, "y/a", target)
    running.kubectl("delete", "networkpolicy", "deny-all", "-n", "x")
    wait_for("it follows", lambda: reached(running, "y/a", target), 30)
    assert engine(running) == again


def test_a_node_that_comes_back_has_its_rules_again(running: TrialCluster) -> None:
    apply(running, policy("deny-b", podSelector={"matchLabels": {"pod": "b"}}, policyTypes=["Ingress"]))
    running.run("crash", "node2")
    running.run("restart", "node2")
    assert running.status()["network_policies"] == ENFORCED

    def flows() -> set[str]:
        known = addresses(running)
        return {name for name in ("x/b", "y/b") if reached(running, "y/a", f"{known[name]}:8080")}

    wait_for("its pods are back", lambda: flows() == {"y/b"}, 60)
