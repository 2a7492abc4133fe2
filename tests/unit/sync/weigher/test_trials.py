"""A node that is out is asked single requests on trial."""

from __future__ import annotations

import pytest
from pba_lab.making import Answered, Join
from pba_lab.model import HAProxyModel
from pba_lab.modelled import Clock, ModelledHAProxy

from pba_sync.balancer.weigher import DOWN_SECONDS, LOOK_SECONDS, Weigher, WeigherHooks
from pba_sync.haproxy import commands
from pba_sync.haproxy.commands import FULL_WEIGHT
from pba_sync.haproxy.errors import CommandRefusedError
from pba_sync.judging.limits import Limits
from pba_sync.judging.outliers import Standings
from pba_sync.judging.phases import Phase


def test_a_node_that_fails_is_put_out_and_comes_back_by_a_trial(
    weigher: Weigher, one_fails: str, model: HAProxyModel, answered: Answered, clock: Clock
) -> None:
    assert model.weights == {"n0": FULL_WEIGHT, "n1": FULL_WEIGHT, one_fails: 0, "n3": FULL_WEIGHT}
    assert model.trials == []
    clock.sleep(Limits().first_rest)
    weigher.step()
    weigher.step()
    assert model.trials == [one_fails], "once"
    assert model.weights[one_fails] == 0
    model.trials.clear()
    answered(one_fails, 1, trial=one_fails)
    risen = []
    for _ in range(25):
        clock.sleep(LOOK_SECONDS)
        weigher.step()
        risen.append(model.weights[one_fails])
    assert risen == sorted(risen)
    assert risen[-1] == FULL_WEIGHT


def test_a_trial_is_given_once_and_after_it_has_failed_when_its_time_has_come(
    weigher: Weigher,
    one_fails: str,
    model: HAProxyModel,
    seen: list[Standings],
    answered: Answered,
    clock: Clock,
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
    weigher: Weigher, one_fails: str, haproxy: ModelledHAProxy, model: HAProxyModel, clock: Clock
) -> None:
    clock.sleep(Limits().first_rest)
    weigher.step()
    haproxy.run(commands.set_drain(one_fails))
    weigher.step()
    assert model.trials == []


def test_haproxy_is_asked_of_a_waiting_trial_only_while_there_may_be_one(
    weigher: Weigher,
    one_fails: str,
    haproxy: ModelledHAProxy,
    model: HAProxyModel,
    answered: Answered,
    clock: Clock,
) -> None:
    def asked() -> bool:
        haproxy.texts.clear()
        weigher.step()
        return commands.SHOW_TRIALS.text in haproxy.texts

    assert not asked()
    clock.sleep(Limits().first_rest)
    assert not asked(), "it is given in this look"
    assert model.trials == [one_fails]
    assert asked()
    model.trials.clear()
    answered(one_fails, 1, trial=one_fails)
    assert asked(), "it was there at the last look"
    assert not asked()


def test_a_trial_that_a_former_sidecar_has_left_is_taken_back_even_if_haproxy_does_not_answer_at_first(
    haproxy: ModelledHAProxy, model: HAProxyModel, clock: Clock, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    join("n0")
    model.trials.append("n0")
    weigher = Weigher(haproxy, Limits(), WeigherHooks(clock, lambda _: None))
    with monkeypatch.context() as refused:
        refused.setattr(haproxy, "run", fail)
        assert weigher.step() == DOWN_SECONDS
    assert model.trials == ["n0"]
    weigher.step()
    assert model.trials == []


def fail(command: commands.Command) -> None:
    raise CommandRefusedError(command.told, "no")
