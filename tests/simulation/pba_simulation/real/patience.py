"""How long a test waits for what a machine that is busy otherwise does at some time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from pba_hack.waiting import wait_for

T = TypeVar("T")

PATIENCE: Final = 60.0
"""Seconds until a condition must hold."""


def eventually(holds: Callable[[], T | None], what: str = "", seconds: float = PATIENCE) -> T:
    """Return what `holds` returns as soon as it is true.

    Raises:
        WaitedInVainError: after `seconds`.
    """
    return wait_for(what or "the condition to hold", holds, seconds, poll_seconds=0.05)
