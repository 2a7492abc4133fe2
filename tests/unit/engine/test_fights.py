"""Somebody undoes what we do, each time: written ever less often, told, and forgotten when he ceases."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from pba_simulation.bench import CLUSTER, MAP, Bench, address, config_map

from pba_api.identity import FIELD_MANAGER, FINALIZER, LABEL_CLUSTER
from pba_operator.domain.model import (
    Action,
    Apply,
    ChildId,
    Delete,
    Generate,
    Generator,
    Manifest,
    Observed,
    Plan,
    SetFinalizer,
)
from pba_operator.engine.opponents import last_of_others
from pba_operator.engine.restraint import CALM, QUIET
from pba_operator.kube.store import Address

SECRET = ChildId("Secret", "shop-tls")
POD = ChildId("Pod", "shop-0")
Vandal = Callable[[Bench], None]
Planner = Callable[[Observed], Plan]


def _secret() -> Manifest:
    metadata = {"name": SECRET.name, "namespace": "default", "labels": {LABEL_CLUSTER: "shop"}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}


def _pod() -> Manifest:
    metadata = {"name": POD.name, "namespace": "default", "labels": {LABEL_CLUSTER: "shop"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}


def _keep_map(observed: Observed) -> Plan:
    live = observed.children.get(MAP, {"metadata": {}})
    is_right = live.get("data") == {"k": "v"} and live["metadata"].get("labels") == {LABEL_CLUSTER: "shop"}
    return Plan() if is_right else Plan((Apply(config_map()),))


def _keep_secret(observed: Observed) -> Plan:
    live = observed.children.get(SECRET)
    if live is None:
        return Plan((Generate(_secret(), Generator.PASSWORD),))
    is_whole = "of" in live["data"]
    return Plan() if is_whole else Plan((Delete(SECRET, live["metadata"]["uid"]),))


def _edit(bench: Bench) -> None:
    bench.api.patch_as("vandal", address(MAP), {"data": {"k": "vandal"}})


def _delete(bench: Bench) -> None:
    if address(MAP) in bench.api.objects:
        bench.api.delete_as(address(MAP))


def _strip(bench: Bench) -> None:
    bench.api.patch_as("vandal", address(MAP), {"metadata": {"labels": {LABEL_CLUSTER: None}}})


def _delete_secret(bench: Bench) -> None:
    if address(SECRET) in bench.api.objects:
        bench.api.delete_as(address(SECRET))


def _spoil_secret(bench: Bench) -> None:
    if address(SECRET) in bench.api.objects:
        bench.api.patch_as("vandal", address(SECRET), {"data": {"of": None}})


async def _fight(bench: Bench, vandal: Vandal, seconds: int = 400) -> list[float]:
    """Undo the operator's work each second; return when it has written other things than its status."""
    times = []
    for _ in range(seconds):
        vandal(bench)
        bench.see_events()
        before = len(bench.api.writes)
        await bench.reconcile()
        written = [write for write in bench.api.writes[before:] if write.address.kind != "PBACluster"]
        times += [bench.clock.seconds] if written else []
        bench.clock.seconds += 1
    return times


@pytest.mark.parametrize(
    ("plan", "vandal", "target"),
    [
        (_keep_map, _edit, MAP),
        (_keep_map, _delete, MAP),
        (_keep_map, _strip, MAP),
        (_keep_secret, _delete_secret, SECRET),
        (_keep_secret, _spoil_secret, SECRET),
    ],
)
async def test_whoever_undoes_it_however_is_written_to_ever_less_often_and_told(
    bench: Bench, plan: Planner, vandal: Vandal, target: ChildId
) -> None:
    bench.plan = plan
    await bench.reconcile()
    times = await _fight(bench, vandal)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert len(times) < 25
    assert gaps[0] == 1, "the first corrections come at once"
    assert gaps[-1] > 100
    assert set(bench.contested) == {target}


async def test_it_is_told_until_a_correction_has_stood_for_a_while(bench: Bench) -> None:
    bench.plan = _keep_map
    await bench.reconcile()
    assert bench.contested == {}
    times = await _fight(bench, _edit, 30)
    assert len(times) > 3
    outcome = await bench.reconcile()
    assert outcome.again_after is not None
    bench.clock.seconds += outcome.again_after
    outcome = await bench.reconcile()
    assert bench.api.objects[address(MAP)]["data"] == {"k": "v"}, "the last word is ours"
    assert outcome.again_after == CALM
    assert set(bench.contested) == {MAP}, "that he has not answered yet says nothing"
    bench.clock.seconds += CALM
    assert (await bench.reconcile()).again_after is None
    assert bench.contested == {}


async def test_after_a_quiet_time_it_is_no_fight_any_more(bench: Bench) -> None:
    bench.plan = _keep_map
    await bench.reconcile()
    await _fight(bench, _edit, 60)
    bench.clock.seconds += QUIET + 1
    await bench.reconcile()
    _edit(bench)
    bench.see_events()
    await bench.reconcile()
    assert bench.api.objects[address(MAP)]["data"] == {"k": "v"}
    assert bench.contested == {}


