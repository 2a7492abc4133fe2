"""Frontends share what a node may have, and know of each other: as the EndpointSlices of the clients' Service tell."""

from __future__ import annotations

from pba_lab import HAProxyProcess
from pba_lab.patience import eventually
from pba_lab.sidecar import Sidecar
from pba_lab.slices import Slices

from pba_api import ports
from pba_api.sidecar import THIS
from pba_sync.haproxy.servers import Server, read_servers

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


def test_haproxy_asks_the_other_frontends_whether_they_can_serve(
    haproxy: HAProxyProcess, slices: Slices, sidecar: Sidecar
) -> None:
    def others() -> dict[str, Server]:
        found = read_servers(haproxy.ask("show servers state others"))
        return {name: server for name, server in found.items() if name != THIS}

    states = {"shop-frontend-b": "ready", "shop-frontend-c": "unready", "shop-management-x": "ready"}
    slices.write("clients", states, port=1, service=CLIENTS)
    eventually(lambda: others().keys() == {"shop-frontend-b", "shop-frontend-c"})
    assert {server.port for server in others().values()} == {ports.FRONTEND_HEALTH}
    eventually(lambda: all(server.checked for server in others().values()))
    assert not any(server.usable for server in others().values()), "none has answered"
    assert sidecar.metric("pba_sync_frontends_serving") == 0
    slices.write("clients", {"shop-frontend-c": "ready"}, port=1, service=CLIENTS)
    eventually(lambda: others().keys() == {"shop-frontend-c"})
    assert "other frontends are not given way to" not in sidecar.log.read_text()
