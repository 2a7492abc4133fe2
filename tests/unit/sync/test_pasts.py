"""How requests ended, and whether it is chance."""

from __future__ import annotations

import math

import pytest

from pba_sync.judging.pasts import REMEMBERED, Baselines, End, Ends, Past, Share, chance, is_worse

RARELY = Share(failed=0.001, bad=0.1)


def past(*, bad: int, failed: int, of: int) -> Past:
    made = Past()
    for number in range(of):
        made = made.then(failed=number < failed, late=number < bad)
    return made


def test_a_past_keeps_the_newest_only() -> None:
    made = Past()
    for number in range(100):
        made = made.then(failed=number < 90, late=number == 95)
    assert made.ends() == Ends(64, 54, 55)
    assert made.ends(4) == Ends(4, 0, 0)
    assert made.ends(11) == Ends(11, 1, 2)


def test_what_failed_is_bad_and_never_fast() -> None:
    ends = [End(1.0, failed=True), End(500.0), End(20.0)]
    assert Ends.of(ends, late=50.0) == Ends(3, 1, 2)


def test_what_is_long_ago_fades_in_equal_parts() -> None:
    assert Ends(REMEMBERED, 10, 20).faded() == Ends(REMEMBERED, 10, 20)
    assert Ends(REMEMBERED + 1, 10, 20).faded() == Ends(REMEMBERED // 2, 5, 10)


@pytest.mark.parametrize(("seen", "count", "usual"), [(1, 2, 0.1), (5, 8, 0.25), (64, 64, 0.9)])
def test_a_chance_is_that_of_so_many_and_more(seen: int, count: int, usual: float) -> None:
    fewer = sum(math.comb(count, k) * usual**k * (1 - usual) ** (count - k) for k in range(seen))
    assert chance(seen, count, usual) == pytest.approx(1 - fewer)


def test_failures_stand_out_where_late_answers_are_usual() -> None:
    late = past(bad=5, failed=0, of=16)
    failing = past(bad=5, failed=5, of=16)
    assert not is_worse(late, lambda _: RARELY)
    assert is_worse(failing, lambda _: RARELY)


def test_two_of_two_are_enough_where_failures_are_rare_and_one_never_is() -> None:
    assert is_worse(past(bad=2, failed=2, of=2), lambda _: Share(0.0005, 0.0005))
    assert not is_worse(past(bad=1, failed=1, of=1), lambda _: Share(0.0005, 0.0005))


def test_what_others_do_just_now_is_usual_and_a_nodes_own_past_is_not() -> None:
    bad, well = past(bad=8, failed=8, of=8), past(bad=0, failed=0, of=8)
    alone = Baselines(Ends(1000), {"a": bad, "b": well, "c": well})
    assert alone.beside("a")(8) == Share(1 / 1002, 1 / 1002)
    assert alone.beside("b")(8) == Share(0.5, 0.5)
    assert not is_worse(bad, Baselines(Ends(1000), {"a": bad, "b": bad}).beside("a"))
