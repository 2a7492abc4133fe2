"""`mutants`: small changes of the planner that its tests notice, of all that there are.

The figures are those of the record of `hack/mutants`, which takes hours. Mutants that were not asked are not noticed:
a run that is not complete reaches nothing. The planner goes on meanwhile: the notes tell of which state of it the
figures are, and how many of its files are others now.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from pba_hack import provenance
from pba_hack.bench.case import Case, Measured, Origin, Trial
from pba_hack.bench.samples import Share
from pba_hack.checkout import CHECKOUT
from pba_hack.mutants.record import REACH

RECORD: Final = Path("docs", "measurements", "mutants.json")
PLANNER: Final = "operator/pba_operator/domain"
"""What is mutated."""


def read(checkout: Path) -> Measured:
    """Return what the record of `hack/mutants` in a checkout says."""
    found = json.loads((checkout / RECORD).read_text())
    together = found["together"]
    killed, asked, whole = together["killed"], together["asked"], together["all"]
    notes = [_state(checkout, found["commit"])]
    if asked < whole:
        notes.append(f"{whole - asked} of {whole} mutants were not asked")
    origin = Origin(found["commit"], found["machine"], found["date"], found["command"])
    return Measured(Share(killed, whole, asked), tuple(notes), origin)


def _state(checkout: Path, commit: str) -> str:
    """Return of which state of the planner the figures are, in words."""
    changed = provenance.differing(checkout, commit, PLANNER)
    then = f"of `{PLANNER}` as at {commit}"
    if changed is None:
        return f"{then}, which git does not know: how far it differs from the planner of now is not known"
    if not changed:
        return f"{then}: the same as now"
    here = provenance.commit(checkout, apart=(str(RECORD.parent),))
    return f"{then}: {len(changed)} of its files were others when this was read, at {here}"


def _measure(_trial: Trial) -> Measured:
    return read(CHECKOUT)


CASE: Final = Case(
    id="mutants",
    unit="share",
    reach=f">= {REACH}",
    measures="mutants of the planner that a test notices / all that there are",
    measure=_measure,
)
