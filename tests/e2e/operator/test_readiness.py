"""`Ready` is honest: each part is broken in turn; `Ready` goes False, names the part, and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pba_nodes.conditions import ReadyHistory
from pba_nodes.faults import Faults, words_of

from pba_hack.conditions import condition
from pba_hack.kubectl import Kubectl, wait_for

Json = dict[str, Any]

_ASKING: Json = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "asks-for-room"},
    "spec": {
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "none",
                "image": "localhost/does-not-exist:1",
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    },
}
PARTS = {
    "database": "DatabaseReady",
    "management": "ManagementReady",
    "backend": "BackendReady",
    "frontend": "FrontendReady",
}
SERVERS = {"database": "mysql", "frontend": "haproxy"}
"""The containers whose probes ask them every second or so: that one of them hangs is known soon."""


@pytest.fixture
def no_room(shop: Kubectl) -> Iterator[None]:
    """Let no node take new pods for the time of a test."""
    nodes = [node["metadata"]["name"] for node in shop.items("nodes")]
    shop("cordon", *nodes)
    wait_for("the scheduler to know that there is no room", lambda: not _is_room(shop))
    yield
    shop("uncordon", *nodes)


def _is_room(shop: Kubectl) -> bool:
    """Ask the scheduler for room: it hears of nodes and of pods by two watches, of which one may be late."""
    shop.apply(_ASKING)

    def answer() -> Json | None:
        return condition(shop.get("pod", _ASKING["metadata"]["name"]) or {}, "PodScheduled")

    try:
        return bool(wait_for("the scheduler's answer", answer)["status"] == "True")
    finally:
        shop("delete", "pod", _ASKING["metadata"]["name"], "--grace-period=0", "--force")


def _serving(shop: Kubectl, component: str) -> Json:
    """Return a pod of a component that is not on its way out."""
    found = shop.items("pods", f"pba.dev/cluster=shop,pba.dev/component={component}")
    return next(pod for pod in found if "deletionTimestamp" not in pod["metadata"])


@pytest.mark.usefixtures("no_room")
@pytest.mark.parametrize("component", PARTS)
def test_a_broken_part_is_named_and_comes_back(shop: Kubectl, component: str) -> None:
    part = PARTS[component]
    pod = _serving(shop, component)["metadata"]["name"]
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


@pytest.mark.parametrize("component", SERVERS)
def test_a_part_that_runs_and_does_not_answer_is_named_and_comes_back(
    shop: Kubectl, faults: Faults, component: str
) -> None:
    part = PARTS[component]
    pod = _serving(shop, component)
    with ReadyHistory(shop, "shop") as ready:
        faults.begin("freeze", *words_of(pod, SERVERS[component]))
        told = ready.wait_blamed(part, 60)
        faults.end_all()
        shop.wait_ready("shop")
    assert pod["metadata"]["name"] in told.what["message"]
