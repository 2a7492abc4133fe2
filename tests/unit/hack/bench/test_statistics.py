"""The median and how sure it is, against figures that are known from elsewhere and against chance itself."""

from __future__ import annotations

import dataclasses
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pba_hack.bench.statistics import Interval, confidence, interval, median, percentile

FIGURES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("figures", "middle"), [((7,), 7), ((3, 1, 2), 2), ((4, 1, 3, 2), 2.5), ((1, 1, 1, 90, 90), 1)]
)
def test_the_median(figures: tuple[float, ...], middle: float) -> None:
    assert median(figures) == middle


def test_nothing_has_no_middle() -> None:
    with pytest.raises(ValueError, match="no figures"):
        median(())
    with pytest.raises(ValueError, match="no figures"):
        interval(())


@pytest.mark.parametrize(
    ("count", "rank", "probability"),
    # the tables of the sign test
    [(1, 1, 0.0), (2, 1, 0.5), (5, 1, 0.9375), (6, 1, 0.96875), (10, 2, 0.978515625), (20, 6, 0.9586105)],
)
def test_the_confidence_is_that_of_the_sign_test(count: int, rank: int, probability: float) -> None:
    assert confidence(count, rank) == pytest.approx(probability, abs=1e-7)


def test_the_interval_is_as_narrow_as_the_confidence_allows() -> None:
    assert dataclasses.astuple(interval(range(20))) == (5, 14, pytest.approx(0.9586105, abs=1e-7))
    assert dataclasses.astuple(interval(range(9))) == (1, 7, pytest.approx(0.9609375))
    assert dataclasses.astuple(interval(range(20), 0.99)) == (3, 16, pytest.approx(0.9974232, abs=1e-6))


def test_too_few_figures_give_their_range_and_say_how_sure_it_is() -> None:
    assert interval((3, 1, 2, 5, 4)) == Interval(1, 5, 0.9375)
    assert interval((3,)) == Interval(3, 3, 0.0)


@given(FIGURES)
def test_the_median_lies_in_its_interval_whatever_the_order(figures: list[float]) -> None:
    found = interval(figures)
    assert found.low <= median(figures) <= found.high
    assert interval(figures[::-1]) == found
    assert len(figures) < 6 or found.confidence >= 0.95


def test_the_interval_holds_the_true_median_as_often_as_it_says() -> None:
    dice = random.Random(7)  # noqa: S311 - a test's own dice
    held = 0
    for _ in range(2000):
        found = interval([dice.expovariate(1.0) for _ in range(9)])
        held += found.low <= 0.6931 <= found.high
    assert held / 2000 == pytest.approx(0.9609, abs=0.012)


@pytest.mark.parametrize(
    ("share", "figure"), [(0.01, 1.0), (0.5, 2.0), (0.51, 3.0), (0.75, 3.0), (0.99, 4.0), (1.0, 4.0)]
)
def test_a_percentile_is_one_of_the_figures(share: float, figure: float) -> None:
    assert percentile([3.0, 1.0, 4.0, 2.0], share) == figure


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="no percentile"):
        percentile([], 0.5)
