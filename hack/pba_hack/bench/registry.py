"""Which benches there are. The cases of one are loaded when they are wanted: they need more than Python."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Final

from pba_hack.bench.case import Case

NAMES: Final = ("operator", "balancer")
"""Each is a package beside this module; its module `cases` holds `CASES`."""


def cases(bench: str) -> Sequence[Case]:
    """Return the cases of a bench, in the order in which they are told."""
    found: Sequence[Case] = importlib.import_module(f"pba_hack.bench.{bench}.cases").CASES
    return found
