"""A clock whose calendar somebody sets; durations stay right, as they are on a real machine."""

from __future__ import annotations

import datetime as dt

from pba_operator.kube.clock import SystemClock


class SetClock(SystemClock):
    """The machine's time, and how far somebody has set the calendar ahead (or, if negative, back)."""

    def __init__(self, ahead: dt.timedelta = dt.timedelta(0)) -> None:
        """Begin so far ahead."""
        self.ahead = ahead

    def utc(self) -> dt.datetime:
        """Return what the calendar says."""
        return super().utc() + self.ahead
