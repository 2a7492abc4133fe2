"""NetworkPolicies on real nodes: pods, Services, names, probes, and an engine that fails.

What each field means is shown by `tests/e2e/network` with the same rules; here is what only kubelets, kube-proxy and
the API server show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pba_wires.real import (
    DENY_ALL,
    PODS,
    PORTS,
    SILENCE_SECONDS,
    addresses,
    apply,
    follows,
    pods,
    policy,
    reached,
    reached_from_outside,
    server,
)

from pba_hack.cluster.trial import TrialCluster
from pba_hack.waiting import wait_for

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


@pytest.fixture(scope="module", autouse=True)
def stage(running: TrialCluster) -> Iterator[None]:
    with pods(running):
        yield


@pytest.fixture(autouse=True)
def no_policies(running: TrialCluster) -> None:
    running.kubectl("delete", "networkpolicy", "--all", "-n", "x")


def table(cluster: TrialCluster) -> set[tuple[str, str, int]]:
    """Every pod to every other, every port."""
    known = addresses(cluster)
    flows = {f"{known[target]}:{port}": (target, port) for target in PODS for port in PORTS}
    return {
        (source, *flows[found])
        for source in PODS
        for found in reached(cluster, source, *(one for one in flows if flows[one][0] != source))
    }


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
    follows(lambda: bool(reached(running, "x/b", target)), "open")
    apply(running, policy("deny-all", **DENY_ALL))
    record_property("closed_seconds", follows(lambda: not reached(running, "x/b", target), "closed"))
    running.kubectl("delete", "networkpolicy", "deny-all", "-n", "x")
    record_property("open_seconds", follows(lambda: bool(reached(running, "x/b", target)), "open"))
    apply(
        running,
        policy(
            "team", podSelector={}, ingress=[{"from": [{"podSelector": {"matchLabels": {"team": "red"}}}]}]
        ),
    )
    follows(lambda: not reached(running, "x/b", target), "closed to who has no team")
    running.kubectl("label", "pod", "b", "-n", "x", "team=red")
    follows(lambda: bool(reached(running, "x/b", target)), "open to the team")
    running.kubectl("label", "pod", "b", "-n", "x", "team-")
    follows(lambda: not reached(running, "x/b", target), "closed again")


def test_names_are_asked_for_by_the_name_servers_labels(running: TrialCluster) -> None:
    def resolves() -> bool:
        words = ("exec", "-n", "x", "b", "--", "timeout", str(SILENCE_SECONDS))
        question = ("nslookup", "web.x.svc.cluster.local.")
        return running.inside("kubectl", *words, *question, check=False).returncode == 0

    assert resolves()
    apply(running, policy("deny-all", **DENY_ALL))
    follows(lambda: not resolves(), "no names")
    apply(running, policy("names", **NAMES))
    follows(resolves, "names")


def test_behind_services_peers_and_ports_are_the_real_ones(running: TrialCluster) -> None:
    service = running.get("service", "web", "-n", "x")
    cluster_ip = f"{service['spec']['clusterIP']}:80"
    external = f"{service['status']['loadBalancer']['ingress'][0]['ip']}:80"
    node_port = f"172.30.0.11:{service['spec']['ports'][0]['nodePort']}"
    ways = (cluster_ip, external, node_port)
    follows(lambda: reached(running, "x/b", cluster_ip, external) == {cluster_ip, external}, "open")
    assert all(reached_from_outside(running, way) for way in (external, node_port))

    apply(
        running,
        policy(
            "b-only",
            podSelector={"matchLabels": {"pod": "a"}},
            ingress=[{"from": [{"podSelector": {"matchLabels": {"pod": "b"}}}], "ports": [{"port": 8080}]}],
        ),
    )
    follows(lambda: not reached_from_outside(running, external), "closed to outsiders")
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
    follows(lambda: reached_from_outside(running, external), "open to the outsider's address")
    assert reached_from_outside(running, node_port)
    assert not reached(running, "y/b", *ways)


def test_a_pod_is_isolated_before_it_starts(running: TrialCluster) -> None:
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
        f"for i in $(seq 10); do nc -w 1 {known[target]} 8080 < /dev/null > /dev/null 2>&1 && echo {target}; done"
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
