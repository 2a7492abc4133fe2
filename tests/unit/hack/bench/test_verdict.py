"""The verdict: reached and missed only when all that the figure may be is on one side of the bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pba_hack.bench.reach import Reach
from pba_hack.bench.samples import Result, Round, Share, SideBySide, Values
from pba_hack.bench.statistics import Interval
from pba_hack.bench.verdict import MISSED, NOT_DISTINGUISHABLE, REACHED, judge


def between(low: float, high: float, control: Interval | None = None) -> Result:
    return Result(low, high, 5, low, high, control=control)


@pytest.mark.parametrize(
    ("text", "low", "high", "verdict"),
    [
        ("<= 1.15", 1.0, 1.15, REACHED),
        ("<= 1.15", 1.1, 1.16, NOT_DISTINGUISHABLE),
        ("<= 1.15", 1.16, 1.2, MISSED),
        (">= 0.85", 0.85, 0.9, REACHED),
        (">= 0.85", 0.84, 0.9, NOT_DISTINGUISHABLE),
        (">= 0.85", 0.7, 0.84, MISSED),
        ("== 0", 0.0, 0.0, REACHED),
        ("== 0", 1.0, 1.0, MISSED),
        ("== 1", 0.9, 1.1, NOT_DISTINGUISHABLE),
        ("== 1", 0.8, 0.9, MISSED),
    ],
)
def test_the_verdict(text: str, low: float, high: float, verdict: str) -> None:
    assert judge(Reach.parse(text), between(low, high)) == verdict


def test_the_worst_value_is_judged_and_not_the_median() -> None:
    reach = Reach.parse("<= 20")
    assert judge(reach, Values((15.0, 16.0, 20.0)).result(reach)) == REACHED
    assert judge(reach, Values((15.0, 16.0, 20.1)).result(reach)) == MISSED


def test_a_share_of_one_is_all() -> None:
    reach = Reach.parse("== 1.0")
    assert judge(reach, Share(153, 153).result(reach)) == REACHED
    assert judge(reach, Share(152, 153).result(reach)) == MISSED


QUIET, NOISY = (1.0, 1.01, 0.99, 1.0, 1.02), (1.0, 1.2, 0.9, 1.0, 1.1)


@pytest.mark.parametrize(
    ("ratio", "controls", "verdict"),
    [
        (1.05, QUIET, REACHED),
        (1.05, NOISY, NOT_DISTINGUISHABLE),
        (1.14, QUIET, NOT_DISTINGUISHABLE),
        (1.2, QUIET, MISSED),
        (1.2, NOISY, NOT_DISTINGUISHABLE),
        (1.5, NOISY, MISSED),
    ],
)
def test_noise_that_covers_the_difference_to_the_bound_leaves_it_open(
    ratio: float, controls: tuple[float, ...], verdict: str
) -> None:
    reach = Reach.parse("<= 1.15")
    samples = SideBySide([Round(ratio, 1.0, control) for control in controls])
    assert judge(reach, samples.result(reach)) == verdict


@pytest.mark.parametrize("ratio", [0.5, 5.0])
def test_too_few_rounds_show_nothing(ratio: float) -> None:
    reach = Reach.parse("<= 1.15")
    for rounds, open_ in ((4, True), (5, False)):
        samples = SideBySide([Round(ratio, 1.0, 1.0)] * rounds)
        assert (judge(reach, samples.result(reach)) == NOT_DISTINGUISHABLE) is open_


def test_a_short_run_can_miss_and_reaches_nothing() -> None:
    reach = Reach.parse("== 0")
    assert judge(reach, between(0, 0), short=True) == NOT_DISTINGUISHABLE
    assert judge(reach, between(1, 1), short=True) == MISSED


RATIOS = st.lists(st.floats(0.2, 5.0), min_size=5, max_size=15)


@given(RATIOS, RATIOS, st.sampled_from(["<= 1.15", ">= 0.85"]))
def test_more_noise_never_makes_a_verdict_surer(
    ratios: list[float], controls: list[float], text: str
) -> None:
    reach = Reach.parse(text)
    pairs = list(zip(ratios, controls, strict=False))
    noisy = judge(reach, SideBySide([Round(ratio, 1.0, control) for ratio, control in pairs]).result(reach))
    quiet = judge(reach, SideBySide([Round(ratio, 1.0, 1.0) for ratio, _ in pairs]).result(reach))
    assert noisy in {quiet, NOT_DISTINGUISHABLE}
