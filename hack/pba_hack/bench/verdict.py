"""The verdict on a result: pure, and the same for every case.

reached              all that the figure may be is within the reach
missed               none of it is
not distinguishable  the figure may lie on either side of the bound: the noise, which the A/A control shows, covers
                     the difference to it. A longer or a quieter run tells. So is a ratio of so few rounds that
                     its interval holds for less than `SURE`, and what a short run would call reached
not measured         the record has no figure of the case as it is now
"""

from __future__ import annotations

from typing import Final

from pba_hack.bench.reach import Reach
from pba_hack.bench.samples import Result

REACHED: Final = "reached"
MISSED: Final = "missed"
NOT_DISTINGUISHABLE: Final = "not distinguishable"
NOT_MEASURED: Final = "not measured"
FAILURES: Final = (MISSED, NOT_MEASURED)
"""With one of them a promise is not kept."""

SURE: Final = 0.9
"""The confidence of the interval of a ratio from which on it is judged: five rounds give 0.9375."""


def judge(reach: Reach, result: Result, *, short: bool = False) -> str:
    """Return the verdict.

    Args:
        reach: what is wanted.
        result: what was measured.
        short: a short form was run, which shows that a case runs and can miss, but reaches nothing.
    """
    if result.control is not None and result.control.confidence < SURE:
        return NOT_DISTINGUISHABLE
    least, greatest = reach.region
    if result.high < least or result.low > greatest:
        return MISSED
    within = least <= result.low and result.high <= greatest
    return REACHED if within and not short else NOT_DISTINGUISHABLE
