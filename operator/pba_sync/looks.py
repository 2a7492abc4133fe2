"""One look after another, whatever comes of each: what the sidecar's threads have in common.

What must stay true: a problem is told once, until a look goes well; a fault of our own is logged whole and ends
nothing, and as long as each look meets one, `ended_at` stands still: our health tells, and we are started anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pba_sync.haproxy.errors import HAProxyError

_LOG = logging.getLogger(__name__)


class Looks:
    """The looks of one thread.

    Attributes:
        ended_at: when the last one ended that did not fail on a fault of its own, on the clock.
    """

    def __init__(self, clock: Callable[[], float], *, problem: str, fault: str) -> None:
        """Begin now.

        Args:
            clock: monotonic seconds.
            problem: the log line on what kept a look from going well; `%s` stands for what it was.
            fault: the log line on a fault of our own.
        """
        self._clock = clock
        self._problem = problem
        self._fault = fault
        self._has_problem = False
        self.ended_at = clock()

    @contextmanager
    def once(self) -> Iterator[list[str]]:
        """Look in the context; what it raises ends there. Problems that end no look are added to the list."""
        problems: list[str] = []
        try:
            yield problems
        except HAProxyError as error:
            problems.append(str(error))
        except Exception:  # noqa: BLE001 - logged whole; if it stays, our health tells
            _LOG.exception("%s", self._fault)
            return
        if problems and not self._has_problem:
            _LOG.warning("%s", self._problem % problems[0])
        self._has_problem = bool(problems)
        self.ended_at = self._clock()
