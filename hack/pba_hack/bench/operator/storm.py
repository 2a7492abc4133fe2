"""`storm-200`: many PBAClusters edited at once; how soon the last of them is acted on.

From the API server's answer to the first edit to its answer to the operator's write about the last.
"""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from pba_faults.replica import Replica

from pba_hack import process_usage
from pba_hack.audit import AuditLog
from pba_hack.bench.case import Case, Measured, Trial
from pba_hack.bench.operator.crowd import HALF_REFER, NUMBER, Crowd, crowd
from pba_hack.bench.operator.edits import await_acted_on, edit
from pba_hack.bench.samples import Values

EDITS: Final = 200
STORMS: Final = 5
SHORT: Final = 10
"""PBAClusters, and edits, of the short form."""
_HANDS: Final = 4
"""Clients that edit: more do not make the storm denser, since they share this machine with the API server."""


def storm(made: Crowd, operator: Replica, edits: int) -> float:
    """Edit so many PBAClusters at once; return the seconds from the first edit until the last is acted on."""
    log, mark = AuditLog(made.server.audit_log), uuid.uuid4().hex
    struck = [made.place(index) for index in range(edits)]
    with ThreadPoolExecutor(_HANDS) as hands:
        list(hands.map(lambda one: edit(one[0], one[1], mark), struck))
    found = await_acted_on(log, operator.user, (name for _, name in struck))
    return (max(one.written for one in found) - min(one.edited for one in found)).total_seconds()


def _measure(trial: Trial) -> Measured:
    number, edits, storms = (SHORT, SHORT, 1) if trial.short else (NUMBER, EDITS, STORMS)
    figures = []
    with crowd(trial, number) as made, made.operator("operator") as operator:
        made.await_seen(operator)
        for count in range(storms):
            figures.append(storm(made, operator, edits))
            trial.progress.say(f"storm {count + 1} of {storms}: {figures[-1]:.2f} s")
            made.await_seen(operator)
        memory = process_usage.memory_note(operator.pid)
    notes = (f"{edits} edits at once, {number:,} PBAClusters", HALF_REFER, f"after the last storm: {memory}")
    return Measured(Values(figures), notes)


CASE: Final = Case(
    id=f"storm-{EDITS}",
    unit="s",
    reach="<= 30",
    measures=f"from the first of {EDITS} edits at once of {NUMBER:,} PBAClusters until the last is acted on",
    measure=_measure,
    edition=2,
)
