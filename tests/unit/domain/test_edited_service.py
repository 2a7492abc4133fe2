"""The clients' Service that somebody has led elsewhere: it comes back at once, also to a side that does not serve."""

from __future__ import annotations

from typing import Any

import pytest

from pba_operator.domain.model import Apply, ChildId, Cluster
from pba_operator.domain.plan import plan

ADDRESS = ChildId("Service", "shop")


@pytest.mark.parametrize("edited", ["backend", "database", "nobody"])
@pytest.mark.parametrize("ready", [0, 2])
def test_a_selector_that_leads_to_no_server_of_clients_is_undone(
    world: Any, whole: Cluster, sync: Any, edited: str, ready: int
) -> None:
    world.settle(whole)
    selector = world.children[ADDRESS]["spec"]["selector"]
    asked = dict(selector)
    selector["pba.dev/component"] = edited
    world.deployment("shop-frontend")["status"]["readyReplicas"] = ready
    applied = [step.manifest for step in plan(whole, world.observed, sync).actions if isinstance(step, Apply)]
    assert [ChildId.of(manifest) for manifest in applied] == [ADDRESS]
    assert applied[0]["spec"]["selector"] == asked
