"""How long a test waits for what a machine that is busy otherwise does at some time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pba_hack.waiting import wait_for, wait_for_async

DEADLINE_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.005
"""So short that what is measured by it is not rounded."""


def eventually(holds: Callable[[], object]) -> None:
    """Return when `holds` is true.

    Raises:
        WaitedInVainError: it was not in time.
    """
    wait_for("the condition to hold", holds, DEADLINE_SECONDS, poll_seconds=_POLL_SECONDS)


async def eventually_async(holds: Callable[[], object], seconds: float = DEADLINE_SECONDS) -> None:
    """Do as `eventually` does, and let the event loop go on meanwhile."""
    await wait_for_async("the condition to hold", holds, seconds, poll_seconds=_POLL_SECONDS)
