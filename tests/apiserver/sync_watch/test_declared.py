"""What the operator declares beside EndpointSlices, followed by the sidecar's process with the rights that it has."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pba_lab.patience import eventually
from pba_lab.rotation import Servers
from pba_lab.sidecar import Sidecar
from pba_lab.slices import Slices

from pba_hack.apiserver import ApiServer
from pba_operator.domain.model import Cluster
from pba_sync.haproxy.servers import Admin

OLD = {"name": "old", "host": "10.9.7.1", "port": 9}
OLD_SERVER = "external_old_10.9.7.1:9"

Declare = Callable[..., None]


@pytest.fixture
def config_map(cluster: Cluster) -> str:
    return f"/api/v1/namespaces/{cluster.namespace}/configmaps/shop-nodes"


@pytest.fixture
def declare(api_server: ApiServer, config_map: str) -> Declare:
    """Write the ConfigMap as the operator does."""

    def write(text: str = "", **content: Any) -> None:
        patch = {"data": {"nodes.json": text or json.dumps(content)}}
        answer = api_server.request("PATCH", config_map, patch, "application/merge-patch+json")
        assert answer.ok, answer.data

    return write


def test_nodes_outside_come_and_go_beside_pods(
    sidecar: Sidecar, slices: Slices, servers: Servers, declare: Declare
) -> None:
    slices.write("one", {"a": "ready"}, port=9)
    eventually(lambda: set(servers()) == {"a"})
    declare(external=[OLD, {"name": "six", "host": "fd00::7", "port": 8080}])
    eventually(lambda: set(servers()) == {"a", OLD_SERVER, "external_six_fd00::7:8080"})
    declare(external=[{**OLD, "host": "10.9.7.2"}])
    eventually(lambda: set(servers()) == {"a", "external_old_10.9.7.2:9"})
    assert sidecar.metric("pba_sync_nodes_unresolved") == 0
    declare(external=[])
    eventually(lambda: set(servers()) == {"a"})


def test_a_declaration_that_is_gone_or_broken_takes_nothing_back(
    sidecar: Sidecar,
    slices: Slices,
    servers: Servers,
    declare: Declare,
    api_server: ApiServer,
    config_map: str,
) -> None:
    slices.write("one", {"a": "ready"}, port=9)
    declare(external=[OLD])
    eventually(lambda: set(servers()) == {"a", OLD_SERVER})
    declare("{")
    eventually(lambda: "makes no sense" in sidecar.log.read_text())
    assert api_server.request("DELETE", config_map).ok
    slices.write("one", {"a": "ready", "b": "ready"}, port=9)
    eventually(lambda: set(servers()) == {"a", "b", OLD_SERVER})
    assert sidecar.get("/readyz")[0] == 200


def test_a_restarted_sidecar_leaves_nodes_outside_in_rotation(
    new_sidecar: Callable[[], Sidecar], slices: Slices, servers: Servers, declare: Declare
) -> None:
    slices.write("one", {"a": "ready"}, port=9)
    declare(external=[OLD])
    first = new_sidecar()
    eventually(lambda: set(servers()) == {"a", OLD_SERVER})
    first.end()
    second = new_sidecar()
    slices.write("one", {"a": "ready", "b": "ready"}, port=9)
    eventually(lambda: set(servers()) == {"a", "b", OLD_SERVER})
    eventually(lambda: second.metric('pba_sync_changes_total{change="added"}') == 1)
    assert second.metric('pba_sync_changes_total{change="drained"}') == 0


def test_a_node_is_drained_by_hand_and_let_back(
    sidecar: Sidecar, slices: Slices, servers: Servers, declare: Declare
) -> None:
    slices.write("one", {"a": "ready", "b": "ready"}, port=9)
    declare(external=[OLD], drained=["a", "old"])
    states = {"a": Admin.DRAIN, "b": Admin.READY, OLD_SERVER: Admin.DRAIN}
    eventually(lambda: {name: server.admin for name, server in servers().items()} == states)
    assert sidecar.metric('pba_sync_nodes{state="drained"}') == 2
    declare(external=[OLD], drained=[])
    eventually(lambda: {server.admin for server in servers().values()} == {Admin.READY})


def test_a_host_that_nobody_can_resolve_holds_up_nothing(
    sidecar: Sidecar, slices: Slices, servers: Servers, declare: Declare
) -> None:
    declare(external=[{"name": "lost", "host": "no-such-host.invalid", "port": 9}])
    slices.write("one", {"a": "ready"}, port=9)
    eventually(lambda: sidecar.get("/readyz")[0] == 200)
    assert set(servers()) == {"a"}
    eventually(lambda: sidecar.metric("pba_sync_lookup_failures_total") >= 1)
    assert sidecar.metric("pba_sync_nodes_unresolved") == 1
    assert "no-such-host.invalid cannot be resolved, going on with nothing" in sidecar.log.read_text()
