"""The operator and a real API server: what is made, kept, repaired, left alone, and how little is asked when idle."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from pba_simulation.load_balancer import UNSERVED
from pba_simulation.real import Hands, Namespace, OperatorsRequests, RunningOperator, eventually

from pba_api.identity import ANNOTATION_HASH, FINALIZER, LABEL_CLUSTER
from pba_hack.audit import AuditLog
from pba_hack.loopback import free_port
from pba_operator.kube.kinds import WATCHED

Object = dict[str, Any]
FULL = {"backend": {"replicas": 2}, "frontend": {"image": "haproxy:3"}}


def _settle(place: Namespace, hands: Hands) -> None:
    def ready() -> bool:
        hands.work()
        return place.is_ready()

    eventually(ready, f"never ready: {place.condition('Ready')}")


@pytest.fixture
def settled(
    place: Namespace, hands: Hands, operator: RunningOperator, shop: Callable[..., Object]
) -> Namespace:
    """A whole PBACluster that is ready, and an operator that holds the Lease."""
    assert operator.leads
    place.create(shop(**FULL))
    _settle(place, hands)
    return place


def test_everything_is_made_and_told(settled: Namespace) -> None:
    for kind, name in (
        ("StatefulSet", "shop-mysql"),
        ("Deployment", "shop-management"),
        ("Deployment", "shop-backend"),
        ("Deployment", "shop-frontend"),
        ("Service", "shop"),
        ("PodDisruptionBudget", "shop-backend"),
    ):
        live = settled.get(kind, name)
        assert live is not None, name
        assert ANNOTATION_HASH in live["metadata"]["annotations"]

    def told() -> bool:
        """An Event is written after the status that it tells of."""
        events = [event for event in settled.list("Event") if event["involvedObject"]["name"] == "shop"]
        return "AllPartsReady" in {event["reason"] for event in events}

    eventually(told, "no Event tells that it is ready")
    live = settled.get("PBACluster", "shop")
    assert live is not None
    times = {condition["lastTransitionTime"] for condition in live["status"]["conditions"]}
    assert all(times)


def test_an_idle_cluster_costs_no_write_and_no_request(
    settled: Namespace, audit: Callable[[], OperatorsRequests]
) -> None:
    quiet_since = [time.monotonic(), 0]

    def quiet() -> bool:
        """Wait until the listings that follow a start are over."""
        count = len(audit_all.requests())
        if count != quiet_since[1]:
            quiet_since[:] = [time.monotonic(), count]
        return time.monotonic() - quiet_since[0] > 5

    audit_all = audit()
    eventually(quiet, "the operator never comes to rest")
    idle = audit()
    time.sleep(15)  # this is what is measured: fifteen seconds of doing nothing
    assert idle.requests() == []
    assert settled.is_ready()


def test_removing_a_field_removes_it_from_the_child(
    place: Namespace, hands: Hands, operator: RunningOperator, shop: Callable[..., Object]
) -> None:
    assert operator.leads
    place.create(shop(childMetadata={"labels": {"team": "billing"}}))
    _settle(place, hands)
    assert _labels(place, "Service", "shop")["team"] == "billing"
    place.patch("PBACluster", "shop", {"spec": {"childMetadata": None}})
    eventually(lambda: "team" not in _labels(place, "Service", "shop"), "the label stays")
    assert _labels(place, "Service", "shop")[LABEL_CLUSTER] == "shop"


def test_a_service_that_no_load_balancer_serves_is_waited_for_and_told(
    place: Namespace, hands: Hands, operator: RunningOperator, shop: Callable[..., Object]
) -> None:
    assert operator.leads
    place.create(shop(service={"type": "LoadBalancer", "loadBalancerClass": UNSERVED}))

    def waits_for_nothing_else() -> bool:
        hands.work()
        told = [place.condition(part) for part in ("Ready", "DatabaseReady", "ManagementReady")]
        return [found and found["reason"] for found in told] == [
            "AwaitingAddress",
            "Ready",
            "AwaitingAddress",
        ]

    eventually(waits_for_nothing_else, "it is told")
    assert place.condition("Stalled") is None
    assert _addresses(place) == []
    ingress = [{"hostname": "lb.example"}, {"ip": "192.0.2.7"}]
    place.patch("Service", "shop", {"status": {"loadBalancer": {"ingress": ingress}}}, "status")
    eventually(place.is_ready, "ready with an address")
    assert _addresses(place) == ["lb.example", "192.0.2.7"]
    place.patch("PBACluster", "shop", {"spec": {"service": None}})
    eventually(
        lambda: _addresses(place) == _spec(place, "Service", "shop")["clusterIPs"], "the address inside"
    )
    eventually(place.is_ready, "ready without a load balancer")


def test_what_a_vandal_does_is_undone(settled: Namespace) -> None:
    settled.patch("Deployment", "shop-backend", {"spec": {"replicas": 7}})
    eventually(lambda: _spec(settled, "Deployment", "shop-backend")["replicas"] == 2, "replicas")
    settled.patch("Service", "shop", {"spec": {"selector": {"vandal": "yes"}}})
    eventually(lambda: "vandal" not in _spec(settled, "Service", "shop")["selector"], "selector")
    settled.delete("ConfigMap", "shop-frontend")
    eventually(lambda: settled.get("ConfigMap", "shop-frontend"), "deletion")
    settled.patch("Deployment", "shop-backend", {"metadata": {"labels": {LABEL_CLUSTER: None}}})
    eventually(lambda: _labels(settled, "Deployment", "shop-backend").get(LABEL_CLUSTER) == "shop", "label")
    settled.patch("Deployment", "shop-backend", {"metadata": {"ownerReferences": None}})
    eventually(
        lambda: (
            (settled.get("Deployment", "shop-backend") or {})["metadata"].get("ownerReferences")
            or settled.condition("Stalled")
        ),
        "owner",
    )


def test_a_foreign_object_is_told_and_left_alone(
    place: Namespace, operator: RunningOperator, shop: Callable[..., Object]
) -> None:
    assert operator.leads
    place.create(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "shop"},
            "spec": {"ports": [{"port": 1}]},
        }
    )
    before = place.get("Service", "shop")
    place.create(shop())
    stalled = eventually(lambda: place.condition("Stalled"), "the conflict is not told")
    assert stalled["reason"] == "NameConflict"
    assert place.get("Service", "shop") == before
    place.delete("Service", "shop")
    eventually(
        lambda: place.get("Service", "shop") and place.condition("Stalled") is None, "it does not heal"
    )


def test_deletion_with_the_data(
    place: Namespace, hands: Hands, operator: RunningOperator, shop: Callable[..., Object]
) -> None:
    assert operator.leads
    place.create(shop(deletionPolicy="Delete"))
    _settle(place, hands)
    live = place.get("PBACluster", "shop")
    assert live is not None
    assert live["metadata"]["finalizers"] == [FINALIZER]
    place.delete("PBACluster", "shop")

    def gone() -> bool:
        for pod in place.list("Pod"):  # no garbage collector and no node here: the test is both
            place.delete("Pod", pod["metadata"]["name"])
        return place.get("PBACluster", "shop") is None

    eventually(gone, "the finalizer stays")
    assert place.list("PersistentVolumeClaim") == []
    left = [secret["metadata"]["name"] for secret in place.list("Secret")]
    assert left == ["shop-mysql-tls"], "what only garbage collection removes"


def test_a_restart_changes_nothing(
    settled: Namespace, operator: RunningOperator, audit: Callable[[], OperatorsRequests]
) -> None:
    operator.stop()
    log = audit()
    second = RunningOperator(settled, "second")
    second.start()
    try:
        eventually(lambda: second.leads and second.process and second.process.engine.queue.idle, "no second")
        assert log.writes() == []
    finally:
        second.stop()


def test_what_happened_while_nobody_looked_is_found(settled: Namespace, operator: RunningOperator) -> None:
    operator.stop()
    settled.delete("Service", "shop-backend")
    settled.patch("Deployment", "shop-backend", {"spec": {"replicas": 7}})
    second = RunningOperator(settled, "second")
    second.start()
    try:
        eventually(lambda: settled.get("Service", "shop-backend"), "the Service does not come back")
        eventually(lambda: _spec(settled, "Deployment", "shop-backend")["replicas"] == 2, "replicas")
    finally:
        second.stop()


def test_a_clean_end_releases_the_lease_and_only_then_another_holds_it(
    place: Namespace, operator: RunningOperator
) -> None:
    second = RunningOperator(place, "second")
    second.start()
    try:
        eventually(lambda: second.process and second.process.engine.resync.synced, "the second is not ready")
        assert not second.leads
        held = place.get("Lease", "pba-operator")
        assert held is not None
        operator.stop()
        eventually(lambda: second.leads, "the second never leads")
        holders = [lease["spec"]["holderIdentity"] for lease in place.changes("Lease", since=held)]
        assert [holder for holder, _ in itertools.groupby(holders) if holder != "test"] == ["", "second"]
    finally:
        second.stop()


def test_the_program_itself_starts_serves_and_stops(place: Namespace, tmp_path: Any) -> None:
    port = free_port()
    served = f"http://127.0.0.1:{port}"
    environment = {
        "KUBECONFIG": str(place.server.kubeconfig),
        "PBA_WATCH_NAMESPACES": place.name,
        "POD_NAMESPACE": place.name,
        "PBA_HTTP_PORT": str(port),
        "PBA_SYNC_IMAGE": "sync:1",
        "PATH": "",
    }
    log = AuditLog(place.server.audit_log)
    with (tmp_path / "operator.log").open("w+") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "pba_operator"], env=environment, stdout=output, stderr=output
        )
        try:
            eventually(lambda: _page(f"{served}/readyz"), "never ready")
            eventually(lambda: "\npba_operator_leader 1.0\n" in _page(f"{served}/metrics"), "it never leads")
            # Told to end before that, kopf may still be asking what the API server serves, and complains in the log.
            eventually(lambda: _watched(log, place) >= {kind.plural for kind in WATCHED}, "it never watches")
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()
        output.seek(0)
        text = output.read()
    lease = place.get("Lease", "pba-operator")
    assert lease is not None
    assert lease["spec"]["holderIdentity"] == ""
    assert '"level": "error"' not in text


def _watched(log: AuditLog, place: Namespace) -> set[str]:
    """Return what is watched in a namespace."""
    asked = [
        entry["objectRef"] for entry in log.entries() if entry["verb"] == "watch" and "objectRef" in entry
    ]
    return {about["resource"] for about in asked if about.get("namespace") == place.name}


def _page(url: str) -> str:
    """Return what is served there; empty if nothing is."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - always http, to loopback
            return str(answer.read().decode())
    except OSError:
        return ""


def _addresses(place: Namespace) -> list[str]:
    addresses: list[str] = (place.get("PBACluster", "shop") or {})["status"]["service"]["addresses"]
    return addresses


def _labels(place: Namespace, kind: str, name: str) -> dict[str, str]:
    labels: dict[str, str] = (place.get(kind, name) or {"metadata": {}})["metadata"].get("labels", {})
    return labels


def _spec(place: Namespace, kind: str, name: str) -> Object:
    spec: Object = (place.get(kind, name) or {})["spec"]
    return spec
