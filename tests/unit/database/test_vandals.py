"""What somebody changes of the database's own objects costs no restart, no identity, and does not stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pba_api.identity import ANNOTATION_HASH, LABEL_DATABASE_ID
from pba_operator.domain.model import Apply, ChildId, Delete, Manifest

World = Any
CLAIM = ChildId("PersistentVolumeClaim", "data-shop-mysql-0")
STATEFUL = ChildId("StatefulSet", "shop-mysql")
CERTIFICATE = ChildId("Secret", "shop-mysql-tls")
KEPT = tuple(ChildId("Secret", f"shop-mysql-{name}") for name in ("admin", "app", "ca"))


def _applied(world: World) -> dict[ChildId, Manifest]:
    return {ChildId.of(step.manifest): step.manifest for step in world.due() if isinstance(step, Apply)}


def test_an_edited_template_is_undone_before_the_database_is_restarted(settled: World) -> None:
    """The controller has seen the vandal's template, and the pod is not of it."""
    live = settled.children[STATEFUL]
    live["spec"]["template"]["spec"]["containers"][0]["image"] = "vandal:1"
    live["metadata"]["generation"] += 1
    settled.run_controllers()
    assert {step.after for step in settled.due() if isinstance(step, Delete)} == {STATEFUL}
    assert STATEFUL in _applied(settled)


@pytest.mark.parametrize("edited", ["another", None])
@pytest.mark.parametrize("is_taken_back", [False, True])
def test_the_databases_identity_is_not_what_somebody_writes_on_the_volume(
    settled: World, edited: str | None, is_taken_back: bool
) -> None:
    origin = settled.cluster.uid
    if is_taken_back:
        settled.leave()
        settled.settle()
    labels = settled.children[CLAIM]["metadata"]["labels"]
    labels.pop(LABEL_DATABASE_ID) if edited is None else labels.update({LABEL_DATABASE_ID: edited})
    assert set(_applied(settled)) == {CLAIM}, "neither my.cnf nor a Secret follows it"
    settled.settle()
    assert settled.children[CLAIM]["metadata"]["labels"][LABEL_DATABASE_ID] == origin


@pytest.mark.parametrize("child", [*KEPT, CERTIFICATE])
def test_a_secret_that_was_stripped_of_its_hash_gets_it_back(
    new_world: Callable[..., World], child: ChildId
) -> None:
    """Without it nobody would see that a label of `childMetadata` has to go again."""
    world = new_world(childMetadata={"labels": {"team": "billing"}})
    world.settle()
    del world.children[child]["metadata"]["annotations"][ANNOTATION_HASH]
    assert set(_applied(world)) == {child}


def test_a_certificate_is_made_with_its_marks_only(new_world: Callable[..., World]) -> None:
    """What a creation sets, no later apply can take away again."""
    world = new_world(childMetadata={"labels": {"team": "billing"}, "annotations": {"note": "x"}})
    made: list[Manifest] = []
    generate = world.generate

    def note(action: Any) -> None:
        made.append(action.manifest["metadata"])
        generate(action)

    world.generate = note
    world.settle()
    (metadata,) = [found for found in made if found["name"] == CERTIFICATE.name]
    assert "team" not in metadata["labels"]
    assert "annotations" not in metadata
    assert metadata["ownerReferences"]
    assert world.children[CERTIFICATE]["metadata"]["labels"]["team"] == "billing"
