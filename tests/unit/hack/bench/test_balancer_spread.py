"""What the cases of an even spread and of joining nodes tell."""

from __future__ import annotations

import pytest

from pba_hack.bench.balancer.cases import CASES
from pba_hack.bench.balancer.spread import unevenness


def test_equal_shares_are_even() -> None:
    assert unevenness({"0": 50, "1": 50}, range(2)) == 0.0


def test_the_busiest_node_counts_against_the_fair_share() -> None:
    assert unevenness({"0": 110, "1": 100, "2": 90}, range(3)) == pytest.approx(0.1)


def test_a_node_that_got_nothing_counts_and_one_that_has_left_does_not() -> None:
    assert unevenness({"0": 50, "2": 70}, range(2)) == 1.0


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case.id for case in CASES}) == len(CASES)
