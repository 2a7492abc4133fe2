"""What an earlier PBACluster of the same name left: taken back together, or left alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pba_operator.domain import database
from pba_operator.domain.model import Apply, ChildId, Generate

World = Any
CLAIM = ChildId("PersistentVolumeClaim", "data-shop-mysql-0")
SECRETS = tuple(ChildId("Secret", f"shop-mysql-{name}") for name in ("admin", "app", "ca"))
KEPT = (CLAIM, *SECRETS)
NEWER = "0a0a0a0a-0000-4000-8000-000000000002"
NEWEST = "0a0a0a0a-0000-4000-8000-000000000003"


@pytest.fixture
def left(settled: World) -> World:
    """A PBACluster made anew, beside what the one before it left."""
    settled.leave()
    return settled


def _uid(world: World, child: ChildId) -> str:
    uid: str = world.children[child]["metadata"]["labels"]["pba.dev/cluster-uid"]
    return uid


def test_the_whole_set_is_taken_back_with_its_content(left: World) -> None:
    content = {child: dict(left.children[child]["data"]) for child in SECRETS}
    volume = left.children[CLAIM]["metadata"]["uid"]
    left.settle()
    assert left.reasons() == []
    assert {_uid(left, child) for child in KEPT} == {NEWER}
    assert {child: left.children[child]["data"] for child in SECRETS} == content
    assert left.children[CLAIM]["metadata"]["uid"] == volume


def test_the_group_keeps_its_name_with_the_data_and_gets_another_without(settled: World) -> None:
    def group() -> str:
        return str(settled.get("ConfigMap", "shop-mysql")["data"]["my.cnf"].split("group_name = ")[1][:38])

    before, origin = group(), settled.cluster.uid
    settled.leave()
    settled.settle()
    assert group() == before
    assert settled.children[CLAIM]["metadata"]["labels"]["pba.dev/database-id"] == origin
    settled.children.clear()
    settled.settle()
    assert group() != before


def test_the_volume_is_stamped_alone_then_the_rest_and_every_step_is_for_the_very_object(left: World) -> None:
    """The write of the volume may fail: the next ones, in the same pass, must not be done without it."""

    def stamped() -> list[Apply]:
        steps = [step for step in left.due() if isinstance(step, Apply)]
        return [step for step in steps if ChildId.of(step.manifest) in KEPT]

    (volume,) = stamped()
    assert volume.manifest["kind"] == "PersistentVolumeClaim"
    left.act(volume)
    others = stamped()
    assert len(others) == 3
    for manifest in (step.manifest for step in (volume, *others)):
        child = ChildId.of(manifest)
        assert manifest["metadata"]["uid"] == left.children[child]["metadata"]["uid"]
        assert "data" not in manifest


def test_killed_anywhere_while_it_is_taken_back_it_goes_on(left: World) -> None:
    for _step in range(12):
        due = left.due()
        if due:
            left.act(due[0])
        assert "RetainedSetMixed" not in left.reasons()
        assert "RetainedSetIncomplete" not in left.reasons()
    left.settle()
    assert {_uid(left, child) for child in KEPT} == {NEWER}


@pytest.mark.parametrize("missing", [few for size in (1, 2, 3) for few in combinations(KEPT, size)])
def test_an_incomplete_set_is_told_and_not_touched(left: World, missing: tuple[ChildId, ...]) -> None:
    for child in missing:
        del left.children[child]
    problem = database.problems(left.cluster, left.observed)[0]
    assert (problem.reason, problem.stalled) == ("RetainedSetIncomplete", True)
    assert all(child.name in problem.message for child in KEPT)
    assert left.due() == []
    assert database.blocked(left.cluster, left.observed)
    assert not database.ready(left.cluster, left.observed)


def test_only_the_applications_password_missing_has_a_remedy_of_its_own(left: World) -> None:
    del left.children[ChildId("Secret", "shop-mysql-app")]
    assert "passwordSecretRef" in database.problems(left.cluster, left.observed)[0].message


def test_a_volume_is_data_even_without_the_mark_that_says_so(left: World) -> None:
    del left.children[CLAIM]["metadata"]["labels"]["pba.dev/database-id"]
    for child in SECRETS:
        del left.children[child]
    assert left.reasons()[0] == "RetainedSetIncomplete"
    assert left.due() == [], "credentials that do not open the volume are not made"


def test_a_kept_volume_that_lost_its_databases_id_is_a_database_of_its_own(left: World) -> None:
    del left.children[CLAIM]["metadata"]["labels"]["pba.dev/database-id"]
    left.settle()
    assert {left.children[child]["metadata"]["labels"]["pba.dev/database-id"] for child in KEPT} == {NEWER}


def test_an_incomplete_set_heals_when_it_is_removed(left: World) -> None:
    del left.children[CLAIM]
    assert left.reasons()[0] == "RetainedSetIncomplete"
    for child in SECRETS:
        del left.children[child]
    left.settle()
    assert left.reasons() == []


@pytest.mark.parametrize("odd", KEPT)
def test_a_set_of_two_databases_is_told_and_not_touched(left: World, odd: ChildId) -> None:
    labels = left.children[odd]["metadata"]["labels"]
    labels["pba.dev/cluster-uid"] = labels["pba.dev/database-id"] = "a-third-one"
    problem = database.problems(left.cluster, left.observed)[0]
    assert (problem.reason, problem.stalled) == ("RetainedSetMixed", True)
    assert left.due() == []


@pytest.mark.parametrize("is_marked", [True, False])
@pytest.mark.parametrize("stamped", range(1, len(KEPT)))
def test_deleted_while_it_takes_the_set_back_the_next_one_takes_it_back(
    left: World, stamped: int, is_marked: bool
) -> None:
    """The first PBACluster, too, may have been deleted before it marked its Secrets with the database's id."""
    content = {child: dict(left.children[child]["data"]) for child in SECRETS}
    for child in SECRETS if not is_marked else ():
        del left.children[child]["metadata"]["labels"]["pba.dev/database-id"]
    while sum(_uid(left, child) == NEWER for child in KEPT) < stamped:
        left.act(left.due()[0])
    left.leave(uid=NEWEST)
    left.settle()
    assert left.reasons() == []
    assert {_uid(left, child) for child in KEPT} == {NEWEST}
    assert {child: left.children[child]["data"] for child in SECRETS} == content


