"""Who is put out, who is not, and how soon he is back: in simulated time, with leastconn as HAProxy has it.

The bounds are those that the frontend promises (`hack/bench balancer`); what real programs add is measured there.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pba_lab.leastconn import Behaviour, simulate

from pba_sync.haproxy.commands import FULL_WEIGHT
from pba_sync.judging.limits import Limits
from pba_sync.judging.outliers import (
    LOST_SECONDS,
    NOBODY_SECONDS,
    STALE_SECONDS,
    Look,
    Standings,
    assess,
    failed_trials,
    weights,
)
from pba_sync.judging.pasts import FAILS, LATE, End, Ends, Surprise
from pba_sync.judging.phases import Mark, Phase

LIMITS = Limits()
REST = LIMITS.first_rest
TAKEN = REST + 0.1


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


def mixed(share: float, *, by: float = 0.0, begin: float = 5.0, end: float = 20.0) -> Behaviour:
    """Answer with pictures in 1 to 3 ms, and a share of pages in 80 to 120; node 3's pages come later for a while."""

    def behave(now: float, node: int, dice: random.Random) -> tuple[float, bool]:
        if dice.random() >= share:
            return dice.uniform(0.001, 0.003), True
        return dice.uniform(0.080, 0.120) + (by if node == 3 and begin <= now < end else 0.0), True

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


@pytest.mark.parametrize("share", [0.05, 0.1, 0.3, 0.5, 0.6, 0.8])
def test_a_node_whose_pages_turn_slow_is_found_among_quick_pictures(share: float) -> None:
    run = simulate(mixed(share, by=1.0), rate=300)
    assert any(weights[3] == 0 for weights in run.looks)
    assert all(min(*weights[:3], *weights[4:]) > 0 for weights in run.looks)
    slow = sum(one.node == 3 and one.took > 1.0 for one in run.answered)
    assert slow <= 20, "leastconn alone lets 30 through where half are pages"
    assert run.share(3, 26, 30) >= 0.8


@pytest.mark.parametrize(("rate", "frontends"), [(20, 1), (300, 3)])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.6])
def test_quick_pictures_and_slow_pages_on_all_nodes_put_none_out(
    share: float, rate: float, frontends: int
) -> None:
    run = simulate(mixed(share), rate=rate, frontends=frontends, seconds=60)
    assert run.looks_with_one_out == 0


def drifting(now: float, node: int, dice: random.Random) -> tuple[float, bool]:
    """Have node 3 get ten times slower within a minute."""
    took, good = steady(now, node, dice)
    return (took * (1 + 9 * max(0.0, now - 5) / 60) if node == 3 else took), good


@pytest.mark.parametrize(
    "behaviour", [*(slower(5, 65, factor=factor) for factor in (2.1, 2.25, 2.5, 5.0)), drifting]
)
def test_a_node_goes_out_once_however_near_it_is_to_the_bound(behaviour: Behaviour) -> None:
    run = simulate(behaviour, seconds=65)
    serves = [weights[3] > 0 for weights in run.looks]
    assert sum(now != then for now, then in pairwise(serves)) == 1


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


def test_no_node_is_put_out_where_the_user_wants_none_out() -> None:
    none_out = replace(LIMITS, out_share=0.0)
    run = simulate(failing(5, 15, 1.0), nodes=5, seconds=20, limits=none_out)
    assert run.looks_with_one_out == 0
    assert run.failed > 100, "leastconn takes a node that fails at once for idle"


