"""`Ready` is honest: each part is broken in turn; `Ready` goes False, names the part, and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pba_hack.kubectl import Kubectl, wait_for

Json = dict[str, Any]

PARTS = {
    "database": "DatabaseReady",
    "management": "ManagementReady",
    "backend": "BackendReady",
    "frontend": "FrontendReady",
}


@pytest.fixture
def no_room(shop: Kubectl) -> Iterator[None]:
    """Let no node take new pods for the time of a test."""
    nodes = [node["metadata"]["name"] for node in shop.items("nodes")]
    shop("cordon", *nodes)
    yield
    shop("uncordon", *nodes)


@pytest.mark.usefixtures("no_room")
@pytest.mark.parametrize("component", PARTS)
def test_a_broken_part_is_named_and_comes_back(shop: Kubectl, component: str) -> None:
    part = PARTS[component]
    pod = shop.items("pods", f"pba.dev/cluster=shop,pba.dev/component={component}")[0]["metadata"]["name"]
    shop("delete", "pod", pod, "--wait=false", "--grace-period=1")

    def broken() -> Json | None:
        entry = shop.condition("shop", "Ready")
        good = entry is not None and entry["status"] == "False" and part in entry["message"]
        return entry if good and entry and entry["reason"] == "Unschedulable" else None

    entry = wait_for(f"Ready to name {part}", broken, 60)
    assert "pod" in entry["message"].lower()
    stalled = shop.condition("shop", "Stalled")
    assert stalled is not None
    assert stalled["status"] == "True"
    shop("uncordon", *[node["metadata"]["name"] for node in shop.items("nodes")])
    shop.wait_ready("shop")
    assert shop.condition("shop", "Stalled") is None
