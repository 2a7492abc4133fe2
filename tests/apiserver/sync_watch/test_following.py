"""HAProxy follows the EndpointSlices of a real API server."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

from pba_lab.patience import eventually
from pba_lab.rotation import Servers, in_rotation
from pba_lab.sidecar import Sidecar
from pba_lab.slices import Slices

from pba_hack.apiserver import ApiServer
from pba_operator.domain.model import Cluster

IN_ROTATION_SECONDS = 0.3
MEMORY_MEBIBYTES = 45


def test_nodes_come_drain_and_go_with_their_endpoints(
    sidecar: Sidecar, slices: Slices, servers: Servers
) -> None:
    slices.write("one", {"a": "ready", "b": "ready", "c": "unready"}, port=9)
    eventually(lambda: in_rotation(servers) == {"a", "b"})
    eventually(lambda: sidecar.get("/readyz")[0] == 200)
    slices.write("one", {"a": "ready", "b": "terminating", "c": "ready"}, port=9)
    eventually(lambda: in_rotation(servers) == {"a", "c"})
    eventually(lambda: set(servers()) == {"a", "c"})
    slices.write("two", {"d": "ready"}, port=10)
    eventually(lambda: in_rotation(servers) == {"a", "c", "d"})
    assert servers()["d"].port == 10
    slices.delete("one")
    eventually(lambda: set(servers()) == {"d"})
    slices.write("two", {"d": "unready"}, port=10)
    eventually(lambda: sidecar.metric("pba_sync_nodes_unready_serving") == 1)
    assert set(servers()) == {"d"}, "no other can serve"
    slices.write("two", {"d": "ending"}, port=10)
    eventually(lambda: not servers())
    slices.delete("two")
    assert sidecar.get("/readyz")[0] == 200
    assert sidecar.metric('pba_sync_relists_total{reason="start"}') == 1


def test_slices_of_other_services_are_nothing_to_us(
    sidecar: Sidecar, slices: Slices, servers: Servers
) -> None:
    slices.write("foreign", {"x": "ready"}, port=9, service="shop")
    slices.write("ours", {"a": "ready"}, port=9)
    eventually(lambda: in_rotation(servers) == {"a"})
    slices.write("foreign", {"x": "ready", "y": "ready"}, port=9, service="shop")
    slices.write("ours", {"a": "ready", "b": "ready"}, port=9)
    eventually(lambda: in_rotation(servers) == {"a", "b"})
    assert sidecar.metric('pba_sync_nodes{state="serving"}') == 2


def test_a_ready_endpoint_is_soon_in_rotation(sidecar: Sidecar, slices: Slices, servers: Servers) -> None:
    pods = {"first": "ready"}
    slices.write("one", pods, port=9)
    eventually(lambda: in_rotation(servers) == {"first"})
    took = []
    for number in range(20):
        pods[f"pod-{number}"] = "ready"
        started = time.monotonic()
        slices.write("one", pods, port=9)
        eventually(lambda: pods.keys() == in_rotation(servers))
        took.append(time.monotonic() - started)
    assert statistics.median(took) <= IN_ROTATION_SECONDS, took
    assert sidecar.metric('pba_sync_in_rotation_seconds_bucket{le="0.3"}') >= 20


def test_a_thousand_nodes_in_ten_slices_fit_into_little_memory(
    sidecar: Sidecar, slices: Slices, servers: Servers
) -> None:
    for number in range(10):
        pods = {f"shop-backend-7d9f8c6b5-{number}x{pod:03}": "ready" for pod in range(100)}
        slices.write(f"shop-backend-{number}", pods, port=9000 + number)
    eventually(lambda: len(servers()) == 1000)
    slices.delete("shop-backend-3")
    eventually(lambda: len(servers()) == 900)
    assert sidecar.memory_mebibytes() <= MEMORY_MEBIBYTES


def test_the_role_allows_to_follow_slices_and_one_config_map_and_nothing_else(
    api_server: ApiServer, cluster: Cluster, token: Callable[[], str]
) -> None:
    account = replace(api_server, token=token())
    space = f"namespaces/{cluster.namespace}"
    assert account.request("GET", f"/apis/discovery.k8s.io/v1/{space}/endpointslices").ok
    config_maps = f"/api/v1/{space}/configmaps"
    for name, status in (("shop-nodes", 200), ("shop-frontend", 403)):
        assert account.request("GET", config_maps, fieldSelector=f"metadata.name={name}").status == status
    for method, path in (
        ("GET", f"/api/v1/{space}/secrets"),
        ("GET", f"/api/v1/{space}/pods"),
        ("GET", config_maps),
        ("GET", f"{config_maps}/shop-nodes"),
        ("PATCH", f"{config_maps}/shop-nodes"),
        ("GET", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"),
        ("GET", "/apis/discovery.k8s.io/v1/endpointslices"),
        ("DELETE", f"/apis/discovery.k8s.io/v1/{space}/endpointslices/x"),
    ):
        assert account.request(method, path).status == 403, path
