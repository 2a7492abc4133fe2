"""Waiting for what happens elsewhere: until it is so, or until it is too late. Nobody sleeps and hopes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class WaitedInVainError(Exception):
    """What was waited for did not happen in time."""


def wait_for(
    what: str, look: Callable[[], T | None], seconds: float = 120.0, *, poll_seconds: float = 0.02
) -> T:
    """Return the first true answer of `look`.

    Args:
        what: what is waited for, in words.
        look: asked again and again.
        seconds: how long at most.
        poll_seconds: between two looks; longer where a look costs something.

    Raises:
        WaitedInVainError: after `seconds`, with the last answer.
    """
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not (answer := look()):
        _check(deadline, what, seconds, answer)
        pause.wait(poll_seconds)
    return answer


async def wait_for_async(
    what: str, look: Callable[[], T | None], seconds: float = 120.0, *, poll_seconds: float = 0.02
) -> T:
    """Do as `wait_for` does, and let the event loop go on meanwhile."""
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        _check(deadline, what, seconds, answer)
        await asyncio.sleep(poll_seconds)
    return answer


def _check(deadline: float, what: str, seconds: float, answer: object) -> None:
    if time.monotonic() > deadline:
        raise WaitedInVainError(f"waited {seconds:.0f} s for: {what} (last answer: {answer!r})")
