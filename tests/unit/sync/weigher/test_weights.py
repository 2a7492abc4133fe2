"""Weights follow the judgement, and whatever was lost is made good."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pba_lab.making import Answered, Join
from pba_lab.model import HAProxyModel
from pba_lab.modelled import Clock, ModelledHAProxy
from pba_lab.scripted import OverError

from pba_sync.balancer.weigher import (
    CALM_SECONDS,
    DOWN_SECONDS,
    HASTY,
    HASTY_AGAIN_SECONDS,
    LOOK_SECONDS,
    LOOK_SECONDS_A_NODE,
    Weigher,
    WeigherHooks,
)
from pba_sync.haproxy import commands
from pba_sync.haproxy.commands import FULL_WEIGHT
from pba_sync.judging.answers import Answer
from pba_sync.judging.limits import Limits
from pba_sync.judging.outliers import STALE_SECONDS, Standings
from pba_sync.judging.phases import Phase


def test_a_node_like_others_is_left_alone(weigher: Weigher, haproxy: ModelledHAProxy, clock: Clock) -> None:
    haproxy.texts.clear()
    assert weigher.step() == CALM_SECONDS
    clock.sleep(CALM_SECONDS)
    assert weigher.step() == CALM_SECONDS
    assert not [text for text in haproxy.texts if text.startswith("set ")]


def test_a_node_whose_failures_others_made_good_is_put_out_as_well(
    weigher: Weigher, model: HAProxyModel, answered: Answered, clock: Clock
) -> None:
    """Every request was answered in the end, and no line names the node that failed."""
    for number in range(4):
        answered(f"n{number}", 50)
    weigher.step()
    clock.sleep(LOOK_SECONDS)
    model.redispatches["n2"] = 6
    answered("n1", 6, retries=1)
    weigher.step()
    assert model.weights == {"n0": FULL_WEIGHT, "n1": FULL_WEIGHT, "n2": 0, "n3": FULL_WEIGHT}


def test_they_are_told_as_answers_that_were_passed_on(
    join: Join, haproxy: ModelledHAProxy, model: HAProxyModel, clock: Clock, answered: Answered
) -> None:
    for number in range(4):
        join(f"n{number}")
    told: list[Answer] = []
    weigher = Weigher(haproxy, Limits(), WeigherHooks(clock, lambda _: None, on_answers=told.extend))
    weigher.step()
    model.redispatches["n2"] = 2
    answered("n1", 2, retries=1)
    clock.sleep(LOOK_SECONDS)
    weigher.step()
    assert [(answer.node, answer.end.failed, answer.passed_on) for answer in told] == [
        *[("n1", False, False)] * 2,
        *[("n2", True, True)] * 2,
    ]


def test_what_was_retried_before_the_first_look_is_nobodys_fault_now(
    join: Join, haproxy: ModelledHAProxy, model: HAProxyModel, clock: Clock, answered: Answered
) -> None:
    for number in range(4):
        join(f"n{number}")
    model.redispatches["n2"] = 1000
    weigher = Weigher(haproxy, Limits(), WeigherHooks(clock, lambda _: None))
    weigher.step()
    for number in range(4):
        answered(f"n{number}", 50, retries=1)
    clock.sleep(LOOK_SECONDS)
    weigher.step()
    assert set(model.weights.values()) == {FULL_WEIGHT}


def test_counters_are_asked_for_only_when_something_was_retried(
    weigher: Weigher, haproxy: ModelledHAProxy, answered: Answered
) -> None:
    haproxy.texts.clear()
    answered("n1", 5)
    weigher.step()
    assert "show stat nodes 4 -1" not in haproxy.texts
    answered("n1", 1, retries=1)
    weigher.step()
    assert "show stat nodes 4 -1" in haproxy.texts


def test_who_fails_serves_again_once_checks_have_found_the_others_dead(
    weigher: Weigher, one_fails: str, model: HAProxyModel, clock: Clock
) -> None:
    for name in set(model.servers) - {one_fails}:
        model.servers[name].state = 0
    clock.sleep(LOOK_SECONDS)
    weigher.step()
    assert model.weights[one_fails] == FULL_WEIGHT


def test_a_line_counts_once(
    weigher: Weigher, seen: list[Standings], answered: Answered, clock: Clock
) -> None:
    answered("n0", 7)
    weigher.step()
    clock.sleep(LOOK_SECONDS)
    weigher.step()
    assert seen[-1].marks["n0"].past.count == 7


def test_weights_that_were_lost_are_told_again(
    join: Join, weigher: Weigher, one_fails: str, model: HAProxyModel, clock: Clock
) -> None:
    model.restart()
    for number in range(4):
        join(f"n{number}")
    clock.sleep(LOOK_SECONDS)
    weigher.step()
    assert model.weights[one_fails] == 0


def test_a_node_that_drains_is_not_judged(
    weigher: Weigher, one_fails: str, haproxy: ModelledHAProxy, model: HAProxyModel, seen: list[Standings]
) -> None:
    haproxy.run(commands.set_drain(one_fails))
    haproxy.run(commands.set_weight(one_fails, 5))
    weigher.step()
    assert model.weights[one_fails] == 5
    assert one_fails not in seen[-1].marks


def test_a_server_that_goes_meanwhile_costs_no_other_one_its_weight(
    weigher: Weigher, haproxy: ModelledHAProxy, model: HAProxyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = {name: replace(server, weight=3) for name, server in haproxy.uncounted_servers().items()}
    for server in model.servers.values():
        server.weight = 3
    del model.servers["n0"]
    monkeypatch.setattr(haproxy, "uncounted_servers", lambda: listed)
    weigher.step()
    assert set(model.weights.values()) == {FULL_WEIGHT}


def test_while_haproxy_does_not_answer_nothing_is_forgotten(
    weigher: Weigher, one_fails: str, haproxy: ModelledHAProxy, seen: list[Standings], clock: Clock
) -> None:
    haproxy.reachable = False
    assert weigher.step() == DOWN_SECONDS
    haproxy.reachable = True
    clock.sleep(DOWN_SECONDS)
    weigher.step()
    assert seen[-1].marks[one_fails].phase is Phase.OUT


def test_what_was_answered_before_the_sidecar_began_puts_nobody_out(
    join: Join, haproxy: ModelledHAProxy, seen: list[Standings], answered: Answered, clock: Clock
) -> None:
    for number in range(4):
        join(f"n{number}")
        answered(f"n{number}", 50)
    answered("n2", 20, status=500)
    weigher = Weigher(haproxy, Limits(), WeigherHooks(clock, seen.append))
    for _ in range(3):
        weigher.step()
        clock.sleep(LOOK_SECONDS)
    assert {mark.phase for mark in seen[-1].marks.values()} == {Phase.FULL}


def test_a_fault_of_its_own_is_counted_and_the_next_look_begins_with_nothing_learnt(
    weigher: Weigher, monkeypatch: pytest.MonkeyPatch, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    known: list[Standings] = []

    def fault(standings: Standings, *_: Any) -> Standings:
        known.append(standings)
        raise ZeroDivisionError

    weigher.step()
    monkeypatch.setattr("pba_sync.judging.outliers.assess", fault)
    for _ in range(3):
        clock.sleep(5.0)
        assert weigher.step() == DOWN_SECONDS
    assert (weigher.looks.ended_at, weigher.looks.faults) == (clock.now, 3)
    assert known[0].marks, "what was learnt before"
    assert known[1:] == [Standings({})] * 2
    assert caplog.messages == ["a look at the nodes' answers failed on a fault of its own"]


def test_a_failure_is_looked_at_at_once(clock: Clock, haproxy: ModelledHAProxy) -> None:
    failed = threading.Event()

    class Failing(ModelledHAProxy):
        def failures(self) -> Iterator[None]:
            failed.wait()
            yield
            raise OverError

    def follow() -> None:
        with pytest.raises(OverError):
            weigher.follow_failures()

    weigher = Weigher(Failing(haproxy.model), Limits(), WeigherHooks(clock, lambda _: None))
    thread = threading.Thread(target=follow)
    thread.start()
    began = time.monotonic()
    weigher.wait(0.05)
    assert time.monotonic() - began >= 0.05, "nothing has failed yet"
    failed.set()
    weigher.wait(600.0)
    assert time.monotonic() - began < 60.0
    thread.join()


def test_when_everything_fails_looks_keep_their_distance(weigher: Weigher, clock: Clock) -> None:
    hasty = [weigher._is_hasty() for _ in range(HASTY + 5)]
    assert hasty == [True] * HASTY + [False] * 5
    clock.sleep(2 * HASTY_AGAIN_SECONDS)
    assert [weigher._is_hasty() for _ in range(3)] == [True, True, False]


def test_many_nodes_are_looked_at_less_often(join: Join, weigher: Weigher, answered: Answered) -> None:
    for number in range(4, 1000):
        join(f"n{number}")
    answered("n1", 50)
    assert weigher.step() == 1000 * LOOK_SECONDS_A_NODE > LOOK_SECONDS


@pytest.mark.parametrize("away", [1.0, STALE_SECONDS + 1])
def test_a_node_that_its_checks_found_dead_comes_back_low(
    weigher: Weigher, model: HAProxyModel, clock: Clock, away: float
) -> None:
    model.servers["n2"].state = 0
    weigher.step()
    assert model.weights == {"n2": FULL_WEIGHT // 8} | dict.fromkeys(("n0", "n1", "n3"), FULL_WEIGHT)
    clock.sleep(away)
    weigher.step()
    model.servers["n2"].state = 2
    risen = []
    for _ in range(30):
        weigher.step()
        risen.append(model.weights["n2"])
        clock.sleep(LOOK_SECONDS)
    assert risen == sorted(risen)
    assert (risen[0], risen[-1]) == (FULL_WEIGHT // 8, FULL_WEIGHT)
