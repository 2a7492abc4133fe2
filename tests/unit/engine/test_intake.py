from __future__ import annotations

from typing import Any

import pytest
from pba_simulation.time import ManualClock

from pba_api.identity import LABEL_CLUSTER
from pba_operator.engine.intake import Intake
from pba_operator.engine.metrics import Metrics
from pba_operator.engine.queue import Queue
from pba_operator.kube import kinds
from pba_operator.kube.store import Address, Key, Store
from pba_operator.kube.streams import Streams

POD = kinds.BY_NAME["Pod"]
A, B = Key("default", "a"), Key("default", "b")


def pod(version: int, cluster: str | None = "a") -> dict[str, Any]:
    labels = {LABEL_CLUSTER: cluster} if cluster else {}
    return {
        "metadata": {
            "name": "p",
            "namespace": "default",
            "uid": "u",
            "resourceVersion": str(version),
            "labels": labels,
        }
    }


class Bench:
    def __init__(self) -> None:
        clock = ManualClock()
        self.store, self.queue, self.metrics = Store(), Queue(clock, lambda: 0.0), Metrics()
        self.intake = Intake(self.store, self.queue, Streams((), clock, lambda _stream: None), self.metrics)

    async def woken(self) -> set[Key]:
        found = set()
        while self.queue.depth:
            key = await self.queue.get()
            self.queue.done(key)
            found.add(key)
        return found


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_news_wake_the_cluster_that_the_label_names(bench: Bench) -> None:
    bench.intake.event(POD, "ADDED", pod(1))
    assert await bench.woken() == {A}
    bench.intake.event(POD, None, pod(1))
    assert await bench.woken() == set()
    bench.intake.event(POD, "MODIFIED", pod(2))
    assert await bench.woken() == {A}


async def test_items_of_a_listing_are_told_their_kind(bench: Bench) -> None:
    bench.intake.event(POD, None, pod(1))
    live = bench.store.get(Address("Pod", "default", "p"))
    assert live is not None
    assert (live["apiVersion"], live["kind"]) == ("v1", "Pod")


async def test_a_label_that_changes_wakes_both(bench: Bench) -> None:
    bench.intake.event(POD, "ADDED", pod(1))
    await bench.woken()
    bench.intake.event(POD, "MODIFIED", pod(2, "b"))
    assert await bench.woken() == {A, B}


async def test_a_deletion_wakes_once(bench: Bench) -> None:
    bench.intake.event(POD, "ADDED", pod(1))
    await bench.woken()
    bench.intake.event(POD, "DELETED", pod(3))
    assert await bench.woken() == {A}
    bench.intake.event(POD, "DELETED", pod(3))
    bench.intake.event(POD, "MODIFIED", pod(2))
    assert await bench.woken() == set()
    assert not bench.intake.gone(Address("Pod", "default", "p"), "u")


async def test_what_nobody_owns_wakes_nobody(bench: Bench) -> None:
    bench.intake.event(POD, "ADDED", pod(1, None))
    bench.intake.event(POD, "DELETED", pod(2, None))
    assert await bench.woken() == set()


async def test_events_are_counted_by_kind(bench: Bench) -> None:
    bench.intake.event(POD, "ADDED", pod(1))
    bench.intake.event(POD, None, pod(1))
    for event in ("ADDED", "LISTED"):
        labels = {"kind": "Pod", "type": event}
        assert bench.metrics.registry.get_sample_value("pba_operator_watch_events_total", labels) == 1