def test_a_slow_start_of_ten_seconds_takes_ten_seconds() -> None:
    slow_start = replace(LIMITS, rise=10.0)
    run = simulate(failing(5, 10, 1.0), nodes=5, seconds=40, limits=slow_start)
    back = next(begin for begin in range(10, 40) if run.share(3, begin, begin + 1) > 0)
    assert 0 < run.share(3, back + 2, back + 4) < 0.6
    assert run.share(3, back + 11, back + 15) >= 0.9


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
    known = look(Standings({}), 0.0, old=())
    assert weights(known, 0.0, LIMITS) == {"old": FULL_WEIGHT}
    seen = []
    for tenth in range(1, 41):
        known = look(known, tenth / 10, old=(), new=())
        seen.append(weights(known, tenth / 10, LIMITS)["new"])
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (FULL_WEIGHT // 8, FULL_WEIGHT)


GOOD = End(20.0, seconds=0.02)
FAILED = End(-1.0, failed=True)
ON_TRIAL = GOOD._replace(trial=True)
FAILED_ON_TRIAL = FAILED._replace(trial=True)


def look(known: Standings, now: float, waiting: str | None = None, **ended: Sequence[End]) -> Standings:
    """Look once more, at nodes by name and what ended there."""
    return assess(known, Look(ended, now, waiting), LIMITS)


def one_is_out(level: int = 1) -> Standings:
    """One of two nodes is put out at 0 s."""
    bad = Mark(0.0, 0.0, Phase.OUT, level=level, counts_from=0.0)
    return Standings({"bad": bad, "good": Mark(0.0, 0.0)}, ends=Ends(1000))


@pytest.fixture
def on_trial() -> Standings:
    """The trial runs since `TAKEN`."""
    given = look(one_is_out(), REST, bad=(), good=())
    assert given.given == "bad"
    return look(given, TAKEN, None, bad=(), good=())


def test_a_node_that_hangs_is_put_out_but_not_if_too_many_would_be() -> None:
    nodes = {name: [End(20.0)] for name in "abcd"}
    known = assess(Standings({}), Look(nodes, 0.0), LIMITS)
    assert weights(assess(known, Look(nodes, 1.0, silent={"a"}), LIMITS), 1.0, LIMITS)["a"] == 0
    all_hang = weights(assess(known, Look(nodes, 1.0, silent=set("abcd")), LIMITS), 1.0, LIMITS)
    assert sorted(all_hang.values()) == [0, 0, FULL_WEIGHT, FULL_WEIGHT]


def test_a_node_out_rests_and_then_gets_one_trial() -> None:
    resting = look(one_is_out(), REST - 0.1, bad=(), good=())
    assert (resting.given, weights(resting, REST - 0.1, LIMITS)["bad"]) == (None, 0)
    given = look(resting, REST, bad=(), good=())
    assert (given.given, weights(given, REST, LIMITS)["bad"]) == ("bad", 0)
    waits = look(given, REST + 0.1, "bad", bad=(), good=(GOOD,))
    assert waits.given == "bad"
    runs = look(waits, REST + 0.2, None, bad=(), good=())
    assert runs.given is None


def test_a_trial_that_ends_well_brings_a_node_back_and_one_that_fails_does_not(on_trial: Standings) -> None:
    worse = look(on_trial, TAKEN + 0.1, bad=(FAILED_ON_TRIAL,), good=())
    assert (worse.marks["bad"].phase, worse.marks["bad"].level) == (Phase.OUT, 2)
    assert look(on_trial, TAKEN + 0.1, bad=(ON_TRIAL,), good=()).marks["bad"].phase is Phase.RISING


def test_what_was_begun_before_says_nothing_on_trial_nor_of_a_node_that_is_back(on_trial: Standings) -> None:
    assert look(on_trial, TAKEN + 0.1, bad=(FAILED, GOOD), good=()).marks["bad"].phase is Phase.TRIAL
    back = look(on_trial, TAKEN + 0.1, bad=(ON_TRIAL,), good=())
    old = [FAILED._replace(seconds=60.0)] * 20
    assert look(back, TAKEN + 0.2, bad=old, good=()).marks["bad"].phase is Phase.RISING
    assert look(back, TAKEN + 0.2, bad=[FAILED] * 20, good=()).marks["bad"].phase is Phase.OUT


def test_a_trial_of_which_nothing_is_heard_has_failed(on_trial: Standings) -> None:
    known = look(on_trial, TAKEN + LOST_SECONDS - 0.1, bad=(), good=())
    assert known.marks["bad"].phase is Phase.TRIAL
    assert look(known, TAKEN + LOST_SECONDS, bad=(), good=()).marks["bad"].phase is Phase.OUT


def test_where_nobody_asks_what_may_be_asked_twice_a_node_comes_back_without_a_trial() -> None:
    known = look(one_is_out(), REST, bad=(), good=())
    known = look(known, REST + NOBODY_SECONDS - 0.1, "bad", bad=(), good=(GOOD,))
    assert known.marks["bad"].phase is Phase.TRIAL
    known = look(known, REST + NOBODY_SECONDS, "bad", bad=(), good=(GOOD,))
    assert (known.marks["bad"].phase, known.given) == (Phase.RISING, None)


def test_but_not_one_that_is_suspected_to_hang() -> None:
    known = look(one_is_out(), REST, bad=(), good=())
    now = REST + NOBODY_SECONDS
    after = assess(known, Look({"bad": (), "good": (GOOD,)}, now, "bad", silent={"bad"}), LIMITS)
    assert (after.marks["bad"].phase, after.marks["bad"].level, after.given) == (Phase.OUT, 2, None)
    assert failed_trials(known, after) == ["bad"]


@pytest.mark.parametrize(("share", "trials"), [(1.0, 1), (0.5, 5), (0.1, 29)])
def test_a_node_that_was_bad_now_and_then_has_to_be_well_for_as_long_as_tells(
    share: float, trials: int
) -> None:
    bad = Mark(0.0, 0.0, Phase.OUT, level=1, counts_from=0.0, for_what=Surprise(LATE, share))
    known = Standings({"bad": bad, "good": Mark(0.0, 0.0)}, ends=Ends(1000))
    known = look(known, REST, bad=(), good=())
    well = 0
    while known.marks["bad"].phase is Phase.TRIAL:
        well += 1
        known = look(known, REST + well * 0.1, bad=(ON_TRIAL,), good=())
    assert (known.marks["bad"].phase, well) == (Phase.RISING, trials)


def test_one_bad_trial_of_a_node_that_was_bad_now_and_then_is_enough() -> None:
    bad = Mark(0.0, 0.0, Phase.OUT, level=1, counts_from=0.0, for_what=Surprise(FAILS, 0.3))
    known = Standings({"bad": bad, "good": Mark(0.0, 0.0)}, ends=Ends(1000))
    known = look(look(known, REST, bad=(), good=()), REST + 0.1, bad=(ON_TRIAL, ON_TRIAL), good=())
    assert known.marks["bad"].phase is Phase.TRIAL
    assert look(known, REST + 0.2, bad=(FAILED_ON_TRIAL,), good=()).marks["bad"].phase is Phase.OUT


def test_a_trial_ends_well_also_where_all_others_have_ended_badly() -> None:
    late = [End(5000.0, seconds=5.0)] * 64
    known = look(Standings({}), 0.0, good=[GOOD] * 200, bad=())
    known = replace(known, marks={**known.marks, "bad": one_is_out().marks["bad"]})
    known = look(known, REST, bad=(), good=late)
    known = look(known, TAKEN, bad=(ON_TRIAL,), good=())
    assert known.marks["bad"].phase is Phase.RISING


def test_trials_take_turns() -> None:
    marks = {f"bad{number}": Mark(number / 10, 0.0, Phase.OUT, level=1) for number in range(2)}
    known = Standings({**marks, **{f"good{number}": Mark(0.0, 0.0) for number in range(2)}}, ends=Ends(1000))
    nothing: dict[str, Sequence[End]] = dict.fromkeys(known.marks, ())
    known = assess(known, Look(nothing, REST + 1.0), LIMITS)
    assert known.given == "bad0"
    known = assess(known, Look(nothing, REST + 1.1, "bad0"), LIMITS)
    assert known.given == "bad0"
    known = assess(known, Look(nothing, REST + 1.2), LIMITS)
    assert known.given == "bad1"


def test_a_node_that_was_put_out_ten_thousand_times_is_tried_still() -> None:
    known = one_is_out(level=10_000)
    assert look(known, LIMITS.longest_rest - 0.1, bad=(), good=()).given is None
    assert look(known, LIMITS.longest_rest, bad=(), good=()).given == "bad"


def test_a_node_that_was_away_for_a_moment_is_what_it_was() -> None:
    nobody = look(one_is_out(level=3), 0.1)
    assert weights(nobody, 0.1, LIMITS) == {}
    back = look(nobody, 0.2, bad=())
    assert back.marks["bad"].phase is Phase.OUT
    assert set(back.absent) == {"good"}
    late = look(look(nobody, 5.0), 11.0, bad=(), good=())
    assert {mark.phase for mark in late.marks.values()} == {Phase.FULL}


def test_who_is_out_serves_again_when_the_others_have_gone() -> None:
    """Scaled down, or found dead by HAProxy's checks: a slow node is better than none."""
    bad = {f"bad{number}": Mark(float(number), 0.0, Phase.OUT, level=9) for number in range(3)}
    known = Standings({**bad, **{f"good{number}": Mark(9.0, 0.0) for number in range(3)}}, ends=Ends(1000))
    left = look(known, 2.5, bad0=(), bad1=(), bad2=())
    assert weights(left, 2.5, LIMITS) == {"bad0": FULL_WEIGHT, "bad1": FULL_WEIGHT, "bad2": 0}
    alone = look(left, 2.6, bad2=())
    assert weights(alone, 2.6, LIMITS) == {"bad2": FULL_WEIGHT}
    assert weights(look(alone, 2.7, bad2=(), good0=()), 2.7, LIMITS) == {"bad2": 0, "good0": FULL_WEIGHT // 8}
    settled = look(alone, 2.6 + STALE_SECONDS, bad2=())
    assert settled.marks["bad2"].phase is Phase.RISING, "they are gone for good"


ENDS = st.builds(
    End,
    milliseconds=st.floats(0, 5000),
    failed=st.booleans(),
    seconds=st.floats(0, 20),
    trial=st.booleans(),
)
NODES = st.sampled_from("abcdef")
LOOKS = st.lists(
    st.tuples(st.floats(0.01, 3.0), st.dictionaries(NODES, st.lists(ENDS, max_size=5)), st.none() | NODES),
    max_size=30,
)


@settings(max_examples=200)
@given(LOOKS)
def test_whatever_happens_half_of_the_nodes_serve(
    looks: list[tuple[float, dict[str, list[End]], str | None]],
) -> None:
    known, now = Standings({}), 0.0
    for seconds, ended, waiting in looks:
        now += seconds
        known = assess(known, Look(ended, now, waiting), LIMITS)
        assert set(known.marks) == set(ended)
        assert known.given is None or known.marks[known.given].phase is Phase.TRIAL
        told = weights(known, now, LIMITS)
        assert all(0 <= weight <= FULL_WEIGHT for weight in told.values())
        assert sum(weight > 0 for weight in told.values()) >= len(told) / 2
