"""Old views: what the watches say is late, long past, or only a part of what has happened.

Bug classes after Sieve (OSDI'22): stale state, unobserved state. Examples in other operators stand with each test.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pba_faults.trial import Trial
from pba_simulation.real import Object


def test_stale_state_children_are_seen_long_after_they_were_made(
    trial: Trial, shop: Callable[..., Object]
) -> None:
    """Watches that are behind our own writes: cassandra-operator#402, casskop#370."""
    trial.begin()
    trial.road.do(
        lambda proxy: proxy.events.hold("Deployment", "StatefulSet", "Service", "Secret", "ConfigMap")
    )
    trial.place.create(shop())
    trial.until(lambda: trial.place.get("StatefulSet", "shop-mysql"), "the first step")
    trial.edit(backend={"replicas": 4})
    trial.edit(backend={"replicas": 2})
    trial.until(lambda: trial.place.condition("Ready"), "a status")
    trial.road.clear()
    trial.catch_up(lambda: trial.replicas() == 2)
    trial.assert_right()


def test_stale_state_an_old_spec_is_never_acted_on(settled: Trial) -> None:
    """The PBACluster's own watch is behind, the children's are not: rabbitmq-operator#653."""
    settled.road.do(lambda proxy: proxy.events.hold("PBACluster"))
    settled.edit(backend={"replicas": 5}, application={"image": "app:2"})
    settled.place.delete("Service", "shop-backend")
    settled.until(lambda: settled.place.get("Service", "shop-backend"), "the child is made again")
    assert settled.replicas() == 5, "what was read before the write is what was asked for"
    settled.road.clear()
    settled.catch_up(lambda: settled.image() == "app:2")
    settled.assert_right()


def test_stale_state_time_travel_after_a_restart_deletes_nothing(
    trial: Trial, shop: Callable[..., Object]
) -> None:
    """An old deletion is shown to a new operator: rabbitmq-operator#648, K8SPXC-716, cass-operator#559."""
    trial.begin()
    trial.place.create(shop(deletionPolicy="Delete"))
    trial.until(trial.is_well, "ready")
    trial.place.delete("PBACluster", "shop")

    def gone() -> bool:
        trial.hands.collect_garbage()
        return trial.place.get("PBACluster", "shop") is None

    trial.until(gone, "the first one is gone")
    trial.hands.collect_garbage()
    trial.place.create(shop(deletionPolicy="Delete"))
    trial.until(trial.is_at_rest, "ready again")
    before = trial.judge.writes()
    trial.operator.stop()
    trial.road.do(lambda proxy: proxy.events.fall_behind())
    trial.begin()
    trial.road.do(lambda proxy: proxy.events.replay())
    trial.edit(backend={"replicas": 4})
    trial.catch_up(lambda: trial.replicas() == 4)
    after = trial.judge.writes()[len(before) :]
    assert [str(write) for write in after if write.verb == "delete"] == []
    touched = {write.target for write in after if not write.target.startswith("events/")}
    assert touched == {"deployments/shop-backend", "pbaclusters/shop/status"}


def test_stale_state_what_was_seen_is_seen_again(settled: Trial) -> None:
    """All of history once more, on streams that live: no write follows."""
    settled.edit(backend={"replicas": 2})
    settled.until(lambda: settled.replicas() == 2 and settled.is_at_rest(), "scaled")
    before = len(settled.judge.writes())
    settled.road.do(lambda proxy: proxy.events.replay())
    settled.edit(paused=True)
    settled.until(lambda: settled.place.condition("Paused"), "what came after it is seen")
    settled.edit(paused=None)
    settled.catch_up(lambda: settled.place.condition("Paused") is None)
    written = [str(write) for write in settled.judge.writes()[before:]]
    assert written, "the status that tells of the pause"
    assert {target for target in written if "pbaclusters" not in target and "events" not in target} == set()
    settled.assert_right()


def test_unobserved_state_up_and_down_again_is_nothing(settled: Trial) -> None:
    """3 -> 5 -> 3 faster than it is seen: cassandra-operator#398, K8SPXC-918."""
    before = [write for write in settled.judge.writes() if "deployments" in write.target]
    settled.road.do(lambda proxy: proxy.events.hold())
    settled.until(settled.is_idle, "whatever was on its way has come to an end")
    settled.edit(backend={"replicas": 5})
    settled.edit(backend={"replicas": 3})
    settled.road.clear()
    settled.catch_up()
    assert [write for write in settled.judge.writes() if "deployments" in write.target] == before
    settled.assert_right()


def test_unobserved_state_a_deletion_that_no_watch_tells(settled: Trial) -> None:
    """It fell into a gap of history: kopf tells of no deletion then (rabbitmq-operator#758)."""
    settled.road.do(lambda proxy: proxy.events.lose(lambda event: event["type"] == "DELETED"))
    settled.place.delete("Service", "shop-backend")
    settled.until(lambda: settled.road.do(lambda proxy: proxy.events.lost), "it is lost")
    settled.road.do(lambda proxy: proxy.events.expire())
    settled.catch_up(lambda: settled.place.get("Service", "shop-backend"))
    settled.assert_right()


def test_unobserved_state_everything_that_happened_was_lost(settled: Trial) -> None:
    settled.road.do(lambda proxy: proxy.events.lose(lambda _event: True))
    settled.edit(application={"image": "app:2"})
    settled.place.patch("Deployment", "shop-backend", {"spec": {"replicas": 7}})
    settled.place.delete("ConfigMap", "shop-frontend")
    settled.until(lambda: len(settled.road.do(lambda proxy: proxy.events.lost)) >= 3, "all are lost")
    settled.road.do(lambda proxy: proxy.events.expire())
    settled.catch_up(
        lambda: settled.place.get("ConfigMap", "shop-frontend"),
        lambda: settled.replicas() == 3,
        lambda: settled.image() == "app:2",
    )
    settled.assert_right()


@pytest.mark.parametrize("seed", [1, 2])
def test_stale_state_kinds_that_are_seen_in_another_order(
    trial: Trial, shop: Callable[..., Object], seed: int
) -> None:
    """Each event late by its own while: the order between kinds is lost, as it is between real streams."""
    trial.begin()
    trial.road.do(lambda proxy: proxy.events.jitter(seed, 0.3))
    trial.place.create(shop())
    trial.until(lambda: trial.place.get("Deployment", "shop-frontend"), "on its way")
    trial.edit(application={"image": "app:2"}, backend={"replicas": 1})
    trial.place.delete("Service", "shop-backend")
    trial.edit(frontend=None, backend=None)
    trial.edit(frontend={"image": "haproxy:3"}, backend={"replicas": 2})
    trial.until(lambda: trial.replicas() == 2, "all were seen", 30)
    trial.road.clear()
    trial.catch_up(lambda: trial.image() == "app:2", lambda: trial.place.get("Service", "shop-backend"))
    assert trial.judge.doubled() == []
    assert not [target for target in trial.judge.deleted() if "persistent" in target or "secret" in target]
