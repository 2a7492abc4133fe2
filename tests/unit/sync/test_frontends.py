from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pba_lab.modelled import Clock

from pba_sync.balancer.frontends import FrontendsDesk, count, share
from pba_sync.watching.membership import Node, NodeState

OWN = frozenset({"10.0.0.1"})


def serving(*names: str) -> dict[str, Node]:
    return {
        name: Node(name, f"10.0.0.{number}", 8080, NodeState.SERVING) for number, name in enumerate(names, 1)
    }


@pytest.mark.parametrize(
    ("nodes", "frontends"),
    [
        ({}, 1),
        (serving("shop-frontend-a"), 1),
        (serving("shop-frontend-a", "shop-frontend-b", "shop-frontend-c"), 3),
        # we are not ready yet, or go
        (serving("", "shop-frontend-b", "shop-frontend-c"), 3),
        # the Service still leads to the management node
        (serving("", "shop-management-x"), 1),
    ],
)
def test_those_that_serve_and_this_one_share_the_nodes(nodes: dict[str, Node], frontends: int) -> None:
    assert count(nodes, "shop-frontend-", OWN) == frontends


def test_one_that_goes_does_not_share() -> None:
    nodes: dict[str, Any] = serving("shop-frontend-a", "shop-frontend-b")
    nodes["shop-frontend-b"] = Node("shop-frontend-b", "10.0.0.2", 8080, NodeState.DRAINING)
    assert count(nodes, "shop-frontend-", OWN) == 1


@given(st.integers(1, 10_000), st.integers(1, 100))
def test_all_shares_together_are_within_the_limit_where_each_can_have_one(limit: int, frontends: int) -> None:
    each = share(limit, frontends)
    assert each >= 1
    assert each * frontends <= max(limit, frontends)
    assert (each + 1) * frontends > limit, "no more is given away than must be"


def test_the_age_of_what_is_known_counts_from_the_last_word(clock: Clock) -> None:
    desk = FrontendsDesk(clock)
    assert math.isnan(desk.age())
    desk.put({})
    clock.sleep(7.0)
    assert desk.age() == 7.0
    desk.confirm()
    assert desk.age() == 0.0
