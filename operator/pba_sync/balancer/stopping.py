"""The end of the frontend's pod: clients leave before HAProxy does.

What must stay true: from the moment in which the pod starts to terminate, HAProxy still accepts connections
(some machines have not heard of the end yet), and closes each after its response; it is let go when no client
is left. One that is left and asks for nothing may ask at any time, and would be cut off: browsers and proxies keep
connections for when they need them. HAProxy lets it go once it has been silent for as long as any client may be; the
hook waits for longer than that. Nothing listens for the end: the preStop hook in HAProxy's container and we meet in
the folder of HAProxy's socket.

    hook                                we
    touch stopping            ->        raise the flag `stopping` in HAProxy (its configuration then
                                        adds `Connection: close` to every response)
                                        later, shut HAProxy's frontend: HTTP/2 knows no such header, and
                                        HAProxy says GOAWAY to its clients then, with their next response
    wait for drained          <-        touch drained, once no client is left
    (return; SIGTERM follows)

What was asked of a former HAProxy of this pod is older than HAProxy is. Once taken for a request, it stays one: the
time of day, which tells its age, may be set while the pod lives.

HAProxy's own soft stop (SIGUSR1) is not used: it closes the listening socket at once, and resets the
connections that wait there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from pba_api.sidecar import DRAINED_FILE, STOPPING, STOPPING_FILE
from pba_sync.haproxy import commands
from pba_sync.haproxy.commands import Command
from pba_sync.haproxy.errors import CommandRefusedError
from pba_sync.haproxy.runtime import Incarnation

_LOG = logging.getLogger(__name__)

FURTHER_SECONDS = 10.0
"""How much longer than all must take to hear of the end new connections are accepted, while clients are connected;
clients of HTTP/2 leave from then on."""


class Runtime(Protocol):
    """HAProxy, as far as the end of its pod needs it."""

    def run(self, command: Command) -> None:
        """Carry out a command."""

    def client_connections(self) -> int:
        """Return how many connections of clients there are, idle ones included."""


class Stopping:
    """Our side of the meeting."""

    def __init__(
        self,
        folder: Path,
        leave_seconds: float,
        clock: Callable[[], float],
        time_of_day: Callable[[], float] = time.time,
    ) -> None:
        """Wait for the hook's request.

        Args:
            folder: of HAProxy's socket.
            leave_seconds: how long new connections may still arrive: every kube-proxy, and balancers outside, must
                hear of the end.
            clock: monotonic seconds.
            time_of_day: the time by which files are dated.
        """
        self._leave_seconds = leave_seconds
        self._asked = folder / STOPPING_FILE
        self._drained = folder / DRAINED_FILE
        self._clock = clock
        self._time_of_day = time_of_day
        self._asked_of: Incarnation | None = None
        self._since: float | None = None
        self._shut: Incarnation | None = None

    def look(self, haproxy: Runtime, incarnation: Incarnation, flags: frozenset[str]) -> None:
        """Do what the hook's request asks for now; a request to a former HAProxy is forgotten."""
        try:
            asked_at = self._asked.stat().st_mtime
        except FileNotFoundError:
            return
        age = self._time_of_day() - asked_at
        if self._asked_of != incarnation and age > incarnation.uptime_seconds + 1:
            self._asked.unlink(missing_ok=True)
            self._drained.unlink(missing_ok=True)
            self._since = None
            return
        self._asked_of = incarnation
        if STOPPING not in flags:
            haproxy.run(commands.raise_flag(STOPPING))
        if self._since is None:
            self._since = self._clock()
        seconds = self._clock() - self._since
        if seconds >= self._leave_seconds + FURTHER_SECONDS and self._shut != incarnation:
            self._shut_frontend(haproxy)
            self._shut = incarnation
        if seconds >= self._leave_seconds and haproxy.client_connections() == 0:
            self._drained.touch()

    @staticmethod
    def _shut_frontend(haproxy: Runtime) -> None:
        try:
            haproxy.run(commands.SHUT_FRONTEND)
        except CommandRefusedError as error:
            # By a sidecar before us.
            _LOG.info("%s", error)
