"""Each child deleted, stripped, held by a finalizer, replaced by somebody else's: made anew, or told and left alone.

Misoperation (Acto, SOSP'23): what users do to an operator's objects by hand.
"""

from __future__ import annotations

import copy
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import pytest
from pba_faults.picture import differences, picture
from pba_vandals.secrets import generated
from pba_vandals.sweep import is_stalled_by, plain
from pba_vandals.victim import CLUSTER, Victim

from pba_api.identity import (
    COMPONENT_BACKEND,
    COMPONENT_DATABASE,
    COMPONENT_FRONTEND,
    COMPONENT_MANAGEMENT,
    LABEL_CLUSTER,
    LABEL_COMPONENT,
)
from pba_operator.domain import plan
from pba_operator.domain.model import ChildId
from pba_operator.domain.ownership import is_ours
from pba_operator.kube import kinds

Object = dict[str, Any]
HOLD = "example.org/hold"
PARTS = {
    COMPONENT_DATABASE: "DatabaseReady",
    COMPONENT_MANAGEMENT: "ManagementReady",
    COMPONENT_BACKEND: "BackendReady",
    COMPONENT_FRONTEND: "FrontendReady",
}
THEIRS = "example.org/theirs"
SET_BY_THE_SERVER = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")
KEPT_APART = ("labels", "annotations", "ownerReferences", "finalizers", *SET_BY_THE_SERVER)


