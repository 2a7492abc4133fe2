"""Which benches there are, and their cases, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pba_hack.bench.case import Case
from pba_hack.bench.operator import mutants

BENCHES: Final[Mapping[str, Sequence[Case]]] = {
    "operator": (mutants.CASE,),
}
