"""Requests that fail: refused, throttled, unanswered; before they took effect and after.

Bug classes: intermediate state (Sieve), recovery from an error state (Acto), eventual stability (Anvil).
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from pba_faults.script import Fault, LoseAnswer, Refuse, Silence
from pba_faults.trial import Trial
from pba_simulation.real import Object

from pba_operator.kube.client import REQUEST_SECONDS

BUDGET = "PodDisruptionBudget"
FAULTS: dict[str, Fault] = {
    "409": Refuse(409, "Conflict"),
    "429": Refuse(429, "TooManyRequests", retry_after=1),
    "500": Refuse(500, "InternalError"),
    "answer lost": LoseAnswer(),
}


@pytest.mark.parametrize("name", FAULTS)
def test_intermediate_state_three_writes_of_a_roll_out_fail(
    trial: Trial, shop: Callable[..., Object], name: str
) -> None:
    trial.begin()
    rule = trial.road.rule(FAULTS[name], lambda exchange: exchange.is_write, times=3, skip=5)
    trial.place.create(shop())
    trial.until(lambda: len(rule.met) == 3, "all three have failed", 30)
    trial.catch_up()
    assert trial.judge.deleted() == []
    assert trial.judge.doubled() == []
    trial.assert_right()


@pytest.mark.parametrize(
    ("verb", "kind", "subresource"),
    [
        ("MERGE", "PBACluster", ""),
        ("CREATE", "Secret", ""),
        ("APPLY", "StatefulSet", ""),
        ("APPLY", "PBACluster", "status"),
    ],
    ids=str,
)
def test_intermediate_state_a_write_times_out_after_it_took_effect(
    trial: Trial, shop: Callable[..., Object], verb: str, kind: str, subresource: str
) -> None:
    """The whole time-out of the client, once for each way to write: it is done, nobody is told, and it is done once."""
    trial.begin()
    rule = trial.road.rule(
        Silence(done=True),
        lambda exchange: (exchange.verb, exchange.kind, exchange.subresource) == (verb, kind, subresource),
    )
    trial.place.create(shop(deletionPolicy="Delete"))  # for which it gets a finalizer first
    trial.until(lambda: rule.met, "it is met")
    _let_time_out()
    trial.until(trial.is_well, "ready")  # most of the roll-out may still be to come
    trial.assert_right()


def test_intermediate_state_a_deletion_times_out_after_it_took_effect(settled: Trial) -> None:
    rule = settled.road.rule(
        Silence(done=True), lambda exchange: (exchange.verb, exchange.kind) == ("DELETE", BUDGET)
    )
    assert settled.place.get(BUDGET, "shop-backend")
    settled.edit(backend={"replicas": 1})
    settled.until(lambda: rule.met, "it is met")
    _let_time_out()
    settled.catch_up(lambda: settled.place.get(BUDGET, "shop-backend") is None)
    settled.assert_right(deleted=("poddisruptionbudgets/shop-backend",))


def _let_time_out() -> None:
    """Let the client give up: until then the fault lasts."""
    threading.Event().wait(REQUEST_SECONDS)


def test_error_state_reads_that_fail_are_no_reason_to_write(settled: Trial) -> None:
    """What cannot be read is not taken for missing (K8SPXC-896): nothing is made anew, nothing deleted."""
    reads = ("GET", "LIST")
    rule = settled.road.rule(
        Refuse(500), lambda exchange: exchange.verb in reads and exchange.kind != "Lease", times=4
    )
    before = settled.judge.writes()
    settled.edit(application={"image": "app:2"})
    settled.place.delete("Service", "shop-backend")
    settled.until(lambda: len(rule.met) == rule.times, "reads fail, as often as they do")
    settled.catch_up(lambda: settled.image() == "app:2", lambda: settled.place.get("Service", "shop-backend"))
    made = {write.target for write in settled.judge.writes()[len(before) :] if write.verb != "delete"}
    assert {target.split("/")[0] for target in made} <= {
        "deployments",
        "services",
        "pbaclusters",
        "events",
        "configmaps",
    }
    settled.assert_right()


def test_error_state_a_hanging_renewal_does_not_cost_the_lease(settled: Trial) -> None:
    """One connection on which nothing comes: there is time for another try before others may act."""
    rule = settled.road.rule(
        Silence(), lambda exchange: exchange.kind == "Lease" and exchange.verb == "UPDATE", times=1
    )
    settled.until(lambda: rule.met, "a renewal hangs")
    before = settled.renewed()
    settled.until(lambda: settled.renewed() != before, "renewed")
    settled.edit(application={"image": "app:2"})
    settled.catch_up(lambda: settled.image() == "app:2")
    assert settled.operator.is_alive


@pytest.mark.parametrize("seed", [1, 2])
def test_eventually_stable_in_bad_weather(trial: Trial, shop: Callable[..., Object], seed: int) -> None:
    """One request in six fails in one way or another, and every event is late; then the sky clears."""
    trial.begin()
    weather = trial.road.bad_weather(seed)
    trial.place.create(shop())
    trial.until(lambda: weather.met, "something has failed", 30)
    trial.edit(application={"image": "app:2"}, backend={"replicas": 1})
    trial.until(lambda: len(weather.met) >= 4, "enough has failed", 30)
    trial.road.clear()
    trial.catch_up(lambda: trial.image() == "app:2", lambda: trial.replicas() == 1)
    budget = "poddisruptionbudgets/shop-backend"
    was_made = any(write.target == budget for write in trial.judge.writes())
    trial.assert_right(deleted=(budget,) if was_made else ())  # one backend alone has none
    trial.assert_at_rest()
