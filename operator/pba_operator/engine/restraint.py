"""Not every difference is worth a write.

Some stay whatever we apply, some come back as fast as we take them away.

What must stay true: an apply that has changed nothing is not repeated while the object stays as it is (a
webhook or a controller writes a value in another way than we do); and against somebody who keeps undoing what we
do, by changes or by deletions, we write ever less often, but never give up: the first corrections come at once.
What is asked for anew begins anew: with another manifest, or, where there is none, with another spec.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pba_api.identity import ANNOTATION_HASH
from pba_operator.domain.model import Action, Apply, ChildId, Delete, EnsureAccounts, Generate, Manifest

FREE_CORRECTIONS: Final = 3
"""So many corrections of one object to one manifest are made at once."""
WAIT_FIRST: Final = 2.0
WAIT_MAX: Final = 300.0
QUIET: Final = 600.0
"""Seconds without a correction after which the count begins anew."""
CALM: Final = 10.0
"""Seconds that a correction must stand until a fight is taken to be over: the status does not flap with each blow."""
STATUS: Final = "Status"


@dataclass
class _Record:
    wanted: str
    futile_on: str = ""
    left: str = ""
    """The content that the last write left."""
    corrections: int = 0
    last: float = 0.0
    opponent: str = ""


@dataclass(frozen=True)
class Move:
    """What is to be written: how, to what, and what for."""

    verb: str
    target: ChildId
    wanted: str


def content(live: Mapping[str, Any]) -> str:
    """Return a digest of what an apply could change in an object."""
    ignored = ("resourceVersion", "generation", "managedFields")
    metadata = {key: value for key, value in live["metadata"].items() if key not in ignored}
    rest = {key: value for key, value in live.items() if key not in ("status", "metadata")}
    return digest([metadata, rest])


def digest(value: Any) -> str:
    """Return a digest of what can be written as JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def move(action: Action, target: ChildId, generation: int) -> Move | None:
    """Return what an action is to the restraint; None: it is never held back.

    Args:
        action: the action.
        target: the object that it is about.
        generation: of the PBACluster.
    """
    if isinstance(action, EnsureAccounts) or (isinstance(action, Delete) and target.kind == "Pod"):
        return None  # the one asks more than it writes, the other waits for a whole restart each time
    if isinstance(action, Apply):
        return Move(
            "Apply", target, str(action.manifest["metadata"].get("annotations", {}).get(ANNOTATION_HASH, ""))
        )
    return Move(type(action).__name__, target, str(generation))


class Restraint:
    """What was learnt from the writes to the children of one PBACluster."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, ChildId], _Record] = {}

    def wait(self, planned: Move, live: Manifest | None, now: float) -> float | None:
        """Return how many seconds a write has to wait; 0: none; None: it would change nothing."""
        record = self._known(planned)
        if record is None:
            return 0.0
        if live is not None and record.futile_on == content(live):
            return None
        if not _is_fight(record, now):
            return 0.0
        pause = min(WAIT_MAX, WAIT_FIRST * 2.0 ** min(record.corrections - FREE_CORRECTIONS - 1, 32))
        return max(0.0, record.last + pause - now)

    def done(self, carried_out: Move, before: Manifest | None, after: Manifest | None, now: float) -> None:
        """Learn from a write.

        Args:
            carried_out: what was written.
            before: the object before; None: there was none.
            after: the API server's answer; None: it says nothing of what has changed.
            now: when.
        """
        record = self._known(carried_out)
        if record is None or now - record.last > QUIET:
            record = self._records[carried_out.verb, carried_out.target] = _Record(carried_out.wanted)
        record.last = now
        record.left = content(after) if after is not None else ""
        if before is not None and after is not None and content(before) == content(after):
            record.futile_on = record.left
        else:
            record.corrections += 1
        if carried_out.verb == Delete.__name__:
            # What we have deleted ourselves is not made anew against anybody.
            self._records.pop((Apply.__name__, carried_out.target), None)
            self._records.pop((Generate.__name__, carried_out.target), None)

    def is_undone(self, carried_out: Move, live: Manifest | None) -> bool:
        """Tell whether an object is not as our last write has left it: somebody has changed or deleted it since."""
        record = self._known(carried_out)
        return record is not None and (live is None or record.left != content(live))

    def blame(self, planned: Move, opponent: str) -> None:
        """Take note of who has undone a write."""
        record = self._records.get((planned.verb, planned.target))
        if record is not None and opponent:
            record.opponent = opponent

    def opponent(self, planned: Move) -> str:
        """Return who has undone a write, empty if that is not known."""
        record = self._records.get((planned.verb, planned.target))
        return record.opponent if record is not None else ""

    def unsettled(self, now: float) -> dict[ChildId, tuple[str, float]]:
        """Return the objects whose last correction has not stood long enough: by whom it was undone, seconds left."""
        return {
            target: (record.opponent, record.last + CALM - now)
            for (verb, target), record in self._records.items()
            if verb != STATUS and record.corrections > FREE_CORRECTIONS and now < record.last + CALM
        }

    def _known(self, planned: Move) -> _Record | None:
        """Return what is known of just this write."""
        record = self._records.get((planned.verb, planned.target))
        return record if record is not None and record.wanted == planned.wanted else None


def _is_fight(record: _Record, now: float) -> bool:
    return record.corrections > FREE_CORRECTIONS and now - record.last <= QUIET
