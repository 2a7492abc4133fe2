"""The cases of `hack/bench balancer`, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pba_hack.bench.balancer import burst, equal, faults, join, kill, sidecar, spread, weights
from pba_hack.bench.balancer.nodes import changes, crash
from pba_hack.bench.case import Case

CASES: Final[Sequence[Case]] = (
    *equal.CASES,
    *faults.CASES,
    *weights.CASES,
    *kill.CASES,
    *crash.CASES,
    *changes.CASES,
    *join.CASES,
    *burst.CASES,
    *spread.CASES,
    *sidecar.CASES,
)
