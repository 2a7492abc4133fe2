"""One look after another, whatever comes of each: what the sidecar's threads have in common.

What must stay true: a problem is told once, until a look goes well. A fault of our own is logged whole, once as long as
the next looks meet the same, and is counted; it ends nothing, and the next look begins with nothing learnt, as after a
start. It does not have us started anew: our pod would not be ready meanwhile, and what all frontends stumble over would
take out all of them, while HAProxy serves.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from pba_sync.haproxy.errors import HAProxyError

_LOG = logging.getLogger(__name__)


class Lasting:
    """Something that lasts: logged when it begins, and when it ends."""

    def __init__(self, logger: logging.Logger, *, begins: str, ends: str) -> None:
        """Take it that it does not last now.

        Args:
            logger: where to log.
            begins: the warning when it begins.
            ends: the log line when it ends.
        """
        self._logger = logger
        self._begins = begins
        self._ends = ends
        self._lasts = False

    def note(self, lasts: bool) -> None:  # noqa: FBT001 - what is noted is whether
        """Note whether it lasts."""
        if lasts and not self._lasts:
            self._logger.warning("%s", self._begins)
        if self._lasts and not lasts:
            self._logger.info("%s", self._ends)
        self._lasts = lasts


class Looks:
    """The looks of one thread.

    Attributes:
        ended_at: when the last one ended, whatever came of it, on the clock.
        faults: so many have failed on a fault of their own.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        problem: str,
        fault: str,
        again: str = "",
        forget: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin now.

        Args:
            clock: monotonic seconds.
            problem: the log line on what kept a look from going well; `%s` stands for what it was.
            fault: the log line on a fault of our own.
            again: the log line on the first look that goes well after a problem; empty: none.
            forget: has what was learnt from former looks forgotten, which may be what the fault comes from.
        """
        self._clock = clock
        self._problem = problem
        self._fault = fault
        self._again = again
        self._forget = forget
        self._has_problem = False
        self._met = ""
        self.faults = 0
        self.ended_at = clock()

    @contextmanager
    def once(self) -> Iterator[list[str]]:
        """Look in the context; what it raises ends there. Problems that end no look are added to the list."""
        problems: list[str] = []
        try:
            yield problems
        except HAProxyError as error:
            self._note([*problems, str(error)])
        except Exception as error:  # noqa: BLE001 - logged whole, and counted
            self._note_fault(error)
        else:
            self._met = ""
            self._note(problems)
        self.ended_at = self._clock()

    def _note(self, problems: Sequence[str]) -> None:
        """Note what kept a look from going well; empty: nothing did."""
        if problems and not self._has_problem:
            _LOG.warning("%s", self._problem % problems[0])
        if self._has_problem and not problems and self._again:
            _LOG.info("%s", self._again)
        self._has_problem = bool(problems)

    def _note_fault(self, error: Exception) -> None:
        """Note a fault of our own, and begin anew. Whether there is still a problem is not known."""
        self.faults += 1
        if repr(error) != self._met:
            _LOG.exception("%s", self._fault)
        self._met = repr(error)
        self._forget()
