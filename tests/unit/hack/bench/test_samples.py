"""What samples say: nothing is thrown away, and no ratio is known better than the floor is known to itself."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from pba_hack.bench.reach import Reach
from pba_hack.bench.rounds import CONTROL, FLOOR, PROJECT, side_by_side
from pba_hack.bench.samples import Round, Share, SideBySide, Values

AT_MOST = Reach.parse("<= 1.15")


def test_values_tell_the_median_and_are_judged_by_the_worst() -> None:
    result = Values((1.0, 9.0, 2.0), floor=0.5, peers={"other": 3.0}).result(AT_MOST)
    assert (result.value, result.worst, result.n) == (2.0, 9.0, 3)
    assert (result.low, result.high) == (9.0, 9.0)
    assert (result.floor, result.peers, result.control) == (0.5, {"other": 3.0}, None)


def test_of_a_share_what_was_not_asked_is_not_in_the_part() -> None:
    result = Share(324, 7096, asked=332).result(Reach.parse(">= 0.85"))
    assert (result.value, result.n) == (324 / 7096, 332)
    assert Share(3, 3).result(AT_MOST).n == 3


@pytest.mark.parametrize(("part", "whole"), [(0, 0), (2, 1), (-1, 3)])
def test_what_is_no_share_is_refused(part: int, whole: int) -> None:
    with pytest.raises(ValueError, match="is no share"):
        Share(part, whole).result(AT_MOST)


def test_a_ratio_is_taken_within_a_round() -> None:
    """The machine gets twice as slow each round: only the ratios stay."""
    rounds = [Round(1.1 * slow, slow, slow, {"other": 2 * slow}) for slow in (1.0, 2.0, 4.0, 8.0, 16.0)]
    result = SideBySide(rounds).result(AT_MOST)
    assert result.value == result.low == result.high == result.worst == pytest.approx(1.1)
    assert result.peers == {"other": 2.0}
    assert (result.n, result.floor) == (5, 1.0)


@pytest.mark.parametrize("stray", [1.2, 1 / 1.2])
def test_a_ratio_is_no_surer_than_the_floor_to_itself(stray: float) -> None:
    controls = (1.0, 1.0, 1.0, 1.0, stray)
    result = SideBySide([Round(1.1, 1.0, control) for control in controls]).result(AT_MOST)
    assert result.value == pytest.approx(1.1)
    assert [result.low, result.high] == pytest.approx([1.1 / 1.2, 1.1 * 1.2])
    assert result.control is not None
    assert result.control.confidence == 0.9375


def test_a_ratio_that_strays_itself_is_no_surer_either() -> None:
    result = SideBySide([Round(ratio, 1.0, 1.0) for ratio in (1.0, 1.1, 1.1, 1.1, 1.4)]).result(AT_MOST)
    assert (result.value, result.worst) == (1.1, 1.4)
    assert (result.low, result.high) == (1.0, 1.4)


def _in_turns(rounds: int, seed: int) -> list[list[str]]:
    order: list[str] = []

    def measure(name: str) -> float:
        order.append(name)
        return 1.0

    floors = iter((FLOOR, CONTROL) * rounds)
    side_by_side(
        lambda: measure(PROJECT),
        lambda: measure(next(floors)),
        {"other": lambda: measure("other")},
        rounds=rounds,
        dice=random.Random(seed),  # noqa: S311 - a test's own dice
        told=lambda _: None,
    )
    return [order[4 * turn : 4 * turn + 4] for turn in range(rounds)]


def test_everybody_is_measured_once_a_round_and_every_other_round_is_the_reverse() -> None:
    turns = [["floor" if name == CONTROL else name for name in turn] for turn in _in_turns(6, 3)]
    assert all(sorted(turn) == ["floor", "floor", "other", "project"] for turn in turns)
    assert all(turns[at + 1] == turns[at][::-1] for at in (0, 2, 4))
    assert any(one != other[::-1] for one, other in pairwise(turns))


def test_the_order_is_the_seeds() -> None:
    assert _in_turns(8, 3) == _in_turns(8, 3)
    assert _in_turns(8, 3) != _in_turns(8, 4)


def test_figures_go_where_they_belong_and_each_is_told() -> None:
    told: list[str] = []
    found = side_by_side(
        lambda: 3.0,
        iter((1.0, 2.0, 1.0, 2.0)).__next__,
        {"other": lambda: 5.0},
        rounds=2,
        dice=random.Random(1),  # noqa: S311 - a test's own dice
        told=told.append,
    )
    assert [(one.project, one.peers) for one in found.rounds] == [(3.0, {"other": 5.0})] * 2
    assert [{one.floor, one.control} for one in found.rounds] == [{1.0, 2.0}] * 2
    assert len(told) == 8
    assert any("other: 5" in line for line in told)


@pytest.mark.parametrize("figure", [0.0, -1.0, float("nan")])
def test_nothing_is_no_figure(figure: float) -> None:
    dice = random.Random(1)  # noqa: S311 - a test's own dice
    with pytest.raises(ValueError, match="no ratio"):
        side_by_side(lambda: figure, lambda: 1.0, rounds=1, dice=dice, told=lambda _: None)
