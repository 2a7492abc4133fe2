"""`kubectl scale` under traffic: no request is lost, and HAProxy is never reloaded."""

from __future__ import annotations

from functools import partial
from typing import Any

from pba_nodes.frontends import haproxy_identity, serving

from pba_hack.kubectl import Kubectl, wait_for
from pba_hack.traffic import Load
from pba_hack.traffic.shopper import Shopper

Json = dict[str, Any]


def _frontend_pods(shop: Kubectl) -> list[str]:
    pods = shop.items("pods", "pba.dev/cluster=shop,pba.dev/component=frontend")
    return [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]


def _names(shop: Kubectl, part: str) -> set[str]:
    return {pod["metadata"]["name"] for pod in shop.items("pods", f"pba.dev/component={part}")}


def _machines(shop: Kubectl, part: str) -> list[str]:
    return [pod["spec"]["nodeName"] for pod in shop.items("pods", f"pba.dev/component={part}")]


def _are_gone(shop: Kubectl, part: str, names: set[str]) -> bool:
    return not names & _names(shop, part)


def _ready_backends(shop: Kubectl, wanted: int) -> bool:
    found = shop.get("pbacluster", "shop")
    assert found is not None
    backend = found["status"]["backend"]
    return bool(backend["replicas"] == backend["readyReplicas"] == wanted)


def test_scaling_loses_no_request_and_reloads_nothing(shop: Kubectl, address: str) -> None:
    before = {pod: haproxy_identity(shop, pod) for pod in _frontend_pods(shop)}
    assert all(before.values())
    shopper = Shopper()
    with Load(address, 80, shopper.visit) as load:
        shop("scale", "pbacluster/shop", "--replicas=5")
        wait_for("five backends", lambda: _ready_backends(shop, 5))
        wait_for(
            "all five to have answered",
            lambda: serving(shop, "shop-backend") <= set(load.tally.snapshot().by_node),
            60,
        )
        shop("scale", "pbacluster/shop", "--replicas=2")
        wait_for("two backends", lambda: _ready_backends(shop, 2))
        gone = wait_for("the rest to end", lambda: len(shop.items("pods", "pba.dev/component=backend")) == 2)
        assert gone
    counts = load.tally.snapshot()
    assert counts.failed == 0, counts.by_failure
    assert counts.sent == counts.answered
    assert counts.sent > 200
    assert {pod: haproxy_identity(shop, pod) for pod in _frontend_pods(shop)} == before
    shop.wait_ready("shop")


def test_a_rollout_of_backends_and_of_frontends_loses_no_request(shop: Kubectl, address: str) -> None:
    shopper = Shopper()
    with Load(address, 80, shopper.visit) as load:
        for part in ("backend", "frontend"):
            names = _names(shop, part)
            pod = {"annotations": {"roll": part}}
            shop.patch("pbacluster", "shop", {"op": "add", "path": f"/spec/{part}/pod", "value": pod})
            wait_for(
                f"all pods of the {part} to be new",
                partial(_are_gone, shop, part, names),
            )
            shop.wait_ready("shop")
    counts = load.tally.snapshot()
    assert counts.failed == 0, counts.by_failure
    assert counts.sent == counts.answered
    assert counts.sent > 200
    machines = _machines(shop, "frontend")
    assert len(set(machines)) == len(machines) > 1, (
        "where one machine crashes, another one's frontend serves on"
    )
