"""Pods of a cluster that answer at two ports, and who reaches them: for tests of NetworkPolicies on real nodes."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from pba_hack.cluster.trial import TrialCluster
from pba_hack.waiting import wait_for

PODS = {"x/a": "node1", "x/b": "node2", "x/c": "node1", "y/a": "node1", "y/b": "node2"}
PORTS = (8080, 8081)
FOLLOWS_SECONDS = 5
"""How long a change may take; on a machine that is not busy it takes a fraction of a second."""
SILENCE_SECONDS = 2
DENY_ALL: dict[str, Any] = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


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


@contextlib.contextmanager
def pods(cluster: TrialCluster) -> Iterator[None]:
    """Run the pods; those of x come up under a policy that lets nobody in: their probes must reach them."""
    names = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in "xy"]
    apply(cluster, *names, policy("deny-all", **DENY_ALL), SERVICE)
    wait_for("accounts of the namespaces", lambda: _has_accounts(cluster), 30)
    apply(cluster, *(server(name, node) for name, node in PODS.items()))
    for namespace in "xy":
        cluster.kubectl("wait", "--for=condition=Ready", "pod", "--all", "-n", namespace, "--timeout=60s")
    yield
    cluster.kubectl("delete", "namespace", "x", "y", "--timeout=60s")


def _has_accounts(cluster: TrialCluster) -> bool:
    found = [cluster.inside("kubectl", "get", "sa", "default", "-n", name, check=False) for name in "xy"]
    return all(done.returncode == 0 for done in found)


def addresses(cluster: TrialCluster) -> dict[str, str]:
    """Return the addresses of the pods that have one, by namespace and name."""
    items = cluster.get("pods", "-A", "-l", "pod")["items"]
    return {
        f"{pod['metadata']['namespace']}/{pod['metadata']['name']}": pod["status"]["podIP"]
        for pod in items
        if "podIP" in pod["status"]
    }


def fetch(*targets: str) -> str:
    """A shell command that prints those of `host:port` that answer; all are tried at once."""
    tries = [
        f"(nc -w {SILENCE_SECONDS} {target.replace(':', ' ')} < /dev/null > /dev/null 2>&1 && echo {target}) &"
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


def follows(look: Callable[[], bool], what: str) -> float:
    """Wait until a change shows; returns the seconds that it took, looks included."""
    began = time.monotonic()
    wait_for(what, look, FOLLOWS_SECONDS + 2 * SILENCE_SECONDS)
    return time.monotonic() - began