@pytest.fixture(autouse=True)
def same_at_the_end(
    victim: Victim,
    tireless: None,  # noqa: ARG001 - fights are another test's
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """Whatever was done, the end is as the beginning; a name that is taken is looked at again more often than else."""
    monkeypatch.setattr(plan, "LOOK_AGAIN_SECONDS", 0.3)
    before = _picture(victim)
    yield
    victim.settle()
    assert differences(_picture(victim), before) == []


def _picture(victim: Victim) -> dict[str, Object]:
    """Return everything but what is made by chance: passwords, and what follows from them."""
    found = picture(victim.place)
    for live in found.values():
        if live["kind"] == "Secret":
            live["data"] = sorted(live.get("data", {}))
        live["metadata"].pop("annotations", None)
        live.get("spec", {}).get("template", {}).get("metadata", {}).pop("annotations", None)
        live.get("spec", {}).pop("healthCheckNodePort", None)
        for port in live.get("spec", {}).get("ports", ()):
            port.pop("nodePort", None)
    return {name: live for name, live in found.items() if live["kind"] != "Pod"}


def _is_kept(live: Object) -> bool:
    """Tell whether an object outlives its PBACluster."""
    return "ownerReferences" not in live["metadata"]


def _named(victim: Victim, child: ChildId) -> bool:
    return f'"{child.name}" is being deleted' in (victim.place.condition("Ready") or {})["message"]


def _gone_and_back(victim: Victim, before: Object) -> bool:
    live = victim.place.get(before["kind"], before["metadata"]["name"])
    return live is not None and live["metadata"]["uid"] != before["metadata"]["uid"]


def _are_told(victim: Victim, children: Iterable[ChildId]) -> bool:
    return all(is_stalled_by(child, victim.live(CLUSTER)) for child in children)


def _are_named(victim: Victim, children: Iterable[ChildId]) -> bool:
    return all(_named(victim, child) for child in children)


def _are_back(victim: Victim, before: Iterable[Object]) -> bool:
    return all(_gone_and_back(victim, live) for live in before)


def test_all_are_deleted_at_once_and_made_anew(victim: Victim) -> None:
    """The volume among them: here nothing protects it, and what is gone is gone."""
    before = victim.children()
    for live in before:
        victim.place.delete(live["kind"], live["metadata"]["name"])
    victim.until(lambda: _are_back(victim, before), "all are made anew")


def test_all_are_stripped_of_all_labels_at_once(victim: Victim) -> None:
    """What is ours by its owner gets them back."""
    stripped = [live for live in victim.children() if not _is_kept(live)]
    for live in stripped:
        victim.place.patch(live["kind"], live["metadata"]["name"], {"metadata": {"labels": None}})

    def all_labelled() -> bool:
        return all(
            LABEL_CLUSTER in victim.live(ChildId.of(live))["metadata"].get("labels", {}) for live in stripped
        )

    victim.until(all_labelled, "all have their labels again")
    assert {live["metadata"]["uid"] for live in stripped} <= {
        live["metadata"]["uid"] for live in victim.children()
    }, "none was made anew"


def test_what_is_kept_is_ours_by_its_labels_only(victim: Victim) -> None:
    """Without them nothing tells it from somebody else's: nothing is touched until they are given back."""
    kept = [live for live in victim.children() if _is_kept(live)]
    assert {live["kind"] for live in kept} == {"Secret", "PersistentVolumeClaim"}
    for live in kept:
        child = ChildId.of(live)
        stripped = victim.place.patch(*child, {"metadata": {"labels": None}})
        victim.until(partial(_are_told, victim, [child]), f"{child} is told")
        assert victim.stalled()[0] == "NameConflict"
        assert plain(victim.live(child)) == plain(stripped)
        victim.place.patch(*child, {"metadata": {"labels": live["metadata"]["labels"]}})
        victim.settle(f"{child} is ours again")


def _rounds(victim: Victim) -> list[list[Object]]:
    """Return all children, one of each part at a time: the status names one object for each part and reason."""
    parts: dict[str, list[Object]] = defaultdict(list)
    for live in victim.children():
        parts[live["metadata"]["labels"][LABEL_COMPONENT]].append(live)
    return [[live for live in found if live is not None] for found in itertools.zip_longest(*parts.values())]


def _hold_and_delete(victim: Victim, child: ChildId) -> Object:
    held = victim.place.patch(*child, {"metadata": {"finalizers": [HOLD]}})
    victim.place.delete(*child)
    return held


def _part(victim: Victim, live: Object) -> Object:
    """Return the condition of the part that an object belongs to."""
    found = victim.place.condition(PARTS[live["metadata"]["labels"][LABEL_COMPONENT]])
    assert found is not None
    return found


def test_what_is_deleted_and_held_by_a_finalizer_is_told_and_made_anew_after_it(victim: Victim) -> None:
    for lives in _rounds(victim):
        children = [ChildId.of(live) for live in lives]
        writes = len(victim.judge.writes())
        held = [_hold_and_delete(victim, child) for child in children]
        victim.until(partial(_are_named, victim, children), f"{children} are told")
        victim.until(victim.is_idle, "at rest")
        for before, child in zip(held, children, strict=True):
            told = _part(victim, before)
            is_volume = child.kind == "PersistentVolumeClaim"
            assert told["reason"] == ("VolumeTerminating" if is_volume else "Terminating")
            assert is_volume or HOLD in told["message"]
            live = victim.live(child)
            assert live["metadata"]["uid"] == before["metadata"]["uid"]
            assert live["metadata"]["finalizers"] == [HOLD], "it is not ours to take off"
        targets = {f"{kinds.BY_NAME[child.kind].plural}/{child.name}" for child in children}
        assert targets & {write.target for write in victim.judge.writes()[writes:]} == set()
        for child in children:
            victim.place.patch(*child, {"metadata": {"finalizers": None}})
        victim.until(partial(_are_back, victim, held), f"{children} are made anew")
        victim.settle()


def _theirs(live: Object) -> Object:
    """Return another's object of the same kind and name, as valid as ours is."""
    found = {key: value for key, value in copy.deepcopy(live).items() if key != "status"}
    metadata = {key: value for key, value in live["metadata"].items() if key not in KEPT_APART}
    found["metadata"] = {**metadata, "annotations": {THEIRS: "yes"}}
    for field in ("clusterIP", "clusterIPs", "healthCheckNodePort", "volumeName"):
        found.get("spec", {}).pop(field, None)
    return {"apiVersion": kinds.BY_NAME[live["kind"]].api_version, **found}


def _database_apart(rounds: list[list[Object]]) -> Iterator[list[Object]]:
    """Yield the same with the database's objects alone: the nodes' names are not looked at while it does not serve."""
    for lives in rounds:
        for is_database in (True, False):
            found = [
                live
                for live in lives
                if (live["metadata"]["labels"][LABEL_COMPONENT] == COMPONENT_DATABASE) is is_database
            ]
            if found:
                yield found


def _replace_while_paused(victim: Victim, lives: list[Object]) -> list[Object]:
    """Be faster than the operator, which does not try; return what stands there in place of its objects."""
    victim.place.patch(*CLUSTER, {"spec": {"paused": True}})
    victim.until(lambda: victim.place.condition("Paused"), "paused")
    for live in lives:
        victim.place.delete(*ChildId.of(live))
    theirs = [victim.place.create(_theirs(live)) for live in lives]
    victim.place.patch(*CLUSTER, {"spec": {"paused": None}})
    return theirs


def test_what_is_replaced_by_somebody_elses_is_never_adopted(victim: Victim) -> None:
    for lives in _database_apart(_rounds(victim)):
        children = [ChildId.of(live) for live in lives]
        theirs = _replace_while_paused(victim, lives)
        victim.until(
            partial(_are_told, victim, children),
            f"{children} are told",
        )
        assert victim.stalled()[0] == "NameConflict"
        victim.until(victim.is_idle, "at rest")
        for child, other in zip(children, theirs, strict=True):
            assert not is_ours(victim.cluster, other)
            found = victim.live(child)
            assert plain(found) == plain(other), "adopted or changed"
            assert {entry["manager"] for entry in found["metadata"]["managedFields"]} == {"user"}
            victim.place.delete(*child)
        victim.settle(f"{children} are made anew")
        assert all(is_ours(victim.cluster, victim.live(child)) for child in children)


def test_what_is_made_immutable_is_told_until_somebody_deletes_it(victim: Victim) -> None:
    """Kubernetes lets nobody change it again."""
    frozen = [live for live in victim.children() if live["kind"] in ("ConfigMap", "Secret")]
    for live in (live for live in frozen if not generated(live)):
        child = ChildId.of(live)
        spoilt = dict.fromkeys(live["data"], "dmFuZGFs")
        victim.place.patch(*child, {"data": spoilt, "immutable": True})
        victim.until(partial(_are_told, victim, [child]), f"{child} is told")
        reason, message = victim.stalled()
        assert reason == "Invalid"
        assert "immutable" in message
        victim.place.delete(*child)
        victim.settle(f"{child} is made anew")
        assert victim.live(child)["data"] == live["data"]
