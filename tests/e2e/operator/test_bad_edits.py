"""A mistake in the spec of a PBACluster that serves: what serves goes on, and what was acknowledged is not lost."""

from __future__ import annotations

from typing import Any

import pytest
from pba_nodes.books import Audit
from pba_nodes.frontends import none_fails_in

from pba_hack.kubectl import Kubectl, wait_for
from pba_hack.traffic import Load
from pba_hack.traffic.shopper import Shopper

Json = dict[str, Any]

pytestmark = pytest.mark.usefixtures("restored")

NOWHERE = "localhost/does-not-exist:1"
TOLD_SECONDS = 90.0
ANSWERS = 300
ORDERS = 20


def _wait_told(shop: Kubectl, part: str, reason: str) -> Json:
    def told() -> Json | None:
        entry = shop.condition("shop", part)
        stalled = shop.condition("shop", "Stalled")
        return entry if stalled and entry and entry["reason"] == reason else None

    return wait_for(f"{part} to tell {reason}", told, TOLD_SECONDS)


def test_an_image_that_does_not_exist_costs_no_request(shop: Kubectl, address: str) -> None:
    found = shop.get("pbacluster", "shop")
    assert found is not None
    image = found["spec"]["application"]["image"]
    with Load(address, 80, Shopper().visit) as load:
        shop.patch(
            "pbacluster", "shop", {"op": "replace", "path": "/spec/application/image", "value": NOWHERE}
        )
        assert NOWHERE in _wait_told(shop, "BackendReady", "ImagePullFailed")["message"]
        assert none_fails_in(load, ANSWERS)
        shop.patch("pbacluster", "shop", {"op": "replace", "path": "/spec/application/image", "value": image})
        shop.wait_ready("shop")
        assert none_fails_in(load, ANSWERS)
    counts = load.tally.snapshot()
    assert counts.failed == 0, counts.by_failure


def test_a_database_option_that_does_not_exist_loses_no_order(shop: Kubectl, address: str) -> None:
    shopper, books = Shopper(), Audit.open(address, 80)
    option = "/spec/database/config/no_such_option"
    with Load(address, 80, shopper.visit) as load:
        wait_for("some orders", lambda: len(shopper.acknowledged) > ORDERS)
        shop.patch("pbacluster", "shop", {"op": "add", "path": option, "value": "1"})
        assert "no_such_option" in _wait_told(shop, "DatabaseReady", "CrashLooping")["message"]
        assert load.tally.snapshot().failed > 0, "MySQL went on without the option: nothing was shown"
        shop.patch("pbacluster", "shop", {"op": "remove", "path": option})
        shop.wait_ready("shop")
        orders = len(shopper.acknowledged)
        wait_for("orders again", lambda: len(shopper.acknowledged) > orders + ORDERS)
    books.close(address, 80, shopper)
