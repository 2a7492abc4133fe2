"""TLS on real nodes: the kubelet mounts Secrets and brings changes; pods start under `restricted`, and are kept."""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import Any

import pytest
from pba_lab.clients import Clients
from pba_lab.tls import Authority, Pair, shown, trusting
from pba_nodes.faults import Faults, words_of

from pba_api import ports
from pba_hack.kubectl import Kubectl, wait_for

Json = dict[str, Any]
HOST = "shop.example"
KUBELET_SECONDS = 180.0
"""A changed Secret reaches a pod with the kubelet's next look at it, by default every minute and something."""


def _apply(shop: Kubectl, pair: Pair) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": "shop-tls"},
        "stringData": pair.secret(),
    }
    shop("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(secret))


def _reason(shop: Kubectl) -> str:
    found = shop.get("pbacluster", "shop")
    assert found is not None
    conditions = {entry["type"]: entry for entry in found["status"]["conditions"]}
    return str(conditions["FrontendReady"]["reason"])


def _frontends(shop: Kubectl) -> dict[str, Json]:
    """Return the frontends that stay, by their UIDs."""
    pods = shop.items("pods", "pba.dev/cluster=shop,pba.dev/component=frontend")
    return {pod["metadata"]["uid"]: pod for pod in pods if "deletionTimestamp" not in pod["metadata"]}


def _restarts(pod: Json) -> int:
    (haproxy,) = [entry for entry in pod["status"]["containerStatuses"] if entry["name"] == "haproxy"]
    return int(haproxy["restartCount"]) if haproxy["ready"] else 0


def _all_show(shop: Kubectl, client: ssl.SSLContext, pair: Pair) -> bool:
    addresses = [pod["status"]["podIP"] for pod in _frontends(shop).values()]
    return {shown(ports.FRONTEND_HTTPS, client, HOST, at) for at in addresses} == {pair.serial}


@pytest.mark.usefixtures("restored")
async def test_clients_are_served_over_tls_and_a_renewed_certificate_costs_no_request(
    shop: Kubectl, address: str, faults: Faults
) -> None:
    authority = Authority("a test's CA")
    client, first, renewed = trusting(authority.certificate), authority.issue(HOST), authority.issue(HOST)
    before = _frontends(shop).keys()
    tls = {"secretRefs": [{"name": "shop-tls"}]}
    shop.patch("pbacluster", "shop", {"op": "add", "path": "/spec/frontend/tls", "value": tls})
    wait_for("the missing Secret to be told", lambda: _reason(shop) == "SecretMissing")
    assert _frontends(shop).keys() == before, "frontends that serve are not replaced by such that cannot"
    _apply(shop, first)
    wait_for("frontends with TLS", lambda: not _frontends(shop).keys() & before)
    shop.wait_ready("shop")
    assert shown(ports.SERVICE_HTTPS, client, HOST, address) == first.serial

    pods = _frontends(shop).keys()
    clients = Clients(address, ports.SERVICE_HTTPS, tls=client, server_name=HOST, methods=("GET",))
    clients.pause_seconds = 0.1
    clients.start(4)
    _apply(shop, renewed)
    await asyncio.to_thread(
        wait_for,
        "all frontends to show the new certificate",
        lambda: _all_show(shop, trusting(authority.certificate), renewed),
        KUBELET_SECONDS,
    )
    await clients.stop()
    assert clients.failed == {}
    assert len(clients.answered) > 100
    assert _frontends(shop).keys() == pods, "a renewed certificate replaces no pod"

    uid, pod = next(iter(_frontends(shop).items()))
    restarts = _restarts(pod)
    faults.run("kill", *words_of(pod, "haproxy"))
    wait_for("HAProxy to be started again", lambda: _restarts(_frontends(shop)[uid]) > restarts)
    assert shown(ports.FRONTEND_HTTPS, client, HOST, pod["status"]["podIP"]) == renewed.serial
