"""Before anything is destroyed, everything is looked at anew; what is gone is not deleted again."""

from __future__ import annotations

from pba_simulation.bench import CLUSTER, MAP, STATUS, Bench, address, config_map

from pba_api.identity import FINALIZER
from pba_operator.domain.model import (
    ChildId,
    Delete,
    Plan,
    SetFinalizer,
)
from pba_operator.engine.worker import Outcome
from pba_operator.kube import kinds
from pba_operator.kube.store import Address


async def test_before_anything_is_destroyed_everything_is_listed_anew(bench: Bench) -> None:
    bench.api.create_as("us", config_map())
    bench.see_events()
    uid = bench.api.objects[address(MAP)]["metadata"]["uid"]
    bench.plan = lambda observed: (
        Plan((Delete(MAP, uid),)) if MAP in observed.children and len(observed.children) == 1 else Plan()
    )
    bench.api.create_as("us", config_map("shop-b"))  # no watch has told: with it, nothing is to be deleted
    await bench.reconcile()
    assert "DELETE ConfigMap/shop-a" not in bench.written


async def test_of_what_is_destroyed_in_steps_everything_is_listed_once(bench: Bench) -> None:
    for name in ("shop-a", "shop-b"):
        bench.api.create_as("us", config_map(name))
    bench.see_events()
    bench.plan = lambda observed: Plan(
        tuple(Delete(child, live["metadata"]["uid"]) for child, live in sorted(observed.children.items())[:1])
    )
    bench.api.reads.clear()
    await bench.reconcile()
    assert bench.written == ["DELETE ConfigMap/shop-a", "DELETE ConfigMap/shop-b", STATUS]
    listed = [at.kind for verb, at in bench.api.reads if verb == "LIST"]
    assert sorted(listed) == sorted(kind.name for kind in kinds.CHILDREN)


async def test_what_is_gone_is_not_deleted_again(bench: Bench) -> None:
    bench.api.create_as("us", config_map())
    bench.see_events()
    uid = bench.api.objects[address(MAP)]["metadata"]["uid"]
    bench.wants(Delete(MAP, uid))
    bench.api.delete_as(address(MAP))  # no watch has told
    await bench.reconcile()
    assert bench.written == [STATUS]
    assert bench.engine.store.get(address(MAP)) is None


async def test_a_deletion_is_seen_at_once_and_not_repeated(bench: Bench) -> None:
    held = config_map("shop-b")
    held["metadata"]["finalizers"] = ["somebody/else"]
    for manifest in (config_map(), held):
        bench.api.create_as("us", manifest)
    bench.see_events()
    uids = {
        child: bench.api.objects[address(child)]["metadata"]["uid"]
        for child in (MAP, ChildId("ConfigMap", "shop-b"))
    }
    bench.wants(*(Delete(child, uid) for child, uid in uids.items()))
    await bench.reconcile()
    deletions = [write for write in bench.written if write.startswith("DELETE")]
    assert deletions == ["DELETE ConfigMap/shop-a", "DELETE ConfigMap/shop-b"]
    await bench.reconcile()
    assert [write for write in bench.written if write.startswith("DELETE")] == deletions


async def test_a_deletion_that_comes_too_late_is_none(bench: Bench) -> None:
    bench.api.create_as("us", config_map())
    bench.see_events()
    uid = bench.api.objects[address(MAP)]["metadata"]["uid"]
    bench.wants(Delete(MAP, uid))

    def vanish(verb: str, at: Address) -> None:
        if verb == "DELETE":
            bench.api.before = lambda _verb, _at: None
            bench.api.delete_as(at)

    bench.api.before = vanish
    assert await bench.reconcile() == Outcome("changed")


def is_held(bench: Bench) -> bool:
    return FINALIZER in bench.api.objects[CLUSTER]["metadata"].get("finalizers", ())


async def test_the_finalizer_comes_and_goes_beside_others(bench: Bench) -> None:
    bench.api.patch_as("user", CLUSTER, {"metadata": {"finalizers": ["a/b"]}})
    bench.see_events()
    bench.plan = lambda _observed: Plan(() if is_held(bench) else (SetFinalizer(present=True),))
    await bench.reconcile()
    assert bench.api.objects[CLUSTER]["metadata"]["finalizers"] == ["a/b", FINALIZER]
    bench.plan = lambda _observed: Plan((SetFinalizer(present=False),) if is_held(bench) else ())
    bench.engine.reconciler._memories.clear()
    await bench.reconcile()
    assert bench.api.objects[CLUSTER]["metadata"]["finalizers"] == ["a/b"]
    assert bench.written.count("PATCH PBACluster/shop") == 2


async def test_a_finalizer_that_another_writer_races_for_is_set_all_the_same(bench: Bench) -> None:
    bench.plan = lambda _observed: Plan(() if is_held(bench) else (SetFinalizer(present=True),))

    def race(verb: str, _at: Address) -> None:
        if verb == "PATCH":
            bench.api.before = lambda _verb, _at: None
            bench.api.patch_as("user", CLUSTER, {"metadata": {"labels": {"x": "y"}}})

    bench.api.before = race
    await bench.reconcile()
    assert is_held(bench)


async def test_with_its_last_finalizer_a_deleted_cluster_is_gone(bench: Bench) -> None:
    bench.api.patch_as("user", CLUSTER, {"metadata": {"finalizers": [FINALIZER]}})
    bench.api.delete_as(CLUSTER)
    bench.see_events()
    bench.plan = lambda _observed: Plan((SetFinalizer(present=False),))
    assert await bench.reconcile() == Outcome("gone")
    assert bench.written == ["PATCH PBACluster/shop"]
    assert CLUSTER not in bench.api.objects


async def test_what_a_plan_looks_for_is_found_without_its_label(bench: Bench) -> None:
    bench.api.create_as("us", config_map(label=False))
    uid = bench.api.objects[address(MAP)]["metadata"]["uid"]
    bench.plan = lambda observed: (
        Plan((Delete(MAP, uid),)) if MAP in observed.children else Plan(looks_for=(MAP,))
    )
    await bench.reconcile()
    assert "DELETE ConfigMap/shop-a" in bench.written
