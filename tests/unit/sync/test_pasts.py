"""How requests ended, and whether it is chance."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pba_sync.judging.limits import Bounds
from pba_sync.judging.pasts import (
    FAILED,
    FAILS,
    KINDS,
    REMEMBERED,
    RUNGS,
    SURPRISE,
    WELL,
    Baselines,
    End,
    Ends,
    Past,
    Shares,
    Surprise,
    chance,
    is_no_chance,
    is_worse,
    surprise,
)

RARELY = (0.1, 0.1, *[0.001] * (KINDS - 2))
"""Pages are late, and now and then one is later."""


def usual(share: float) -> Shares:
    return (share,) * KINDS


def ends(count: int, late: int, failed: int) -> Ends:
    """Return ends of which some are late, but not later, and some of these failed."""
    return Ends(count, (late, *[failed] * (KINDS - 1)))


def past(*, bad: int, of: int, level: int = FAILED) -> Past:
    made = Past()
    for number in range(of):
        made = made.then(level if number < bad else WELL)
    return made


def test_a_past_keeps_the_newest_only() -> None:
    made = Past()
    for number in range(100):
        made = made.then(FAILED if number < 90 else int(number == 95))
    assert made.ends() == ends(64, 55, 54)
    assert made.ends(4) == ends(4, 0, 0)
    assert made.ends(11) == ends(11, 2, 1)
    assert made.well(59).ends() == ends(64, 1, 0)
    assert Past().well(100) == Past(64)


def test_what_failed_is_bad_and_never_fast() -> None:
    bounds = Bounds(late=50.0, late_on_trial=35.0)
    assert bounds.level(End(1.0, failed=True)) == FAILED
    assert [bounds.level(End(took)) for took in (0.0, 50.0, 51.0, 199.0, 201.0, 801.0, 3201.0)] == [
        0,
        0,
        1,
        1,
        2,
        3,
        4,
    ]
    assert bounds.level(End(1e9)) == RUNGS < FAILED
    assert [bounds.level(End(took), on_trial=True) for took in (35.0, 36.0, 201.0)] == [0, 1, 2]
    assert Ends.of([FAILED, 1, WELL]) == ends(3, 2, 1)
    assert Ends.of([WELL, WELL]) == Ends(2)


def test_where_nothing_takes_any_time_what_takes_some_is_late() -> None:
    assert [Bounds(0.0, 0.0).level(End(took)) for took in (0.0, 0.5, 1.0, 5.0)] == [0, 1, 1, 2]


def test_what_is_long_ago_fades_in_equal_parts() -> None:
    assert ends(REMEMBERED, 20, 10).faded() == ends(REMEMBERED, 20, 10)
    assert ends(REMEMBERED + 1, 20, 10).faded() == ends(REMEMBERED // 2, 10, 5)


@pytest.mark.parametrize(("seen", "count", "usual"), [(1, 2, 0.1), (5, 8, 0.25), (64, 64, 0.9)])
def test_a_chance_is_that_of_so_many_and_more(seen: int, count: int, usual: float) -> None:
    fewer = sum(math.comb(count, k) * usual**k * (1 - usual) ** (count - k) for k in range(seen))
    assert chance(seen, count, usual) == pytest.approx(1 - fewer)


@given(st.integers(1, 64), st.integers(0, 64), st.floats(1e-4, 0.9))
def test_whether_it_is_chance_is_what_the_sum_says(count: int, seen: int, usual: float) -> None:
    seen = min(seen, count)
    assert is_no_chance(seen, count, usual) == (chance(seen, count, usual) < SURPRISE)


def test_failures_stand_out_where_late_answers_are_usual() -> None:
    assert not is_worse(past(bad=5, of=16, level=1), lambda _: RARELY)
    assert is_worse(past(bad=5, of=16), lambda _: RARELY)


def test_what_is_later_than_the_late_ones_stands_out_where_these_are_usual() -> None:
    assert not is_worse(past(bad=5, of=16, level=2), lambda _: RARELY)
    assert surprise(past(bad=5, of=16, level=3), lambda _: RARELY) == Surprise(2, 5 / 16)
    assert surprise(past(bad=3, of=64, level=3), lambda _: RARELY) is None
    assert surprise(past(bad=3, of=64, level=3), lambda _: usual(0.0002)) == Surprise(2, 3 / 64)


def test_the_worst_kind_is_told_in_the_shortest_span() -> None:
    made = past(bad=0, of=60)
    for level in (FAILED, 1, FAILED, FAILED):
        made = made.then(level)
    assert surprise(made, lambda _: usual(0.0005)) == Surprise(FAILS, 1.0)
    assert surprise(made.well(2), lambda _: usual(0.0005)) == Surprise(FAILS, 3 / 8)


def test_two_of_two_are_enough_where_failures_are_rare_and_one_never_is() -> None:
    assert is_worse(past(bad=2, of=2), lambda _: usual(0.0005))
    assert not is_worse(past(bad=1, of=1), lambda _: usual(0.0005))


def test_what_others_do_just_now_is_usual_and_a_nodes_own_past_is_not() -> None:
    bad, well = past(bad=8, of=8), past(bad=0, of=8)
    alone = Baselines(Ends(1000), {"a": bad, "b": well, "c": well})
    assert alone.beside("a")(8) == usual(1 / 1002)
    assert alone.beside("b")(8) == usual(0.5)
    assert not is_worse(bad, Baselines(Ends(1000), {"a": bad, "b": bad}).beside("a"))
