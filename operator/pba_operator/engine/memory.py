"""What the engine keeps of a PBACluster from one reconcile to the next.

What must stay true: all of it can be lost at any time (a restart loses it), and the end is the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from pba_operator.domain.model import AccountState, ChildId, DatabaseObservation, Manifest
from pba_operator.engine.restraint import Restraint


@dataclass
class Memory:
    """What was learnt about one PBACluster."""

    database: DatabaseObservation = field(default_factory=DatabaseObservation)
    """What MySQL has answered; a bad answer holds only for the reconcile that has asked, a good one until it is doubted
    (`Resync`)."""
    restraint: Restraint = field(default_factory=Restraint)
    references: tuple[ChildId, ...] = ()
    """What its spec names."""
    settled: int | None = None
    """The fingerprint of the state in which nothing was left to do."""
    references_after: float | None = None
    """Seconds after which to look again at what its spec names, then."""
    status_waits: float | None = None
    """Seconds until a status may be written that somebody keeps changing; None: nothing waits."""
    paths_changed_at: float = -math.inf
    """When a Service or a NetworkPolicy was changed last, by the clock; what was changed before counts as changed when
    this was made."""
    altered_status: tuple[Manifest, Manifest] | None = None
    """A status that was written, and what the API server made of it, where the two do not say the same."""

    @property
    def is_database_in_the_way(self) -> bool:
        """Whether MySQL was asked, and did not say that all is well: nothing but asking again tells of its end."""
        return self.database.state in (AccountState.UNREACHABLE, AccountState.REFUSED)

    def forget_bad_answer(self) -> None:
        """Have MySQL asked again, if its last answer was that something is wrong."""
        if self.is_database_in_the_way:
            self.forget_answer()

    def forget_answer(self) -> None:
        """Have MySQL asked again."""
        self.database = DatabaseObservation(version=self.database.version)
