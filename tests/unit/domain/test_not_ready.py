"""`status.backend.notReady`: the backends that do not serve, each with its machine and the reason."""

from __future__ import annotations

from typing import Any

from pba_operator.domain.model import Cluster


def test_each_backend_that_does_not_serve_is_listed_wherever_its_name_sorts(
    world: Any, whole: Cluster
) -> None:
    world.settle(whole)
    world.put_pod("shop-backend-a", "backend", ready=False)
    world.put_pod("shop-backend-b", "backend")
    world.put_pod("shop-backend-c", "backend", ready=False)["spec"] = {}
    assert world.status(whole)["backend"]["notReady"] == [
        {"name": "shop-backend-a", "nodeName": "node1", "reason": "NotReady"},
        {"name": "shop-backend-c", "nodeName": "", "reason": "NotReady"},
    ]
