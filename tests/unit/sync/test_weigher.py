"""The weigher beside a model of HAProxy: weights follow the judgement, and whatever was lost is made good."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pba_lab.model import HAProxyModel

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
from pba_sync.haproxy.affinity import Affinity
from pba_sync.haproxy.commands import FULL_WEIGHT, RING_WEIGHT, Check
from pba_sync.judging.limits import Limits
from pba_sync.judging.outliers import Phase, Standings

Answered = Callable[..., None]


@pytest.fixture
def seen() -> list[Standings]:
    return []


@pytest.fixture
def weigher(haproxy: Any, clock: Any, seen: list[Standings]) -> Weigher:
    for number in range(4):
        join(haproxy, f"n{number}")
    made = Weigher(haproxy, Limits(), WeigherHooks(clock, seen.append))
    made.step()  # what was before it does not count
    return made


def join(haproxy: Any, name: str) -> None:
    haproxy.run(commands.add_server(name, "10.0.0.1", 8080, Check(500, 2, 2), 100))
    haproxy.run(commands.set_ready(name))


@pytest.fixture
def answered(model: HAProxyModel) -> Answered:
    """Write lines as HAProxy does."""

    def write(
        node: str, count: int, status: int = 200, milliseconds: int = 20, trial: str = "", retries: int = 0
    ) -> None:
        for _ in range(count):
            times = {"response_ms": milliseconds, "total_ms": milliseconds}
            fields = {
                "node": node,
                "status": status,
                "end": "--",
                "trial": trial,
                "retries": retries,
                **times,
            }
            model.answers.append(json.dumps({**fields, "request_id": len(model.answers)}))

    return write


@pytest.fixture
def one_fails(weigher: Weigher, answered: Answered, clock: Any) -> str:
    """Have one of four fail, and be put out."""
    for number in range(4):
        answered(f"n{number}", 50)
    weigher.step()
    clock.sleep(LOOK_SECONDS)
    answered("n2", 5, status=500)
    assert weigher.step() == LOOK_SECONDS
    return "n2"


def weights(model: HAProxyModel) -> dict[str, int]:
    return {name: server.weight for name, server in model.servers.items()}


def test_a_node_like_others_is_left_alone(weigher: Weigher, haproxy: Any, clock: Any) -> None:
    haproxy.texts.clear()
    assert weigher.step() == CALM_SECONDS
    clock.sleep(CALM_SECONDS)
    assert weigher.step() == CALM_SECONDS
    assert not [text for text in haproxy.texts if text.startswith("set ")]


def test_a_node_that_fails_is_put_out_and_comes_back_by_a_trial(
    weigher: Weigher, one_fails: str, model: HAProxyModel, answered: Answered, clock: Any
) -> None:
    assert weights(model) == {"n0": FULL_WEIGHT, "n1": FULL_WEIGHT, one_fails: 0, "n3": FULL_WEIGHT}
    assert model.trials == []
    clock.sleep(Limits().first_rest)
    weigher.step()
    weigher.step()
    assert model.trials == [one_fails], "once"
    assert weights(model)[one_fails] == 0
    model.trials.clear()
    answered(one_fails, 1, trial=one_fails)
    risen = []
    for _ in range(25):
        clock.sleep(LOOK_SECONDS)
        weigher.step()
        risen.append(weights(model)[one_fails])
    assert risen == sorted(risen)
    assert risen[-1] == FULL_WEIGHT


def test_a_node_whose_failures_others_made_good_is_put_out_as_well(
    weigher: Weigher, model: HAProxyModel, answered: Answered, clock: Any
) -> None:
    """Every request was answered in the end, and no line names the node that failed."""
    for number in range(4):
        answered(f"n{number}", 50)
    weigher.step()
    clock.sleep(LOOK_SECONDS)
    model.redispatches["n2"] = 6
    answered("n1", 6, retries=1)
    weigher.step()
    assert weights(model) == {"n0": FULL_WEIGHT, "n1": FULL_WEIGHT, "n2": 0, "n3": FULL_WEIGHT}


def test_what_was_retried_before_the_first_look_is_nobodys_fault_now(
    haproxy: Any, model: HAProxyModel, clock: Any, answered: Answered
) -> None:
    for number in range(4):
        join(haproxy, f"n{number}")
    model.redispatches["n2"] = 1000
    weigher = Weigher(haproxy, Limits(), WeigherHooks(clock, lambda _: None))
    weigher.step()
    for number in range(4):
        answered(f"n{number}", 50, retries=1)
    clock.sleep(LOOK_SECONDS)
    weigher.step()
    assert set(weights(model).values()) == {FULL_WEIGHT}


def test_counters_are_asked_for_only_when_something_was_retried(
    weigher: Weigher, haproxy: Any, answered: Answered
) -> None:
    haproxy.texts.clear()
    answered("n1", 5)
    weigher.step()
    assert "show stat nodes 4 -1" not in haproxy.texts
    answered("n1", 1, retries=1)
    weigher.step()
    assert "show stat nodes 4 -1" in haproxy.texts


def test_a_trial_is_given_once_and_after_it_has_failed_when_its_time_has_come(
    weigher: Weigher,
    one_fails: str,
    model: HAProxyModel,
    seen: list[Standings],
    answered: Answered,
    clock: Any,
) -> None:
    clock.sleep(Limits().first_rest)
    weigher.step()
    model.trials.clear()
    weigher.step()
    assert model.trials == [], "it runs"
    answered(one_fails, 1, status=500, trial=one_fails)
    weigher.step()
    assert seen[-1].marks[one_fails].phase is Phase.OUT
    clock.sleep(Limits().longest_rest)
    weigher.step()
    assert model.trials == [one_fails]


def test_the_trial_of_a_node_that_drains_is_taken_back(
    weigher: Weigher, one_fails: str, haproxy: Any, model: HAProxyModel, clock: Any
) -> None:
    clock.sleep(Limits().first_rest)
    weigher.step()
    haproxy.run(commands.set_drain(one_fails))
    weigher.step()
    assert model.trials == []


def test_who_fails_serves_again_once_checks_have_found_the_others_dead(
    weigher: Weigher, one_fails: str, model: HAProxyModel, clock: Any
) -> None:
    for name in set(model.servers) - {one_fails}:
        model.servers[name].state = 0
    clock.sleep(LOOK_SECONDS)
    weigher.step()
    assert weights(model)[one_fails] == FULL_WEIGHT


def test_a_line_counts_once(weigher: Weigher, seen: list[Standings], answered: Answered, clock: Any) -> None:
    answered("n0", 7)
    weigher.step()
    clock.sleep(LOOK_SECONDS)
    weigher.step()
    assert seen[-1].marks["n0"].past.count == 7


def test_weights_that_were_lost_are_told_again(
    weigher: Weigher, one_fails: str, haproxy: Any, model: HAProxyModel, clock: Any
) -> None:
    model.restart()
    for number in range(4):
        join(haproxy, f"n{number}")
    clock.sleep(LOOK_SECONDS)
    weigher.step()
    assert weights(model)[one_fails] == 0


def test_a_node_that_drains_is_not_judged(
    weigher: Weigher, one_fails: str, haproxy: Any, model: HAProxyModel, seen: list[Standings]
) -> None:
    haproxy.run(commands.set_drain(one_fails))
    haproxy.run(commands.set_weight(one_fails, 5))
    weigher.step()
    assert weights(model)[one_fails] == 5
    assert one_fails not in seen[-1].marks


def test_a_server_that_goes_meanwhile_costs_no_other_one_its_weight(
    weigher: Weigher, haproxy: Any, model: HAProxyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = {name: replace(server, weight=3) for name, server in haproxy.uncounted_servers().items()}
    for server in model.servers.values():
        server.weight = 3
    del model.servers["n0"]
    monkeypatch.setattr(haproxy, "uncounted_servers", lambda: listed)
    weigher.step()
    assert set(weights(model).values()) == {FULL_WEIGHT}


def test_while_haproxy_does_not_answer_nothing_is_forgotten(
    weigher: Weigher, one_fails: str, haproxy: Any, seen: list[Standings], clock: Any
) -> None:
    haproxy.reachable = False
    assert weigher.step() == DOWN_SECONDS
    haproxy.reachable = True
    clock.sleep(DOWN_SECONDS)
    weigher.step()
    assert seen[-1].marks[one_fails].phase is Phase.OUT


def test_what_was_answered_before_the_sidecar_began_puts_nobody_out(
    haproxy: Any, seen: list[Standings], answered: Answered, clock: Any
) -> None:
    for number in range(4):
        join(haproxy, f"n{number}")
        answered(f"n{number}", 50)
    answered("n2", 20, status=500)
    weigher = Weigher(haproxy, Limits(), WeigherHooks(clock, seen.append))
    for _ in range(3):
        weigher.step()
        clock.sleep(LOOK_SECONDS)
    assert {mark.phase for mark in seen[-1].marks.values()} == {Phase.FULL}


def test_a_fault_of_its_own_shows_in_its_health(
    weigher: Weigher, monkeypatch: pytest.MonkeyPatch, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def fault(*_: Any) -> Standings:
        raise ZeroDivisionError

    before = weigher.looked_at
    monkeypatch.setattr("pba_sync.judging.outliers.assess", fault)
    clock.sleep(5.0)
    assert weigher.step() == CALM_SECONDS
    assert weigher.looked_at == before
    assert "a fault of its own" in caplog.text


def test_when_everything_fails_looks_keep_their_distance(weigher: Weigher, clock: Any) -> None:
    hasty = [weigher._is_hasty() for _ in range(HASTY + 5)]
    assert hasty == [True] * HASTY + [False] * 5
    clock.sleep(2 * HASTY_AGAIN_SECONDS)
    assert [weigher._is_hasty() for _ in range(3)] == [True, True, False]


def test_many_nodes_are_looked_at_less_often(weigher: Weigher, answered: Answered, haproxy: Any) -> None:
    for number in range(4, 1000):
        join(haproxy, f"n{number}")
    answered("n1", 50)
    assert weigher.step() == 1000 * LOOK_SECONDS_A_NODE > LOOK_SECONDS


BOUND = Affinity("Cookie", "key", leave_milliseconds=500.0)


@pytest.fixture
def binding(haproxy: Any, clock: Any, seen: list[Standings]) -> Weigher:
    """The weigher of clients that are bound by a cookie."""
    for number in range(4):
        join(haproxy, f"n{number}")
    made = Weigher(haproxy, Limits(), WeigherHooks(clock, seen.append), BOUND)
    made.step()
    return made


def turn_bad(
    binding: Weigher, answered: Answered, clock: Any, status: int = 500, milliseconds: int = 20
) -> None:
    for number in range(4):
        answered(f"n{number}", 50)
    binding.step()
    clock.sleep(LOOK_SECONDS)
    answered("n2", 8, status=status, milliseconds=milliseconds)
    binding.step()


def test_a_node_that_comes_back_first_after_a_restart_of_haproxy_is_left_still(
    binding: Weigher, model: HAProxyModel, haproxy: Any, answered: Answered, clock: Any
) -> None:
    """For a moment it is the only one that there is, and has to serve; that makes it no better."""
    turn_bad(binding, answered, clock)
    model.restart()
    binding.step()
    for name in ("n2", "n0", "n1", "n3"):
        join(haproxy, name)
        clock.sleep(LOOK_SECONDS)
        binding.step()
    assert model.left == [(BOUND.cookie("n2"), "n2")]
    assert weights(model) == {"n2": 0, "n0": FULL_WEIGHT, "n1": FULL_WEIGHT, "n3": FULL_WEIGHT}


def test_a_node_that_fails_is_left_and_taken_back_when_it_serves_again(
    binding: Weigher, model: HAProxyModel, answered: Answered, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    turn_bad(binding, answered, clock)
    assert model.left == [(BOUND.cookie("n2"), "n2")]
    assert caplog.text.count("the clients that are bound to node n2 leave it: it fails") == 1
    clock.sleep(Limits().first_rest)
    binding.step()
    model.trials.clear()
    answered("n2", 1, trial="n2")
    binding.step()
    assert model.left == []
    assert caplog.text.count("leave it") == 1


@pytest.mark.parametrize(("milliseconds", "count"), [(400, 0), (600, 1)])
def test_a_node_that_is_late_is_left_beyond_the_limit(
    binding: Weigher, model: HAProxyModel, answered: Answered, clock: Any, milliseconds: int, count: int
) -> None:
    turn_bad(binding, answered, clock, status=200, milliseconds=milliseconds)
    assert weights(model)["n2"] == 0
    assert len(model.left) == count


def test_a_map_that_was_lost_or_is_somebody_elses_is_made_good(
    binding: Weigher, model: HAProxyModel, answered: Answered, clock: Any
) -> None:
    turn_bad(binding, answered, clock)
    model.left = [("FFFF", "gone")]
    clock.sleep(LOOK_SECONDS)
    binding.step()
    assert model.left == [(BOUND.cookie("n2"), "n2")]


def test_a_node_that_goes_and_fails_is_left(
    binding: Weigher, model: HAProxyModel, haproxy: Any, answered: Answered, clock: Any
) -> None:
    for number in range(4):
        answered(f"n{number}", 50)
    binding.step()
    haproxy.run(commands.set_drain("n2"))
    clock.sleep(LOOK_SECONDS)
    answered("n2", 8, status=500)
    binding.step()
    assert model.left == [(BOUND.cookie("n2"), "n2")]


def test_where_nobody_is_bound_nobody_is_told_to_leave(one_fails: str, haproxy: Any) -> None:
    assert one_fails
    assert not [text for text in haproxy.texts if "virt@left" in text]


def test_where_clients_are_known_by_their_addresses_a_late_node_keeps_its_share_below_the_limit(
    haproxy: Any, model: HAProxyModel, answered: Answered, clock: Any, seen: list[Standings]
) -> None:
    by_address = Affinity("ClientIP", leave_milliseconds=500.0)
    for number in range(4):
        haproxy.run(commands.add_server(f"n{number}", "10.0.0.1", 8080, Check(500, 2, 2), 100, by_address))
        haproxy.run(commands.set_ready(f"n{number}"))
    weigher = Weigher(haproxy, Limits(), WeigherHooks(clock, seen.append), by_address)
    weigher.step()
    turn_bad(weigher, answered, clock, status=200, milliseconds=400)
    assert seen[-1].marks["n2"].phase is Phase.OUT
    assert set(weights(model).values()) == {RING_WEIGHT}
    clock.sleep(LOOK_SECONDS)
    answered("n2", 3, milliseconds=600)
    weigher.step()
    assert weights(model) == {"n0": RING_WEIGHT, "n1": RING_WEIGHT, "n2": 0, "n3": RING_WEIGHT}
    assert not [text for text in haproxy.texts if "virt@left" in text]
