"""Frontends share what a node may have: as many as the EndpointSlices of the clients' Service tell."""

from __future__ import annotations

from pba_lab import HAProxyProcess
from pba_lab.patience import eventually
from pba_lab.sidecar import Sidecar
from pba_lab.slices import Slices

CLIENTS = "shop"


def share(haproxy: HAProxyProcess, node: str) -> str:
    return haproxy.counters(node)["slim"]


def test_the_share_follows_the_frontends_that_are_ready(
    haproxy: HAProxyProcess, slices: Slices, sidecar: Sidecar
) -> None:
    assert sidecar.process.poll() is None
    slices.write("nodes", {"shop-backend-a": "ready"}, port=1)
    eventually(lambda: "shop-backend-a" in haproxy.ask("show servers state nodes"))
    assert share(haproxy, "shop-backend-a") == "100", "the Service tells of nobody yet: it is the only one"
    slices.write("clients", {"shop-management-x": "ready"}, port=1, service=CLIENTS)
    others = {"shop-frontend-b": "ready", "shop-frontend-c": "ready", "shop-frontend-d": "unready"}
    slices.write("clients", others, port=1, service=CLIENTS)
    eventually(lambda: share(haproxy, "shop-backend-a") == "33")
    slices.write("nodes", {"shop-backend-a": "ready", "shop-backend-b": "ready"}, port=1)
    eventually(lambda: "shop-backend-b" in haproxy.ask("show servers state nodes"))
    assert share(haproxy, "shop-backend-b") == "33", "from the first moment"
    fewer = {"shop-frontend-b": "terminating", "shop-frontend-c": "ready"}
    slices.write("clients", fewer, port=1, service=CLIENTS)
    eventually(lambda: {share(haproxy, f"shop-backend-{node}") for node in "ab"} == {"50"})
    slices.delete("clients")
    eventually(lambda: {share(haproxy, f"shop-backend-{node}") for node in "ab"} == {"100"})
