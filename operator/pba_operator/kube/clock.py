"""Time as the operator knows it, so that tests can own it.

What must stay true: durations come from a clock that nobody sets (`now`); the calendar (`utc`) is only
written down, never subtracted.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A call that will happen, unless it is cancelled."""

    def cancel(self) -> None:
        """Take the call back."""


class Clock(Protocol):
    """What the operator needs of time."""

    def now(self) -> float:
        """Return seconds since some moment; never goes back."""

    def utc(self) -> dt.datetime:
        """Return the date and time, in UTC."""

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call `call` after `seconds`."""


class SystemClock:
    """The machine's time."""

    def now(self) -> float:
        """Return the seconds since boot, those included in which the machine was suspended."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def utc(self) -> dt.datetime:
        """Return the machine's date and time."""
        return dt.datetime.now(dt.UTC)

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call `call` after `seconds`, in the running event loop."""
        return asyncio.get_running_loop().call_later(seconds, call)


def timestamp(moment: dt.datetime) -> str:
    """Return a moment as Kubernetes writes it (RFC 3339, seconds)."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
