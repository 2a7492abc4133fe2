"""The middle of a few figures, and how sure it is: by their order alone, since nothing is known of how they spread.

Between the k-th smallest and the k-th greatest of n independent figures lies the median of what they are drawn from,
with a probability of 1 - 2 P(B < k), where B counts heads in n throws of a coin: H. A. David, H. N. Nagaraja: Order
Statistics, 3rd edition, section 7.1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WANTED: Final = 0.95
"""The confidence that is asked for; what fewer than six figures cannot give."""


@dataclass(frozen=True)
class Interval:
    """Where a median lies."""

    low: float
    high: float
    confidence: float


def median(figures: Sequence[float]) -> float:
    """Return the middle figure, or the mean of the two in the middle.

    Raises:
        ValueError: there are none.
    """
    if not figures:
        raise ValueError("no figures have no median")
    ordered = sorted(figures)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def percentile(figures: Sequence[float], share: float) -> float:
    """Return the least figure that is no less than this share of the figures (by nearest rank).

    Args:
        figures: in any order.
        share: more than 0, at most 1.

    Raises:
        ValueError: there are none.
    """
    if not figures:
        raise ValueError("no figures have no percentile")
    return sorted(figures)[max(1, math.ceil(share * len(figures))) - 1]


def interval(figures: Sequence[float], wanted: float = WANTED) -> Interval:
    """Return where the median lies: as narrow as `wanted` allows; from the least to the greatest of too few figures.

    Raises:
        ValueError: there are none.
    """
    if not figures:
        raise ValueError("no figures have no median")
    ordered = sorted(figures)
    rank = 1
    while confidence(len(ordered), rank + 1) >= wanted:
        rank += 1
    return Interval(ordered[rank - 1], ordered[-rank], confidence(len(ordered), rank))


def confidence(count: int, rank: int) -> float:
    """Return the probability that the median lies between the `rank`-th smallest and greatest of `count` figures."""
    return 1.0 - 2.0 * sum(math.comb(count, heads) for heads in range(rank)) / 2.0**count
