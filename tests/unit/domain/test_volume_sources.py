"""What `application.volumes` name: looked at by kind and name, as the API server stores it, and told by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pba_simulation.belief import condition, states

from pba_operator.domain.model import ChildId, Cluster, Manifest
from pba_operator.domain.plan import LOOK_AGAIN_SECONDS, REFERENCES_SECONDS, plan, references

MakeCluster = Callable[..., Cluster]


def projected(**source: Any) -> Manifest:
    return {"projected": {"sources": [{"downwardAPI": {"items": []}}, source]}}


SOURCES = {
    "secret": ({"secret": {"secretName": "theirs"}}, "Secret"),
    "configMap": ({"configMap": {"name": "theirs"}}, "ConfigMap"),
    "claim": ({"persistentVolumeClaim": {"claimName": "theirs"}}, "PersistentVolumeClaim"),
    "projected secret": (projected(secret={"name": "theirs"}), "Secret"),
    "projected configMap": (projected(configMap={"name": "theirs"}), "ConfigMap"),
}
each_source = pytest.mark.parametrize(("source", "kind"), SOURCES.values(), ids=SOURCES)


@pytest.fixture
def starting(world: Any, cluster: MakeCluster) -> Callable[[Manifest], Cluster]:
    """Return a maker of PBAClusters with this source of a volume, whose backend nodes are not ready."""

    def make(source: Manifest) -> Cluster:
        made = cluster(
            application={"volumes": [{"name": "scratch", "emptyDir": {}}, {"name": "files", **source}]},
            backend={},
            frontend={"image": "haproxy:3"},
        )
        world.settle(made)
        world.deployment("shop-backend")["status"]["availableReplicas"] = 0
        return made

    return make


def told(world: Any, made: Cluster) -> str:
    """Return what is told of the backend nodes' volumes; empty if nothing is."""
    status = world.status(made)
    assert states(status)["ManagementReady"] == "True", "its pods run: they have what they need"
    backend = condition(status, "BackendReady")
    assert backend is not None
    is_told = backend["reason"] == "VolumeSourceMissing"
    assert (states(status).get("Stalled") == "True") is is_told
    return backend["message"] if is_told else ""


@each_source
def test_a_source_that_is_not_there_is_told_by_name(
    world: Any, starting: Callable[[Manifest], Cluster], sync: Any, source: Manifest, kind: str
) -> None:
    made = starting(source)
    assert references(made.spec) == (ChildId(kind, "theirs"),)
    world.references = {ChildId(kind, "theirs"): None}
    assert told(world, made).startswith(
        f'{kind} "theirs", which the volume "files" in application.volumes names, does not exist'
    )
    assert plan(made, world.observed, sync).requeue_after == LOOK_AGAIN_SECONDS


@each_source
def test_a_source_that_holds_nothing_is_there(
    world: Any, starting: Callable[[Manifest], Cluster], sync: Any, source: Manifest, kind: str
) -> None:
    """A claim never has `data`, and an empty Secret or ConfigMap is stored without it."""
    made = starting(source)
    world.references = {ChildId(kind, "theirs"): {"metadata": {"name": "theirs"}}}
    assert told(world, made) == ""
    decided = plan(made, world.observed, sync)
    assert decided.requeue_after is None
    assert decided.references_after == REFERENCES_SECONDS


@pytest.mark.parametrize(
    "source",
    [
        {"secret": {"secretName": "theirs", "optional": True}},
        {"configMap": {"name": "theirs", "optional": True}},
        projected(secret={"name": "theirs", "optional": True}),
        {"emptyDir": {}},
    ],
)
def test_what_may_be_absent_is_not_looked_at(
    world: Any, starting: Callable[[Manifest], Cluster], source: Manifest
) -> None:
    made = starting(source)
    assert references(made.spec) == ()
    assert told(world, made) == ""


ITEMS = [{"key": "first", "path": "1"}, {"key": "second", "path": "2"}]
CONFIG_MAP_ITEMS = {"configMap": {"name": "theirs", "items": ITEMS}}
SECRET_ITEMS = projected(secret={"name": "theirs", "items": ITEMS})


@pytest.mark.parametrize(
    ("source", "kind", "held", "lacking"),
    [
        (CONFIG_MAP_ITEMS, "ConfigMap", {"data": {"first": "a", "second": "b"}}, None),
        (CONFIG_MAP_ITEMS, "ConfigMap", {"data": {"first": ""}, "binaryData": {"second": "Yg=="}}, None),
        (CONFIG_MAP_ITEMS, "ConfigMap", {"binaryData": {"first": "YQ==", "second": "Yg=="}}, None),
        (CONFIG_MAP_ITEMS, "ConfigMap", {"binaryData": {"first": "YQ=="}}, "second"),
        (CONFIG_MAP_ITEMS, "ConfigMap", {}, "first"),
        (SECRET_ITEMS, "Secret", {"data": {"first": "YQ==", "second": "Yg=="}}, None),
        (SECRET_ITEMS, "Secret", {"data": {"second": "Yg=="}}, "first"),
    ],
)
def test_a_key_that_a_volume_asks_for_is_told_only_if_it_is_lacking(
    world: Any,
    starting: Callable[[Manifest], Cluster],
    source: Manifest,
    kind: str,
    held: Manifest,
    lacking: str | None,
) -> None:
    made = starting(source)
    world.references = {ChildId(kind, "theirs"): {"metadata": {"name": "theirs"}, **held}}
    expected = (
        f'{kind} "theirs" lacks the key "{lacking}", which the volume "files" in application.volumes names: '
        "add the key, or correct the name."
    )
    assert told(world, made) == ("" if lacking is None else expected)
