"""What counts as late, and how long things take: what `frontend.balancing` says, and what follows from it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from pba_sync.judging.pasts import FAILED, RUNG, RUNGS, WELL, End


@dataclass(frozen=True, slots=True)
class Limits:
    """What counts as late, and how long things take: seconds where nothing else is said.

    A user's `frontend.balancing` decides all but `forget`; the values here are those of its defaults, for tests.
    """

    band: float = 2.0
    """So many times the usual latency is not late."""
    gap_milliseconds: float = 25.0
    """Nor is what takes only so much longer: no user notices it."""
    first_rest: float = 2.5
    longest_rest: float = 5.0
    rise: float = 2.0
    """From a good answer on trial to the full weight."""
    out_share: float = 0.5
    """So many of the nodes may be out at most."""
    forget: float = 30.0
    """At full weight for so long, a node that is put out again begins with the first rest."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """From how many milliseconds on an answer is late, and does not bring a node back.

    Who is out comes back only if it is nearer to the usual than to the late: one at the bound would come and go.
    """

    late: float
    late_on_trial: float

    @classmethod
    def of(cls, recent: Sequence[float], limits: Limits) -> Bounds:
        """Return them, by the milliseconds of the last answers."""
        if not recent:
            return cls(math.inf, math.inf)
        usual = statistics.median(recent)
        late = max(limits.band * usual, usual + limits.gap_milliseconds)
        return cls(late, (usual + late) / 2)

    def level(self, end: End, *, on_trial: bool = False) -> int:
        """Return how bad an end is: of so many kinds (`pasts`)."""
        if end.failed:
            return FAILED
        if end.milliseconds <= self.late:
            return 1 if on_trial and end.milliseconds > self.late_on_trial else WELL
        return min(RUNGS, 1 + int(math.log(end.milliseconds / max(1.0, self.late), RUNG)))
