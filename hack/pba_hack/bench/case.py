"""A case: one promise, and how it is measured."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pba_hack.bench.samples import Samples
from pba_hack.progress import Progress


@dataclass(frozen=True)
class Origin:
    """Where and when something was measured, by which command."""

    commit: str
    machine: str
    date: str
    command: str


@dataclass(frozen=True)
class Measured:
    """What a case returns.

    `notes`: what else is worth keeping, in words. `origin`: of figures that an older record holds; None: measured now.
    """

    samples: Samples
    notes: tuple[str, ...] = ()
    origin: Origin | None = None


@dataclass(frozen=True)
class Trial:
    """What a case is given to measure with.

    `folder`: an empty folder for logs, kept afterwards. `seed`: what is by chance is by this. `short`: only show that
    the case runs (seconds instead of minutes).
    """

    folder: Path
    progress: Progress
    seed: int = 1
    short: bool = False

    def dice(self) -> random.Random:
        """Return chance that is the same in each run with this seed."""
        return random.Random(self.seed)  # noqa: S311 - nothing is kept secret by it


Measure = Callable[[Trial], Measured]
"""Measures, side by side where there is a floor."""


@dataclass(frozen=True)
class Case:
    """One promise.

    `reach`: such as `<= 1.15` (see `reach.py`). `measures`: what the figure is, in words, for the chart and the table.
    `edition`: counts up when something else is measured under the same name: figures of an earlier one are no longer
    the case's.
    """

    id: str
    unit: str
    reach: str
    measures: str
    measure: Measure
    edition: int = 1
