"""In each phase of a PBACluster, GitOps tools show the right thing: what `report` says, judged by their own code.

kstatus is what Flux and others wait by; the health is what Argo CD shows, by the script that we ship.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pba_simulation.belief import reported

from pba_hack.gitops import Verdict, argocd_health, kstatus
from pba_operator.domain.cluster import read
from pba_operator.domain.model import ChildId, Failure, Manifest

WHOLE: Manifest = {"backend": {}, "frontend": {"image": "haproxy:3.0.11"}}


class Scene:
    """A world with a PBACluster that has everything in it, and what the API server would serve of it."""

    def __init__(self, world: Any, raw: Callable[..., Manifest]) -> None:
        self.world = world
        self.raw = raw

    def settle(self, **spec: Any) -> None:
        self.world.settle(read(self.raw(**{**WHOLE, **spec})))

    def shown(self, *failures: Failure, metadata: Manifest | None = None, **spec: Any) -> Manifest:
        """Return the PBACluster with its status."""
        live = self.raw(metadata=metadata, **{**WHOLE, **spec})
        return {**live, "status": reported(read(live), self.world.observed, failures)}

    def take_the_name_of_the_service(self) -> None:
        self.world.children.pop(ChildId("Service", "shop"))
        self.world.put(
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop", "namespace": "default"}}
        )


@pytest.fixture
def scene(world: Any, raw: Callable[..., Manifest]) -> Scene:
    return Scene(world, raw)


def judged(manifest: Manifest) -> tuple[str, str]:
    """Return kstatus' word and Argo CD's."""
    return kstatus(manifest)[0].status, argocd_health(manifest)[0].status


def message(manifest: Manifest, kind: str) -> str:
    """Return the message of a condition."""
    (found,) = [entry["message"] for entry in manifest["status"]["conditions"] if entry["type"] == kind]
    return str(found)


def test_not_seen_by_the_operator(scene: Scene) -> None:
    created = {**scene.raw(), "status": {"observedGeneration": -1}}  # the CRD's default
    assert judged(created) == ("InProgress", "Progressing")


def test_rolling_out_for_the_first_time(scene: Scene) -> None:
    starting = scene.shown()
    assert judged(starting) == ("InProgress", "Progressing")
    assert "database" in message(starting, "Ready")
    assert argocd_health(starting)[0].message == message(starting, "Ready")


def test_ready(scene: Scene) -> None:
    scene.settle()
    assert judged(scene.shown()) == ("Current", "Healthy")


def test_without_backend_nodes(scene: Scene) -> None:
    scene.settle(backend={"replicas": 0})
    assert judged(scene.shown(backend={"replicas": 0})) == ("Current", "Healthy")


def test_edited_and_not_seen_yet(scene: Scene) -> None:
    scene.settle()
    ready = scene.shown()
    edited = {**ready, "metadata": {**ready["metadata"], "generation": 2}}
    assert judged(edited) == ("InProgress", "Progressing")


def test_edited_and_being_brought_there(scene: Scene) -> None:
    scene.settle()
    edited = scene.shown(metadata={"generation": 2}, application={"image": "app:2"})
    assert judged(edited) == ("InProgress", "Progressing")
    assert "shop-backend" in argocd_health(edited)[0].message


def test_degraded_but_healing_by_itself(scene: Scene) -> None:
    scene.settle()
    scene.world.deployment("shop-backend")["status"]["availableReplicas"] = 1
    assert judged(scene.shown()) == ("InProgress", "Progressing")


def test_waiting_for_the_address_of_a_load_balancer(scene: Scene) -> None:
    asked: Manifest = {"service": {"type": "LoadBalancer"}}
    scene.settle(**asked)
    assert judged(scene.shown(**asked)) == ("Current", "Healthy")
    del scene.world.children[ChildId("Service", "shop")]["status"]
    waiting = scene.shown(**asked)
    assert judged(waiting) == ("InProgress", "Progressing")
    assert 'Service "shop" an address' in argocd_health(waiting)[0].message


def test_stalled(scene: Scene) -> None:
    scene.settle()
    scene.take_the_name_of_the_service()
    stalled = scene.shown()
    assert judged(stalled) == ("Failed", "Degraded")
    assert 'Service "shop" exists and is not ours' in message(stalled, "Stalled")
    assert argocd_health(stalled)[0].message == message(stalled, "Stalled")


def test_refused_by_the_api_server(scene: Scene) -> None:
    scene.settle()
    failure = Failure(ChildId("Deployment", "shop-backend"), "Forbidden", "exceeded quota: small")
    refused = scene.shown(failure)
    assert judged(refused) == ("Failed", "Degraded")
    assert "exceeded quota: small" in argocd_health(refused)[0].message


def test_spec_that_cannot_be_read(scene: Scene) -> None:
    scene.settle()
    assert judged(scene.shown(database={"storage": {"size": 5}})) == ("Failed", "Degraded")


def test_paused_with_all_in_place(scene: Scene) -> None:
    scene.settle()
    paused = scene.shown(paused=True)
    assert judged(paused) == ("Current", "Suspended")
    assert argocd_health(paused)[0].message.strip() == message(paused, "Paused")


def test_paused_with_changes_that_wait(scene: Scene) -> None:
    scene.settle()
    paused = scene.shown(paused=True, backend={"replicas": 5})
    assert judged(paused) == ("InProgress", "Suspended")
    assert 'Deployment "shop-backend" differs from the spec' in argocd_health(paused)[0].message


def test_paused_and_broken(scene: Scene) -> None:
    scene.settle()
    scene.take_the_name_of_the_service()
    assert judged(scene.shown(paused=True)) == ("Failed", "Degraded")


@pytest.mark.parametrize("phase", ["starting", "ready", "stalled", "paused"])
def test_being_deleted(scene: Scene, phase: str) -> None:
    if phase != "starting":
        scene.settle()
    if phase == "stalled":
        scene.take_the_name_of_the_service()
    leaving = {"deletionTimestamp": "2026-11-23T10:00:00Z", "finalizers": ["pba.dev/cleanup"]}
    deleted = scene.shown(metadata=leaving, paused=phase == "paused")
    assert judged(deleted) == ("Terminating", "Progressing")


def test_healed(scene: Scene) -> None:
    scene.settle()
    scene.take_the_name_of_the_service()
    scene.world.children.pop(ChildId("Service", "shop"))
    scene.settle()
    assert judged(scene.shown()) == ("Current", "Healthy")


def test_kstatus_takes_an_object_without_status_for_done(scene: Scene) -> None:
    """Why the CRD has a default for the status; our own check does without."""
    assert kstatus(scene.raw()) == [Verdict("Current", "Resource is current")]
    assert argocd_health(scene.raw())[0].status == "Progressing"
