"""Clients that are bound to nodes leave those that fail, or are too slow."""

from __future__ import annotations

import pytest
from pba_lab.making import Answered, Join
from pba_lab.model import HAProxyModel
from pba_lab.modelled import Clock, ModelledHAProxy

from pba_sync.balancer.weigher import LOOK_SECONDS, Weigher, WeigherHooks
from pba_sync.haproxy import commands
from pba_sync.haproxy.affinity import Affinity
from pba_sync.haproxy.commands import FULL_WEIGHT, RING_WEIGHT, Check
from pba_sync.judging.limits import Limits
from pba_sync.judging.outliers import NOBODY_SECONDS, Standings
from pba_sync.judging.phases import Phase

BOUND = Affinity("Cookie", "key", leave_milliseconds=500.0)


@pytest.fixture
def binding(join: Join, haproxy: ModelledHAProxy, clock: Clock, seen: list[Standings]) -> Weigher:
    """The weigher of clients that are bound by a cookie."""
    for number in range(4):
        join(f"n{number}")
    made = Weigher(haproxy, Limits(), WeigherHooks(clock, seen.append), BOUND)
    made.step()
    return made


def turn_bad(
    binding: Weigher, answered: Answered, clock: Clock, status: int = 500, milliseconds: int = 20
) -> None:
    for number in range(4):
        answered(f"n{number}", 50)
    binding.step()
    clock.sleep(LOOK_SECONDS)
    answered("n2", 8, status=status, milliseconds=milliseconds)
    binding.step()


def test_a_node_that_comes_back_first_after_a_restart_of_haproxy_is_left_still(
    join: Join, binding: Weigher, model: HAProxyModel, answered: Answered, clock: Clock
) -> None:
    """For a moment it is the only one that there is, and has to serve; that makes it no better."""
    turn_bad(binding, answered, clock)
    model.restart()
    binding.step()
    for name in ("n2", "n0", "n1", "n3"):
        join(name)
        clock.sleep(LOOK_SECONDS)
        binding.step()
    for _ in range(int(Limits().rise / LOOK_SECONDS) + 1):
        clock.sleep(LOOK_SECONDS)
        binding.step()
    assert model.left == [(BOUND.cookie("n2"), "n2")]
    assert model.weights == {"n2": 0, "n0": FULL_WEIGHT, "n1": FULL_WEIGHT, "n3": FULL_WEIGHT}


def test_a_node_that_fails_is_left_and_taken_back_when_it_serves_again(
    binding: Weigher, model: HAProxyModel, answered: Answered, clock: Clock, caplog: pytest.LogCaptureFixture
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
    binding: Weigher, model: HAProxyModel, answered: Answered, clock: Clock, milliseconds: int, count: int
) -> None:
    turn_bad(binding, answered, clock, status=200, milliseconds=milliseconds)
    assert model.weights["n2"] == 0
    assert len(model.left) == count


def test_a_map_that_was_lost_or_is_somebody_elses_is_made_good(
    binding: Weigher, model: HAProxyModel, answered: Answered, clock: Clock
) -> None:
    turn_bad(binding, answered, clock)
    model.left = [("FFFF", "gone")]
    clock.sleep(LOOK_SECONDS)
    binding.step()
    assert model.left == [(BOUND.cookie("n2"), "n2")]


def test_a_node_that_goes_and_fails_is_left(
    binding: Weigher, model: HAProxyModel, haproxy: ModelledHAProxy, answered: Answered, clock: Clock
) -> None:
    for number in range(4):
        answered(f"n{number}", 50)
    binding.step()
    haproxy.run(commands.set_drain("n2"))
    clock.sleep(LOOK_SECONDS)
    answered("n2", 8, status=500)
    binding.step()
    assert model.left == [(BOUND.cookie("n2"), "n2")]


def test_where_nobody_is_bound_nobody_is_told_to_leave(one_fails: str, haproxy: ModelledHAProxy) -> None:
    assert one_fails
    assert not [text for text in haproxy.texts if "virt@left" in text]


def test_where_clients_are_known_by_their_addresses_a_late_node_keeps_its_share_below_the_limit(
    haproxy: ModelledHAProxy, model: HAProxyModel, answered: Answered, clock: Clock, seen: list[Standings]
) -> None:
    by_address = Affinity("ClientIP", leave_milliseconds=500.0)
    for number in range(4):
        added = commands.add_server(
            f"n{number}", "10.0.0.1", 8080, Check(500, 2, 2), 100, RING_WEIGHT, by_address
        )
        haproxy.run(added)
        haproxy.run(commands.set_ready(f"n{number}"))
    weigher = Weigher(haproxy, Limits(), WeigherHooks(clock, seen.append), by_address)
    weigher.step()
    turn_bad(weigher, answered, clock, status=200, milliseconds=400)
    assert seen[-1].marks["n2"].phase is Phase.OUT
    assert set(model.weights.values()) == {RING_WEIGHT}
    clock.sleep(LOOK_SECONDS)
    answered("n2", 3, milliseconds=600)
    weigher.step()
    assert model.weights == {"n0": RING_WEIGHT, "n1": RING_WEIGHT, "n2": 0, "n3": RING_WEIGHT}
    assert not [text for text in haproxy.texts if "virt@left" in text]


def test_one_that_hangs_is_left_though_nobody_brings_a_trial(
    binding: Weigher, model: HAProxyModel, answered: Answered, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """All clients are bound, so that none of their requests may be a trial."""

    def go_on(seconds: float) -> None:
        for _ in range(int(seconds / LOOK_SECONDS)):
            for name in ("n0", "n1", "n3"):
                answered(name, 2)
            clock.sleep(LOOK_SECONDS)
            binding.step()

    answered("n2", 8)
    go_on(3.0)
    assert model.foreseen == 0
    model.servers["n2"].in_use = 5
    go_on(5.0)
    assert (model.weights["n2"], model.left) == (0, [])
    assert model.foreseen == 5, "when their time is over, they are sent to others"
    go_on(Limits().first_rest + NOBODY_SECONDS)
    assert model.left == [(BOUND.cookie("n2"), "n2")]
    go_on(60.0)
    assert model.left == [(BOUND.cookie("n2"), "n2")]
    assert "gets requests again" not in caplog.text
    model.servers["n2"].in_use = 0
    answered("n2", 5)
    go_on(1.0)
    assert model.left == []
