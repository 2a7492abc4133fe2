"""Who is put out, who is not, and how soon he is back: in simulated time, with leastconn as HAProxy has it.

The bounds are those that the frontend promises (`hack/bench balancer`); what real programs add is measured there.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pba_lab.leastconn import Behaviour, simulate

from pba_sync.balancer.commands import FULL_WEIGHT
from pba_sync.balancer.outliers import (
    Ends,
    Limits,
    Mark,
    Past,
    Phase,
    Standings,
    Tally,
    assess,
    awaits_trial,
    weights,
)

LIMITS = Limits()


def steady(_now: float, _node: int, dice: random.Random) -> tuple[float, bool]:
    """Answer in 18 to 22 ms."""
    return dice.uniform(0.018, 0.022), True


def varied(_now: float, _node: int, dice: random.Random) -> tuple[float, bool]:
    """Answer in 10 ms and more, most in less than 100; one in 200 takes a second longer."""
    return 0.010 + dice.expovariate(50) + (1.0 if dice.random() < 0.005 else 0.0), True


def slower(begin: float, end: float, *, by: float = 0.0, factor: float = 1.0) -> Behaviour:
    """Have node 3 answer later for a while."""

    def behave(now: float, node: int, dice: random.Random) -> tuple[float, bool]:
        took, good = steady(now, node, dice)
        return (took * factor + by if node == 3 and begin <= now < end else took), good

    return behave


def failing(begin: float, end: float, share: float, of: tuple[int, ...] = (3,)) -> Behaviour:
    """Have nodes fail a share of their requests at once for a while."""

    def behave(now: float, node: int, dice: random.Random) -> tuple[float, bool]:
        if node in of and begin <= now < end and dice.random() < share:
            return 0.001, False
        return steady(now, node, dice)

    return behave


@pytest.mark.parametrize("frontends", [1, 3])
def test_equal_nodes_get_equal_shares(frontends: int) -> None:
    run = simulate(steady, frontends=frontends, seconds=10)
    counts = Counter(one.node for one in run.answered)
    assert max(counts.values()) / (counts.total() / 11) - 1 <= 0.03
    assert run.looks_with_one_out == 0


@pytest.mark.parametrize(("frontends", "most"), [(1, 10), (3, 20)])
def test_a_node_that_turns_slow_gets_few_requests_and_comes_back(frontends: int, most: int) -> None:
    run = simulate(slower(5, 20, by=1.0), frontends=frontends)
    assert run.hits(3, 5, 20) <= most
    assert run.share(3, 27, 30) >= 0.9


def test_a_node_five_times_slower_costs_next_to_nobody_anything() -> None:
    run = simulate(slower(10, 70, factor=5.0), seconds=70)
    assert run.latency(0.99, 10, 70) <= 1.5 * run.latency(0.99, 0, 10)


def test_a_node_that_fails_at_once_fails_few_requests() -> None:
    run = simulate(failing(5, 15, 1.0), nodes=5, seconds=25)
    assert 2 <= run.failed <= 10
    assert run.share(3, 22, 25) >= 0.9


def test_a_node_that_fails_now_and_then_is_found_too() -> None:
    run = simulate(failing(5, 35, 0.3), nodes=5, seconds=40)
    round_robin = 0.3 * 1000 / 5 * 30
    assert run.failed <= 0.15 * round_robin


@pytest.mark.parametrize("rate", [200, 1000])
def test_failures_are_seen_where_long_requests_are_usual(rate: float) -> None:
    fails = failing(5, 35, 0.3)

    def behave(now: float, node: int, dice: random.Random) -> tuple[float, bool]:
        took, good = fails(now, node, dice)
        return (took + 0.1 if good and dice.random() < 0.1 else took), good

    run = simulate(behave, nodes=5, rate=rate, seconds=40)
    assert run.failed <= 0.15 * 0.3 * rate / 5 * 30


def test_what_fails_on_every_node_puts_none_out() -> None:
    assert simulate(failing(0, 20, 0.05, of=tuple(range(5))), nodes=5, seconds=20).looks_with_one_out == 0


def test_what_begins_to_fail_everywhere_puts_none_out() -> None:
    run = simulate(failing(5, 20, 0.2, of=tuple(range(11))), seconds=20)
    assert run.looks_with_one_out <= 0.02 * len(run.looks)


@pytest.mark.parametrize(
    ("nodes", "rate", "frontends"), [(11, 1000, 3), (11, 300, 1), (5, 20, 1), (30, 100, 1)]
)
def test_long_requests_here_and_there_put_none_out(nodes: int, rate: float, frontends: int) -> None:
    run = simulate(varied, nodes=nodes, rate=rate, frontends=frontends, seconds=50)
    assert run.looks_with_one_out == 0


def test_when_all_get_slow_all_serve() -> None:
    def behave(now: float, node: int, dice: random.Random) -> tuple[float, bool]:
        took, good = steady(now, node, dice)
        return (took * 10 if now >= 5 else took), good

    run = simulate(behave, rate=200, seconds=20)
    assert min(min(looks) for looks in run.looks[-50:]) == FULL_WEIGHT


def test_when_nearly_all_fail_half_of_them_serve() -> None:
    run = simulate(failing(5, 10, 1.0, of=tuple(range(1, 11))), seconds=10)
    assert all(sum(weight > 0 for weight in looks) >= 6 for looks in run.looks)


def test_a_node_that_joins_others_rises_step_by_step() -> None:
    known = assess(Standings({}), {"old": Tally()}, 0.0, LIMITS)
    assert weights(known, 0.0, LIMITS) == {"old": FULL_WEIGHT}
    seen = []
    for tenth in range(1, 41):
        known = assess(known, {"old": Tally(), "new": Tally()}, tenth / 10, LIMITS)
        seen.append(weights(known, tenth / 10, LIMITS)["new"])
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (FULL_WEIGHT // 8, FULL_WEIGHT)


def test_a_node_out_rests_ever_longer_and_is_asked_one_request_at_a_time() -> None:
    mark = Mark(0.0, 0.0, Phase.OUT, level=1)
    known = Standings({"bad": mark, "good": Mark(0.0, 0.0)}, ends=Ends(1000))
    still = {"bad": Tally(), "good": Tally()}
    assert weights(assess(known, still, 0.9, LIMITS), 0.9, LIMITS)["bad"] == 0
    assert awaits_trial(known) == []
    trial = assess(known, still, 1.0, LIMITS)
    assert (weights(trial, 1.0, LIMITS)["bad"], awaits_trial(trial)) == (0, ["bad"])
    asked = assess(trial, {**still, "bad": Tally(in_flight=1)}, 1.1, LIMITS)
    assert (weights(asked, 1.1, LIMITS)["bad"], awaits_trial(asked)) == (0, [])
    worse = assess(asked, {**still, "bad": Tally(failed=1)}, 1.2, LIMITS)
    assert (worse.marks["bad"].phase, worse.marks["bad"].level) == (Phase.OUT, 2)
    better = assess(asked, {**still, "bad": Tally(latencies=(20.0,))}, 1.2, LIMITS)
    assert better.marks["bad"].phase is Phase.RISING


def test_a_node_that_was_away_for_a_moment_is_what_it_was() -> None:
    known = Standings({"bad": Mark(0.0, 0.0, Phase.OUT, level=3), "good": Mark(0.0, 0.0)}, ends=Ends(1000))
    nobody = assess(known, {}, 0.1, LIMITS)
    assert weights(nobody, 0.1, LIMITS) == {}
    back = assess(nobody, {"bad": Tally()}, 0.2, LIMITS)
    assert back.marks["bad"].phase is Phase.OUT
    assert set(back.absent) == {"good"}
    late = assess(assess(nobody, {}, 5.0, LIMITS), {"bad": Tally(), "good": Tally()}, 11.0, LIMITS)
    assert {mark.phase for mark in late.marks.values()} == {Phase.FULL}


def test_who_is_out_serves_again_when_the_others_have_gone() -> None:
    """Scaled down, or found dead by HAProxy's checks: a slow node is better than none."""
    bad = {f"bad{number}": Mark(float(number), 0.0, Phase.OUT, level=1) for number in range(3)}
    known = Standings({**bad, **{f"good{number}": Mark(0.0, 0.0) for number in range(3)}}, ends=Ends(1000))
    left = assess(known, {"bad0": Tally(), "bad1": Tally(), "bad2": Tally()}, 0.5, LIMITS)
    assert weights(left, 0.5, LIMITS) == {"bad0": FULL_WEIGHT, "bad1": FULL_WEIGHT, "bad2": 0}
    alone = assess(left, {"bad2": Tally()}, 0.6, LIMITS)
    assert weights(alone, 0.6, LIMITS) == {"bad2": FULL_WEIGHT}
    back = assess(alone, {"bad2": Tally(), "good0": Tally()}, 0.7, LIMITS)
    assert weights(back, 0.7, LIMITS) == {"bad2": 0, "good0": FULL_WEIGHT}


