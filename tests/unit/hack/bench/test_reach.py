"""A reach is read as the issues write it; what reaches it, and what is worst, follows from it."""

from __future__ import annotations

import math

import pytest

from pba_hack.bench.reach import Reach


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("<= 1.15", (-math.inf, 1.15)),
        (">= 0.85", (0.85, math.inf)),
        ("== 0", (0.0, 0.0)),
        ("<= 20", (-math.inf, 20.0)),
    ],
)
def test_a_reach_is_read(text: str, region: tuple[float, float]) -> None:
    reach = Reach.parse(text)
    assert reach.region == region
    assert reach.text == text


@pytest.mark.parametrize(
    "text", ["", "1.15", "< 1", "<=1.15", "<= x", "<= 1.15 s", " <= 1", "<= -1", "<= 1."]
)
def test_what_is_no_reach_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="such as '<= 1"):
        Reach.parse(text)


@pytest.mark.parametrize(
    ("text", "figures", "worst"),
    [("<= 2", (1, 3, 2), 3), (">= 2", (1, 3, 2), 1), ("== 2", (1, 2, 4), 4), ("== 2", (-1, 2, 4), -1)],
)
def test_the_worst_is_the_furthest_from_what_is_wanted(
    text: str, figures: tuple[float, ...], worst: float
) -> None:
    assert Reach.parse(text).worst(figures) == worst
