"""Frontends whose clients are bound to nodes by a cookie."""

from __future__ import annotations

import pytest
from pba_lab import Node
from pba_lab.bound import BOUND, serve
from pba_lab.making import NewNodes, NewSidecar
from pba_lab.shop import shop
from pba_lab.sidecar_loop import SidecarLoop

from pba_operator.domain.frontend import haproxy_cfg


@pytest.fixture
def configuration() -> str:
    # Without retries: with them a client of a node that fails moves before anybody has judged the node.
    return haproxy_cfg.render(shop("default", {"retries": {"budgetPercent": 0}}, affinity={}))


@pytest.fixture
async def nodes(new_nodes: NewNodes) -> list[Node]:
    return await new_nodes(3)


@pytest.fixture
async def sidecar(new_sidecar: NewSidecar, nodes: list[Node]) -> SidecarLoop:
    return await serve(new_sidecar(drain_seconds=20.0, affinity=BOUND), nodes)