def test_a_past_keeps_the_newest_only() -> None:
    past = Past()
    for number in range(100):
        past = past.then(failed=number < 90, late=number == 95)
    assert past.ends(64) == Ends(64, 54, 55)
    assert past.ends(4) == Ends(4, 0, 0)
    assert past.ends(11) == Ends(11, 1, 2)


TALLIES = st.builds(
    Tally,
    latencies=st.lists(st.floats(0, 5000), max_size=5).map(tuple),
    failed=st.integers(0, 5),
    in_flight=st.integers(0, 5),
)
LOOKS = st.lists(
    st.tuples(st.floats(0.01, 3.0), st.dictionaries(st.sampled_from("abcdef"), TALLIES)), max_size=30
)


@settings(max_examples=200)
@given(LOOKS)
def test_whatever_happens_half_of_the_nodes_serve_and_none_that_is_gone_is_remembered(
    looks: list[tuple[float, dict[str, Tally]]],
) -> None:
    known, now = Standings({}), 0.0
    for seconds, tallies in looks:
        now += seconds
        known = assess(known, tallies, now, LIMITS)
        assert set(known.marks) == set(tallies)
        told = weights(known, now, LIMITS)
        assert all(0 <= weight <= FULL_WEIGHT for weight in told.values())
        assert sum(weight > 0 for weight in told.values()) >= len(told) / 2
