"""What must not wait for the operator does not, and what was acknowledged is not lost."""

from __future__ import annotations

import os
from contextlib import closing
from typing import Any

from pba_hack.cluster.trial import TrialCluster
from pba_hack.kubectl import Kubectl, wait_for
from pba_hack.traffic import Client, Load, Tally
from pba_hack.traffic.shopper import Shopper, ledger

Json = dict[str, Any]


def _pods(shop: Kubectl, component: str) -> list[Json]:
    return shop.items("pods", f"pba.dev/cluster=shop,pba.dev/component={component}")


def _mysql(shop: Kubectl) -> Json:
    """Return what the kubelet says of the container that MySQL runs in."""
    (pod,) = _pods(shop, "database")
    (mysql,) = [entry for entry in pod["status"]["containerStatuses"] if entry["name"] == "mysql"]
    return dict(mysql)


def test_traffic_goes_on_with_the_operator_down(shop: Kubectl, operator: Kubectl, address: str) -> None:
    operator("scale", "deployment/pba-operator", "--replicas=0")
    try:
        wait_for(
            "the operator to be gone",
            lambda: not operator.items("pods", "app.kubernetes.io/name=pba-operator"),
        )
        shopper = Shopper()
        with Load(address, 80, shopper.visit) as load:
            before = {pod["metadata"]["name"] for pod in _pods(shop, "backend")}
            shop("delete", "pod", min(before), "--wait=false")
            wait_for(
                "a new backend to answer",
                lambda: (
                    set(load.tally.snapshot().by_node)
                    & ({p["metadata"]["name"] for p in _pods(shop, "backend")} - before)
                ),
            )
        counts = load.tally.snapshot()
        assert counts.failed == 0, counts.by_failure
        assert counts.answered == counts.sent > 100
    finally:
        operator("scale", "deployment/pba-operator", "--replicas=1")
        operator("rollout", "status", "deployment/pba-operator", "--timeout=90s")
    shop.wait_ready("shop")


def test_mysql_killed_under_load_loses_no_acknowledged_order(shop: Kubectl, address: str) -> None:
    shopper = Shopper()
    with Load(address, 80, shopper.visit) as load:
        wait_for("some orders", lambda: len(shopper.acknowledged) > 20)
        restarts = _mysql(shop)["restartCount"]
        cluster = TrialCluster(os.environ["PBA_CLUSTER"])
        cluster.run("kill", "shop-mysql-0", "--namespace", shop.namespace, "--container", "mysql")
        wait_for("MySQL to be started again", lambda: _mysql(shop)["restartCount"] > restarts)
        orders = len(shopper.acknowledged)
        wait_for("orders again", lambda: len(shopper.acknowledged) > orders + 20)
    with closing(Client(address, 80, Tally())) as client:
        book, lost = ledger(client), shopper.lost(client)
    assert book.balanced
    assert book.imbalance_cents == 0
    assert not lost, f"{len(lost)} acknowledged orders are gone"
    assert load.tally.snapshot().failed > 0, "the fault did not reach the clients: nothing was shown"
    assert _mysql(shop)["lastState"]["terminated"]["exitCode"] == 137, "it was not ended by SIGKILL"
    shop.wait_ready("shop")
