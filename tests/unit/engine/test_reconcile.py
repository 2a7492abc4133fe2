"""One reconcile, with a plan that the test writes: what is asked before a write, what is not written, when it ends."""

from __future__ import annotations

import logging

import pytest
from pba_simulation.bench import CLUSTER, KEY, MAP, STATUS, Bench, address, config_map

from pba_api.identity import LABEL_CLUSTER
from pba_operator.domain.model import (
    Apply,
    Observed,
    Plan,
)
from pba_operator.engine.worker import Outcome
from pba_operator.kube.store import Address


async def test_what_is_missing_is_applied_and_the_status_written_once(bench: Bench) -> None:
    bench.wants(Apply(config_map()))
    assert await bench.reconcile() == Outcome("changed")
    assert bench.written == ["APPLY ConfigMap/shop-a", STATUS]
    assert await bench.reconcile() == Outcome("unchanged")
    assert len(bench.written) == 2


async def test_a_settled_cluster_is_not_planned_again_until_something_changes(bench: Bench) -> None:
    bench.wants(Apply(config_map()))
    await bench.reconcile()
    before, reads = bench.planned, len(bench.api.reads)
    await bench.reconcile()
    assert bench.planned == before
    assert len(bench.api.reads) == reads
    bench.api.patch_as("user", address(MAP), {"data": {"k": "other"}})
    bench.see_events()
    await bench.reconcile()
    assert bench.planned > before


async def test_our_own_writes_wake_nobody(bench: Bench) -> None:
    bench.wants(Apply(config_map()))
    await bench.engine.workers.work_once()
    bench.see_events()
    assert bench.engine.queue.idle


async def test_a_change_during_a_reconcile_is_looked_at_after_it(bench: Bench) -> None:
    bench.wants(Apply(config_map()))

    def edit(_verb: str, at: Address) -> None:
        if at.kind == "PBACluster":
            bench.api.after = lambda _verb, _at: None
            bench.api.patch_as("user", CLUSTER, {"spec": {"paused": True}})

    def edit_before(verb: str, at: Address) -> None:
        if verb == "APPLY" and at.kind == "PBACluster":
            bench.api.before = lambda _verb, _at: None
            edit(verb, at)

    bench.api.before = edit_before
    outcome = await bench.reconcile()
    assert outcome.again_after == 0.0, (
        "the answer to our write brought the user's edit: its event is no news any more"
    )


async def test_before_the_first_write_the_cluster_itself_is_read(bench: Bench) -> None:
    seen = []

    def plan(observed: Observed) -> Plan:
        seen.append(observed)
        return Plan((Apply(config_map()),)) if MAP not in observed.children else Plan()

    bench.plan = plan
    bench.api.patch_as("user", CLUSTER, {"spec": {"paused": True}})  # no watch has told
    await bench.reconcile()
    live = bench.engine.store.cluster(KEY)
    assert live is not None
    assert live["spec"]["paused"] is True
    assert bench.planned == 3, "planned for the old one, for the one that was read, and at the end"
    assert ("GET", CLUSTER) in bench.api.reads


async def test_before_later_writes_the_cluster_is_not_read_again(bench: Bench) -> None:
    steps = [config_map("shop-a"), config_map("shop-b"), config_map("shop-c")]
    bench.plan = lambda observed: Plan(tuple(Apply(step) for step in steps[len(observed.children) :][:1]))
    await bench.reconcile()
    assert bench.written == [*(f"APPLY ConfigMap/shop-{letter}" for letter in "abc"), STATUS]
    assert bench.api.reads.count(("GET", CLUSTER)) == 1


async def test_a_cluster_that_is_gone_is_found_out_before_anything_is_written(bench: Bench) -> None:
    bench.wants(Apply(config_map()))
    bench.api.delete_as(CLUSTER)
    assert await bench.reconcile() == Outcome("gone")
    assert bench.written == []
    assert await bench.reconcile() == Outcome("gone")


async def test_a_foreign_object_is_seen_before_it_would_be_overwritten(bench: Bench) -> None:
    bench.api.create_as("user", config_map(label=False, mine="yes"))
    bench.wants(Apply(config_map()))
    assert await bench.reconcile() == Outcome("changed")
    assert bench.written == [STATUS]
    assert bench.api.objects[address(MAP)]["data"] == {"mine": "yes"}


async def test_an_object_of_another_cluster_is_seen_as_well(bench: Bench) -> None:
    other = config_map()
    other["metadata"]["labels"] = {LABEL_CLUSTER: "other"}
    bench.api.create_as("user", other)
    bench.see_events()
    bench.wants(Apply(config_map()))
    await bench.reconcile()
    assert bench.written == [STATUS]


async def test_missing_children_are_looked_for_once(bench: Bench) -> None:
    bench.api.create_as("user", config_map("shop-b", label=False))  # found, so that all is planned anew
    bench.wants(Apply(config_map()), Apply(config_map("shop-b")))
    await bench.reconcile()
    looked = [at.name for verb, at in bench.api.reads if verb == "GET" and at.kind == "ConfigMap"]
    assert sorted(looked) == ["shop-a", "shop-b"]


async def test_an_apply_is_to_the_object_that_was_looked_at(bench: Bench) -> None:
    bench.api.create_as("us", config_map(k="old"))
    bench.see_events()
    bench.plan = lambda observed: (
        Plan((Apply(config_map(k="new")),)) if observed.children[MAP]["data"]["k"] == "old" else Plan()
    )
    bench.api.delete_as(address(MAP))
    bench.api.create_as("user", config_map(label=False, k="theirs"))  # no watch has told
    assert await bench.reconcile() == Outcome("changed")
    assert bench.api.objects[address(MAP)]["data"] == {"k": "theirs"}


async def test_an_apply_that_changes_nothing_is_not_repeated(bench: Bench) -> None:
    """A webhook writes the value in another way than we do."""
    bench.plan = lambda _observed: Plan((Apply(config_map()),))
    assert await bench.reconcile() == Outcome("changed")
    bench.clock.seconds += 1000
    assert await bench.reconcile() == Outcome("unchanged")
    assert bench.written.count("APPLY ConfigMap/shop-a") == 1
    bench.api.patch_as("user", address(MAP), {"metadata": {"annotations": {"x": "y"}}})
    bench.see_events()
    await bench.reconcile()
    assert bench.written.count("APPLY ConfigMap/shop-a") == 2, "something changed: it was worth a try"


async def test_the_next_look_is_when_the_plan_says(bench: Bench) -> None:
    bench.plan = lambda _observed: Plan((), requeue_after=15)
    assert (await bench.reconcile()).again_after == 15


async def test_a_plan_that_never_ends_is_given_up_and_tried_again(bench: Bench) -> None:
    count = 0

    def plan(_observed: Observed) -> Plan:
        nonlocal count
        count += 1
        return Plan((Apply(config_map(k=str(count))),))

    bench.plan = plan
    outcome = await bench.reconcile()
    assert outcome == Outcome("refused", retry=True)
    assert len(bench.written) < 20


async def test_a_line_is_logged_only_if_something_was_done(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.wants(Apply(config_map(k="secret-content")))
    with caplog.at_level(logging.INFO):
        await bench.reconcile()
        await bench.reconcile()
    (record,) = [found for found in caplog.records if found.message == "reconciled"]
    told = record.__dict__
    assert told["cluster"] == "default/shop"
    assert told["actions"] == ["Apply ConfigMap/shop-a"]
    assert told["status"] == "written"
    assert "secret-content" not in str(told)
