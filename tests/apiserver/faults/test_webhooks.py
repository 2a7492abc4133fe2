"""Bug class: two controllers. A mutating webhook of the API server's changes what the operator writes, each time."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pba_faults.trial import Trial
from pba_simulation.real import Object, eventually
from pba_vandals.webhook import Mutate, webhook

from pba_operator.kube import kinds
from pba_operator.kube.store import Key

BACKEND = "deployments/shop-backend"
CORRECTIONS = 6
"""Writes to one object at most: three corrections at once, and then ever less often."""
Hooked = Callable[[Mutate], "contextlib.AbstractContextManager[None]"]


@pytest.fixture
def hooked(trial: Trial, tmp_path: Path) -> Hooked:
    """Installs a webhook, and waits until the API server asks it."""

    @contextlib.contextmanager
    def install(mutate: Mutate) -> Iterator[None]:
        seen: list[str] = []

        def counted(live: Any) -> Any:
            seen.append(live["metadata"]["name"])
            return mutate(live) if live["metadata"]["name"] != "probe" else []

        with webhook(trial.place.server, trial.place.name, counted, tmp_path):
            eventually(lambda: _probe(trial) and "probe" in seen, "it is asked")
            yield

    return install


def _probe(trial: Trial) -> bool:
    labels = {"a": "b"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    body = {
        "metadata": {"name": "probe"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    path = kinds.BY_NAME["Deployment"].path(trial.place.name)
    return bool(trial.place.server.request("POST", path, body, dryRun="All").ok)


def _rounds(trial: Trial, count: int = 3) -> None:
    """Have everything looked at again, as every ten minutes."""
    process = trial.operator.process
    assert process is not None
    queue = process.engine.queue
    for _ in range(count):
        trial.operator.do(lambda: queue.add(Key(trial.place.name, "shop")))
        trial.until(trial.is_idle, "no rest")


def _to_backend(trial: Trial) -> int:
    return sum(write.target == BACKEND for write in trial.judge.writes())


def test_two_controllers_a_webhook_that_adds_what_we_do_not_set_is_left_alone(
    trial: Trial, hooked: Hooked, shop: Callable[..., Object]
) -> None:
    """As a service mesh does: another container, another annotation."""

    def inject(live: Any) -> Any:
        pod = live["spec"]["template"]
        if any(found["name"] == "mesh" for found in pod["spec"]["containers"]):
            return []
        return [
            {
                "op": "add",
                "path": "/spec/template/spec/containers/-",
                "value": {"name": "mesh", "image": "mesh:1"},
            },
            {"op": "add", "path": "/metadata/annotations/mesh.example", "value": "yes"},
        ]

    with hooked(inject):
        trial.begin()
        trial.place.create(shop())
        trial.until(trial.is_at_rest, "ready", 60)
        live = trial.place.get("Deployment", "shop-backend") or {}
        assert [found["name"] for found in live["spec"]["template"]["spec"]["containers"]].count("mesh") == 1
        before = len(trial.judge.writes())
        _rounds(trial)
        assert len(trial.judge.writes()) == before
        trial.edit(application={"image": "app:2"})
        trial.catch_up(lambda: trial.image("shop-backend") == "app:2")
        trial.assert_right()
        trial.assert_at_rest()


def test_two_controllers_a_webhook_that_sets_what_we_set_is_no_endless_fight(
    trial: Trial, hooked: Hooked, shop: Callable[..., Object]
) -> None:
    """A value of its own each time: what is written is never what is stored. All others are served."""
    values = itertools.count(1000)

    def spoil(live: Any) -> Any:
        if live["metadata"]["name"] != "shop-backend":
            return []
        return [
            {"op": "replace", "path": "/spec/progressDeadlineSeconds", "value": next(values)},
            {"op": "replace", "path": "/spec/replicas", "value": 9},
        ]

    with hooked(spoil):
        trial.begin()
        trial.place.create(shop())
        trial.until(lambda: _to_backend(trial) >= 3, "it is tried")
        _rounds(trial, 10)
        assert _to_backend(trial) <= CORRECTIONS
        told = trial.until(lambda: trial.place.condition("BackendReady"), "it is told")
        assert told["status"] == "False"
        assert 'Deployment "shop-backend"' in told["message"]
        trial.place.delete("Service", "shop-backend")
        trial.until(lambda: trial.place.get("Service", "shop-backend"), "all others are repaired")
        assert _to_backend(trial) <= CORRECTIONS + 2
    trial.edit(backend={"replicas": 2})
    trial.until(lambda: trial.replicas() == 2 and trial.is_well(), "without it all gets well", 60)
