"""The status: written for the cluster that was looked at, and not again and again."""

from __future__ import annotations

from pba_simulation.bench import CLUSTER, KEY, STATUS, Bench
from pba_simulation.world import cluster as manifest_of

from pba_operator.domain.model import (
    Manifest,
)
from pba_operator.engine.worker import Outcome
from pba_operator.kube.store import Address


async def test_a_status_that_the_server_alters_is_not_written_again_and_again(bench: Bench) -> None:
    bench.status = {"conditions": [], "unknown": "pruned"}

    def prune(verb: str, at: Address) -> None:
        if verb == "APPLY" and at.kind == "PBACluster":
            bench.api.objects[at]["status"].pop("unknown", None)

    original = bench.api.apply_as

    def apply_as(manager: str, manifest: Manifest, subresource: str = "") -> Manifest:
        pruned = {**manifest}
        if subresource:
            pruned["status"] = {
                name: value for name, value in manifest["status"].items() if name != "unknown"
            }
        return original(manager, pruned, subresource)

    bench.api.apply_as = apply_as  # type: ignore[method-assign]
    await bench.reconcile()
    bench.engine.reconciler._memories[KEY].settled = None
    await bench.reconcile()
    assert bench.written == [STATUS]


async def test_a_cluster_that_is_replaced_before_its_status_is_written_gets_none_of_the_old_one(
    bench: Bench,
) -> None:
    def replace(verb: str, at: Address) -> None:
        if verb == "APPLY" and at.kind == "PBACluster":
            bench.api.before = lambda _verb, _at: None
            bench.api.delete_as(CLUSTER)
            bench.api.create_as("user", manifest_of(paused=True))

    bench.api.before = replace
    outcome = await bench.reconcile()
    assert outcome.again_after == 0.0
    assert "status" not in bench.api.objects[CLUSTER]
    assert await bench.reconcile() == Outcome("changed")
    assert "status" in bench.api.objects[CLUSTER]
