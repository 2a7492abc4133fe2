"""`mutants`: small changes of the planner that its tests notice, of all that there are.

The figures are those of the record of `hack/mutants`, which takes hours. Mutants that were not asked are not noticed:
a run that is not complete reaches nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from pba_hack.bench.case import Case, Measured, Origin, Trial
from pba_hack.bench.samples import Share
from pba_hack.checkout import CHECKOUT
from pba_hack.mutants.record import REACH

RECORD: Final = CHECKOUT / "docs" / "measurements" / "mutants.json"


def read(record: Path) -> Measured:
    """Return what the record of `hack/mutants` says."""
    found = json.loads(record.read_text())
    together = found["together"]
    killed, asked, whole = together["killed"], together["asked"], together["all"]
    notes = [f"{whole - asked} of {whole} mutants were not asked"] if asked < whole else []
    origin = Origin(found["commit"], found["machine"], found["date"], found["command"])
    return Measured(Share(killed, whole, asked), tuple(notes), origin)


def _measure(_trial: Trial) -> Measured:
    return read(RECORD)


CASE: Final = Case(
    id="mutants",
    unit="share",
    reach=f">= {REACH}",
    measures="mutants of the planner that a test notices / all that there are",
    measure=_measure,
)
