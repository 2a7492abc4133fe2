"""How long a test waits for what a machine that is busy otherwise does at some time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pba_hack.waiting import wait_for

DEADLINE_SECONDS: Final = 30.0


def eventually(holds: Callable[[], object]) -> None:
    """Return when `holds` is true; looks so often that what is measured by it is not rounded.

    Raises:
        WaitedInVainError: it was not in time.
    """
    wait_for("the condition to hold", holds, DEADLINE_SECONDS, poll_seconds=0.005)
