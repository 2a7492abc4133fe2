"""Which benches there are, and their cases, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pba_hack.bench.case import Case
from pba_hack.bench.operator import crash_points, idle_writes, mutants, takeover

BENCHES: Final[Mapping[str, Sequence[Case]]] = {
    "operator": (idle_writes.CASE, takeover.CRASH, takeover.CLEAN, crash_points.CASE, mutants.CASE),
}