async def test_a_fight_is_in_nobody_elses_way(bench: Bench) -> None:
    other = config_map("shop-b")
    bench.plan = lambda observed: Plan(
        (
            *_keep_map(observed).actions,
            *(() if ChildId.of(other) in observed.children else (Apply(other),)),
        )
    )
    await bench.reconcile()
    await _fight(bench, _edit, 30)
    _edit(bench)
    bench.api.delete_as(Address("ConfigMap", "default", "shop-b"))
    bench.see_events()
    await bench.reconcile()
    assert Address("ConfigMap", "default", "shop-b") in bench.api.objects
    assert bench.api.objects[address(MAP)]["data"] == {"k": "vandal"}


async def test_another_manifest_is_another_matter(bench: Bench) -> None:
    bench.plan = _keep_map
    await bench.reconcile()
    await _fight(bench, _edit, 30)
    _edit(bench)
    bench.see_events()
    bench.plan = lambda observed: (
        Plan() if observed.children[MAP]["data"] == {"k": "w"} else Plan((Apply(config_map(k="w")),))
    )
    await bench.reconcile()
    assert bench.api.objects[address(MAP)]["data"] == {"k": "w"}, "what the user asks for does not wait"


async def test_who_adds_and_removes_a_part_again_and_again_is_no_opponent(bench: Bench) -> None:
    for number in range(20):
        wanted = number % 2 == 0
        bench.api.patch_as("user", CLUSTER, {"spec": {"backend": {"replicas": number}}})
        bench.see_events()

        def plan(observed: Observed, wanted: bool = wanted) -> Plan:
            live = observed.children.get(MAP)
            if wanted == (live is not None):
                return Plan()
            action: Action = Apply(config_map()) if live is None else Delete(MAP, live["metadata"]["uid"])
            return Plan((action,))

        bench.plan = plan
        await bench.reconcile()
        assert (address(MAP) in bench.api.objects) == wanted, "at once"
        assert bench.contested == {}


async def test_a_finalizer_that_somebody_takes_away_each_time(bench: Bench) -> None:
    def plan(_observed: Observed) -> Plan:
        live = bench.api.objects[CLUSTER]["metadata"].get("finalizers", [])
        return Plan() if FINALIZER in live else Plan((SetFinalizer(present=True),))

    bench.plan = plan
    await bench.reconcile()
    for _ in range(100):
        bench.api.patch_as("vandal", CLUSTER, {"metadata": {"finalizers": None}})
        bench.see_events()
        await bench.reconcile()
        bench.clock.seconds += 1
    assert 4 < bench.written.count("PATCH PBACluster/shop") < 15


async def test_a_status_that_somebody_overwrites_each_time(bench: Bench) -> None:
    bench.status = {"stage": "Standalone"}
    await bench.reconcile()
    for _ in range(100):
        bench.api.status_as("vandal", CLUSTER, {"stage": "Vandal"})
        bench.see_events()
        outcome = await bench.reconcile()
        bench.clock.seconds += 1
    assert outcome.again_after is not None, "it is looked at again"
    assert 4 < len(bench.written) < 15
    bench.clock.seconds += 300
    await bench.reconcile()
    assert bench.api.objects[CLUSTER]["status"]["stage"] == "Standalone"
    bench.status = {"stage": "BackendCluster"}
    bench.api.patch_as("user", CLUSTER, {"metadata": {"annotations": {"note": "x"}}})
    bench.see_events()
    await bench.reconcile()
    assert bench.api.objects[CLUSTER]["status"]["stage"] == "BackendCluster", "what is new does not wait"


async def test_a_pod_is_not_deleted_while_what_it_is_made_from_is_contested(bench: Bench) -> None:
    uid = bench.api.create_as("user", _pod())["metadata"]["uid"]
    bench.see_events()
    bench.plan = _keep_map
    await bench.reconcile()
    await _fight(bench, _edit, 30)
    bench.plan = lambda observed: (
        Plan((*_keep_map(observed).actions, Delete(POD, uid, after=MAP)))
        if _keep_map(observed).actions
        else Plan()
    )
    _edit(bench)
    bench.see_events()
    await bench.reconcile()
    assert bench.api.objects[address(MAP)]["data"] == {"k": "vandal"}, "the apply waits"
    assert address(POD) in bench.api.objects, "and so does the deletion"


async def test_a_pod_is_deleted_although_a_webhook_writes_what_it_is_made_from_in_other_words(
    bench: Bench,
) -> None:
    uid = bench.api.create_as("user", _pod())["metadata"]["uid"]
    bench.see_events()
    bench.plan = lambda observed: Plan(
        (Apply(config_map()), *([Delete(POD, uid, after=MAP)] if POD in observed.children else []))
    )
    await bench.reconcile()
    assert address(POD) in bench.api.objects
    bench.api.patch_as("user", CLUSTER, {"metadata": {"annotations": {"note": "x"}}})
    bench.see_events()
    await bench.reconcile()
    assert address(POD) not in bench.api.objects


def test_the_opponent_is_who_was_last_to_change_it_himself() -> None:
    def entry(manager: str, minute: int, **more: str) -> Manifest:
        return {"manager": manager, "time": f"2026-11-24T10:{minute:02}:00Z", **more}

    entries = [
        entry("kubectl-edit", 1),
        entry("autoscaler", 3),
        entry("kube-controller-manager", 9, subresource="status"),
        entry(FIELD_MANAGER, 8),
    ]
    assert last_of_others({"metadata": {"managedFields": entries}}) == "autoscaler"
    assert last_of_others({"metadata": {"managedFields": entries[-1:]}}) == ""
    assert last_of_others({"metadata": {}}) == ""
