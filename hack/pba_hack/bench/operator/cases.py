"""The cases of `hack/bench operator`, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pba_hack.bench.case import Case
from pba_hack.bench.operator import (
    apply_ratio,
    crash_points,
    idle_writes,
    many,
    mutants,
    neighbour,
    storm,
    takeover,
)

CASES: Final[Sequence[Case]] = (
    apply_ratio.CASE,
    idle_writes.CASE,
    many.MEMORY,
    many.PROCESSOR,
    many.RESTART,
    neighbour.CASE,
    storm.CASE,
    takeover.CRASH,
    takeover.CLEAN,
    crash_points.CASE,
    mutants.CASE,
)
