from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pba_api.identity import LABEL_CLUSTER
from pba_operator.domain.model import ChildId
from pba_operator.kube import store as module
from pba_operator.kube.store import Address, Key, Store, Version

KEY = Key("default", "shop")
POD = Address("Pod", "default", "shop-0")


def pod(version: int, uid: str = "u1", cluster: str | None = "shop", **more: Any) -> dict[str, Any]:
    labels = {LABEL_CLUSTER: cluster} if cluster else {}
    metadata = {
        "name": "shop-0",
        "namespace": "default",
        "uid": uid,
        "resourceVersion": str(version),
        "labels": labels,
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, **more}


def shop(version: int = 1) -> dict[str, Any]:
    metadata = {"name": "shop", "namespace": "default", "uid": "c1", "resourceVersion": str(version)}
    return {"apiVersion": "pba.dev/v1alpha1", "kind": "PBACluster", "metadata": metadata}


@pytest.fixture
def store() -> Store:
    return Store()


def test_what_was_seen_is_there_but_for_who_manages_its_fields(store: Store) -> None:
    seen = pod(1, status={"phase": "Running"})
    seen["metadata"]["managedFields"] = [{"manager": "kubelet"}]
    assert store.see(seen)
    assert store.get(POD) == pod(1, status={"phase": "Running"})
    assert store.version(POD) == Version("u1", 1)
    assert store.owner(POD) == KEY
    assert len(store) == 1


def test_nobody_changes_the_cache_by_changing_its_answer(store: Store) -> None:
    store.see(pod(1))
    answer = store.get(POD)
    assert answer is not None
    answer["metadata"]["name"] = "other"
    assert store.get(POD) == pod(1)


def test_a_view_never_goes_back(store: Store) -> None:
    store.see(pod(5))
    assert not store.see(pod(4))
    assert not store.see(pod(5))
    assert not store.see(pod(4), live=True)
    assert store.see(pod(6))
    assert store.version(POD) == Version("u1", 6)


def test_resource_versions_are_numbers(store: Store) -> None:
    store.see(pod(9))
    assert store.see(pod(10))


def test_a_version_that_is_no_number_is_taken_for_the_newest(store: Store) -> None:
    strange = pod(1)
    strange["metadata"]["resourceVersion"] = "opaque"
    store.see(pod(9))
    assert store.see(strange)


def test_events_of_an_object_that_is_gone_bring_it_back_never(store: Store) -> None:
    store.see(pod(5))
    assert store.see_deleted(pod(7))
    assert store.get(POD) is None
    assert not store.see(pod(6))
    assert not store.see(pod(8))
    assert not store.see_deleted(pod(7))


def test_an_old_deletion_does_not_end_the_successor(store: Store) -> None:
    store.see(pod(9, uid="u2"))
    assert not store.see_deleted(pod(7, uid="u1"))
    assert store.version(POD) == Version("u2", 9)


def test_a_successor_is_seen(store: Store) -> None:
    store.see(pod(5))
    store.see_deleted(pod(7))
    assert not store.see(pod(6, uid="u0"))
    assert store.see(pod(8, uid="u2"))
    assert not store.see_deleted(pod(7))


def test_an_object_that_lost_its_label_is_not_gone_for_who_looks(store: Store) -> None:
    store.see(pod(5))
    store.see_deleted(pod(7))
    assert not store.see(pod(7))
    assert store.see(pod(7), live=True)


def test_an_answer_from_before_the_end_does_not_bring_an_object_back(store: Store) -> None:
    store.see_deleted(pod(7))
    assert not store.see(pod(6), live=True)


def test_what_was_looked_for_in_vain_is_forgotten_if_it_is_the_same(store: Store) -> None:
    store.see(pod(5))
    assert not store.forget(POD, "u0")
    assert store.forget(POD, "u1")
    assert not store.forget(POD, "u1")
    assert not store.see(pod(6))


def test_children_are_those_that_carry_the_label(store: Store) -> None:
    store.see(shop())
    store.see(pod(1))
    other = pod(1, cluster="other")
    other["metadata"]["name"] = "other-0"
    store.see(other)
    assert store.children(KEY) == {ChildId("Pod", "shop-0"): pod(1)}
    assert store.clusters() == [KEY]
    assert store.cluster(KEY) == shop()
    assert list(store.of_owner(KEY, "Pod")) == [(POD, Version("u1", 1))]
    assert {address.name for address, _ in store.of_kind("Pod")} == {"shop-0", "other-0"}
    assert list(store.of_kind("Pod", "elsewhere")) == []


def test_a_label_that_changes_moves_the_object(store: Store) -> None:
    store.see(pod(1))
    store.see(pod(2, cluster="other"))
    assert store.children(KEY) == {}
    assert store.fingerprint(KEY) == frozenset()
    assert store.owner(POD) == Key("default", "other")
    store.see(pod(3, cluster=None))
    assert store.owner(POD) is None
    assert store.get(POD) == pod(3, cluster=None)


def test_the_fingerprint_changes_with_every_change(store: Store) -> None:
    store.see(shop())
    prints = {store.fingerprint(KEY)}
    store.see(pod(1))
    prints.add(store.fingerprint(KEY))
    store.see(pod(2))
    prints.add(store.fingerprint(KEY))
    store.see_deleted(pod(3))
    assert len(prints) == 3
    assert store.fingerprint(KEY) in prints


def test_the_memory_of_the_dead_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRAVES_MAX", 2)
    for number in range(5):
        gone = pod(number)
        gone["metadata"]["name"] = f"shop-{number}"
        store.see_deleted(gone)
    assert len(store._graves) == 2


EVENT = st.tuples(st.sampled_from(["see", "deleted"]), st.integers(1, 12))


@given(st.permutations(range(1, 13)), st.lists(EVENT, max_size=10))
def test_whatever_the_order_of_events_the_last_state_stays(
    order: list[int], replays: list[tuple[str, int]]
) -> None:
    """States 1-12 of a name: object u1 lives 1-6 and is deleted at 7, u2 lives from 8 on."""
    store = Store()

    def tell(number: int) -> None:
        if number == 7:
            store.see_deleted(pod(7, uid="u1"))
        else:
            store.see(pod(number, uid="u1" if number < 7 else "u2"))

    for number in order:
        tell(number)
    for _, number in replays:
        tell(number)
    assert store.version(POD) == Version("u2", 12)


def test_many_alike_are_small() -> None:
    store = Store()
    spec = {
        "containers": [
            {"name": str(number), "image": "app:1", "args": ["--flag"] * 20} for number in range(20)
        ]
    }
    for number in range(200):
        one = pod(1, uid=f"u{number}", spec=spec)
        one["metadata"]["name"] = f"shop-{number}"
        store.see(one)
    sizes = [len(entry.packed) for entry in store._entries.values()]
    assert max(sizes[1:]) < 300
    assert store.get(Address("Pod", "default", "shop-7")) is not None