@pytest.mark.parametrize("ours", SECRETS)
def test_credentials_of_ours_beside_a_volume_of_anothers_are_not_its(left: World, ours: ChildId) -> None:
    left.children[ours]["metadata"]["labels"]["pba.dev/cluster-uid"] = NEWER
    assert left.reasons()[0] == "RetainedSetMixed"
    assert left.due() == []


@pytest.mark.parametrize("foreign", [*KEPT, ChildId("Secret", "shop-mysql-tls")])
def test_an_object_without_our_marks_is_a_conflict_of_names(
    new_world: Callable[..., World], foreign: ChildId
) -> None:
    world = new_world()
    world.put(foreign.kind, foreign.name)
    problem = database.problems(world.cluster, world.observed)[0]
    assert (problem.reason, problem.stalled) == ("NameConflict", True)
    assert foreign.name in problem.message
    assert world.due() == []


@pytest.mark.parametrize(
    "labels",
    [
        {"pba.dev/cluster": "shop", "pba.dev/component": "database"},
        {"pba.dev/cluster": "other", "pba.dev/component": "database", "pba.dev/cluster-uid": "x"},
        {"pba.dev/cluster": "shop", "pba.dev/component": "backend", "pba.dev/cluster-uid": "x"},
    ],
)
def test_half_a_mark_is_no_mark(new_world: Callable[..., World], labels: dict[str, str]) -> None:
    world = new_world()
    world.put(*CLAIM, metadata={"name": CLAIM.name, "labels": labels})
    assert world.reasons()[0] == "NameConflict"


def test_what_another_controller_owns_is_foreign_and_what_the_namesake_owned_is_leaving(
    settled: World, new_world: Callable[..., World]
) -> None:
    settled.cluster = replace(settled.cluster, uid=NEWER)
    for child in (*KEPT, *(child for child in settled.children if child.kind in ("StatefulSet", "Pod"))):
        settled.children.pop(child)
    assert settled.reasons()[0] == "Terminating"
    assert settled.due() == []
    del settled.children[ChildId("Secret", "shop-mysql-tls")]
    assert not database.blocked(settled.cluster, settled.observed)
    world = new_world()
    owner = {"kind": "Other", "name": "shop", "uid": "x", "controller": True}
    world.put(*CLAIM, metadata={"name": CLAIM.name, "ownerReferences": [owner]})
    assert world.reasons()[0] == "NameConflict"


def test_secrets_that_never_had_a_volume_are_used(new_world: Callable[..., World]) -> None:
    world = new_world()
    for action in world.due():
        if isinstance(action, Generate):
            world.act(action)
    world.leave()
    del world.children[ChildId("Secret", "shop-mysql-app")]
    content = dict(world.get("Secret", "shop-mysql-admin")["data"])
    world.settle()
    assert world.reasons() == []
    assert world.get("Secret", "shop-mysql-admin")["data"] == content


def test_a_volume_of_another_class_than_asked_is_told(settled: World, cluster: Callable[..., Any]) -> None:
    settled.children[CLAIM]["spec"]["storageClassName"] = "slow"
    settled.leave()
    for wanted, reason in (("fast", "StorageClassDiffers"), ("slow", None), ("", None)):
        storage = {"size": "1Gi", "storageClassName": wanted}
        settled.cluster = cluster(uid=NEWER, storage=storage)
        verdict = [problem.reason for problem in database.problems(settled.cluster, settled.observed)]
        assert (verdict[0] == reason) if reason else ("StorageClassDiffers" not in verdict)


def test_a_password_of_the_users_own_needs_no_kept_one_and_takes_it_along(
    left: World, cluster: Callable[..., Any]
) -> None:
    reference = {"name": "app", "passwordSecretRef": {"name": "mine", "key": "pw"}}
    left.cluster = cluster(uid=NEWER, user=reference)
    left.references[ChildId("Secret", "mine")] = {"metadata": {"name": "mine"}, "data": {"pw": "cHc="}}
    left.settle()
    assert _uid(left, ChildId("Secret", "shop-mysql-app")) == NEWER
    assert left.reasons() == []


@settings(max_examples=50)
@given(st.sets(st.sampled_from(KEPT)), st.data())
def test_whatever_is_left_nothing_kept_is_ever_overwritten(
    new_world: Callable[..., World], missing: set[ChildId], data: st.DataObject
) -> None:
    world = new_world()
    world.settle()
    world.leave()
    for child in missing:
        del world.children[child]
    before = {child: (live["metadata"]["uid"], live.get("data")) for child, live in world.children.items()}
    for _step in range(data.draw(st.integers(0, 15))):
        due = world.due()
        if due:
            world.act(due[0])
    for child, (uid, content) in before.items():
        assert world.children[child]["metadata"]["uid"] == uid
        assert world.children[child].get("data") == content
    untouched = 0 < len(missing) < len(KEPT)
    assert untouched == (world.reasons()[:1] == ["RetainedSetIncomplete"])
