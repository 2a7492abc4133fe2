"""The weights: look at what nodes answered, judge them, tell HAProxy; beside the loop that adds and removes them.

What must stay true:
- level-triggered: weights are compared with HAProxy's own at each look, so that an HAProxy that restarted and a server
  that was made anew get theirs;
- only nodes that HAProxy sends requests to are judged: one that drains, or that its checks have found dead, is
  forgotten, and is not counted among those that could serve;
- a node that its checks have found dead comes back with the first step of its weight, not with all of it;
- a trial is given to one node at a time, and taken back if it is not that node's any more;
- what HAProxy does not answer, or refuses (a server that was removed meanwhile), changes nothing else.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from pba_sync.balancer import leaving
from pba_sync.balancer.leaving import Draining, Leaving
from pba_sync.haproxy import commands
from pba_sync.haproxy.affinity import NO_AFFINITY, Affinity
from pba_sync.haproxy.commands import Command
from pba_sync.haproxy.errors import CommandRefusedError, HAProxyError
from pba_sync.haproxy.retries import failures
from pba_sync.haproxy.servers import Admin, Server
from pba_sync.judging import answers, outliers
from pba_sync.judging.answers import Answer
from pba_sync.judging.askers import Askers
from pba_sync.judging.limits import Limits
from pba_sync.judging.outliers import Standings
from pba_sync.judging.pasts import End
from pba_sync.judging.phases import Phase
from pba_sync.judging.silence import Listener
from pba_sync.looks import Lasting, Looks

LOOK_SECONDS: Final = 0.1
"""From look to look while there is traffic, or a node is not at its full weight."""
LOOK_SECONDS_A_NODE: Final = 0.00025
"""For each node at least: a look at 1,000 takes 8 ms of a processor, and each of them gets few requests meanwhile."""
CALM_SECONDS: Final = 1.0
"""The same when nothing is under way."""
DOWN_SECONDS: Final = 0.5
"""The same while HAProxy does not answer, and after a fault of our own."""
HASTE_SECONDS: Final = 0.005
"""A failure is looked at at once; more that come within so long are looked at together."""
HASTY: Final = 10
"""So many failures in a row are looked at at once; the next have to wait for the next look, and each half a second of
calm gives one more: when everything fails, the sidecar must not be another load."""
HASTY_AGAIN_SECONDS: Final = 0.5

_LOG = logging.getLogger(__name__)


class Runtime(leaving.Runtime, Protocol):
    """HAProxy, as far as the weights need it."""

    def uncounted_servers(self) -> dict[str, Server]:
        """Return the servers of the nodes' backend; connections are not counted."""

    def unanswered(self) -> dict[str, int]:
        """Return how many requests run on each server whose answers have not begun."""

    def trial(self) -> str | None:
        """Return the node whose trial waits for a request."""

    def answers(self) -> list[str]:
        """Return the lines on the last requests, the oldest first."""

    def redispatches(self) -> dict[str, int]:
        """Return how many tries went on from each node to another one, since it was added."""

    def failures(self) -> Iterator[None]:
        """Yield whenever requests did not end well, for as long as HAProxy lives."""


@dataclass(frozen=True)
class WeigherHooks:
    """What it needs of the world, and whom it tells: for tests and metrics."""

    clock: Callable[[], float]
    on_look: Callable[[Standings], None]
    on_left: Callable[[int], None] = lambda _: None
    """Is told how many nodes bound clients leave."""
    on_answers: Callable[[Sequence[Answer]], None] = lambda _: None
    on_cut_off: Callable[[Mapping[str, int]], None] = lambda _: None
    """Is told how many requests were ended at the deadlines of nodes, by their kinds."""
    on_refused: Callable[[Mapping[str, int]], None] = lambda _: None
    """Is told how many requests no node has got, by the status that they were answered with."""


class Weigher:
    """Keeps HAProxy's weights by what nodes answer."""

    def __init__(
        self, haproxy: Runtime, limits: Limits, hooks: WeigherHooks, affinity: Affinity = NO_AFFINITY
    ) -> None:
        self._haproxy = haproxy
        self._affinity = affinity
        self._limits = limits
        self._hooks = hooks
        self._haste, self._haste_at = float(HASTY), hooks.clock()
        self._failed = threading.Event()
        self._nobody = Lasting(
            _LOG,
            begins="no node passes its checks: requests are sent to any of them all the same",
            ends="not all nodes fail their checks any more",
        )
        self._begin()
        self.looks = Looks(
            hooks.clock,
            problem="weights are left as they are: %s",
            fault="a look at the nodes' answers failed on a fault of its own",
            forget=self._begin,
        )

    def _begin(self) -> None:
        """Begin with nothing learnt."""
        self._known = Standings({})
        self._leaving = Leaving(self._affinity, self._hooks.on_left)
        self._askers = Askers()
        self._draining = Draining(self._affinity)
        self._last: str | None = None
        self._redispatches: Mapping[str, int] = {}
        self._listener = Listener(self._affinity.leave_milliseconds / 1000)
        self._may_wait = True
        """Whether a trial may wait in HAProxy: there is none before we give one, but one given before."""

    def run(self, ended: threading.Event) -> None:
        """Look after look, until it has ended."""
        while not ended.is_set():
            self.wait(self.step())

    def wait(self, seconds: float) -> None:
        """Wait for so long, or until a request fails."""
        if self._failed.wait(seconds):
            if not self._is_hasty():
                threading.Event().wait(min(seconds, LOOK_SECONDS))
            self._failed.clear()

    def _is_hasty(self) -> bool:
        now = self._hooks.clock()
        self._haste = min(HASTY, self._haste + (now - self._haste_at) / HASTY_AGAIN_SECONDS)
        self._haste_at = now
        if self._haste < 1:
            return False
        self._haste -= 1
        return True

    def follow_failures(self) -> None:
        """Have each failure looked at at once, for ever."""
        pause = threading.Event()
        while True:
            try:
                for _ in self._haproxy.failures():
                    self._failed.set()
                    pause.wait(HASTE_SECONDS)
            except HAProxyError:
                pause.wait(DOWN_SECONDS)  # `step` says so

    def step(self) -> float:
        """Look once.

        Returns:
            After how many seconds to look again, if nothing fails before.
        """
        with self.looks.once():
            return self._look()
        return DOWN_SECONDS

    def _note_checks(self, servers: Collection[Server]) -> None:
        """Log when no node passes its checks, or one does again, once."""
        ready = [server for server in servers if server.admin is Admin.READY]
        self._nobody.note(bool(ready) and not any(server.up for server in ready))

    def _lower(self, servers: Iterable[Server]) -> None:
        """Have nodes that are down come back low; on a ring that would move the clients that are bound to them."""
        if self._affinity.by_address:
            return
        first = commands.FULL_WEIGHT // commands.STEPS
        for server in servers:
            if server.admin is Admin.READY and not server.up and server.weight > first:
                self._run(commands.set_weight(server.name, first))

    def _run(self, command: Command) -> None:
        """Carry out what may be refused, a server having been removed meanwhile, and must keep nothing else from it."""
        try:
            self._haproxy.run(command)
        except CommandRefusedError as error:
            _LOG.info("%s", error)

    def _look(self) -> float:
        # In this order: a trial that does not wait any more runs, or its end is among the lines now or soon.
        waiting = self._haproxy.trial() if self._may_wait else None
        everyone = self._haproxy.uncounted_servers()
        servers = {name: server for name, server in everyone.items() if server.usable}
        self._note_checks(everyone.values())
        self._lower(everyone.values())
        lines = self._haproxy.answers()
        # What had ended before our first look is not judged: we do not know who was out then.
        if self._last is None:
            self._redispatches, fresh = self._haproxy.redispatches(), []
        else:
            fresh = list(answers.news(lines, self._last))
        self._last = lines[-1] if lines else ""
        now = self._hooks.clock()
        before = self._known
        told = answers.parsed(fresh)
        found = answers.read(told)
        found += self._passed_on(found)
        self._hooks.on_answers(found)
        self._hooks.on_cut_off(answers.cut_off(told))
        self._hooks.on_refused(answers.refused(told))
        ended = answers.by_node(found, _reached(everyone))
        self._askers.note(ended)
        self._listener.note(ended)
        self._listener.look(servers, now, self._haproxy.unanswered)
        if self._listener.overdue:
            self._run(commands.foresee(self._listener.overdue))
        look = outliers.Look(
            {name: ended[name] for name in servers},
            now,
            waiting,
            self._askers.shared(),
            self._listener.silent,
        )
        self._known = outliers.assess(before, look, self._limits)
        self._listener.prove(outliers.failed_trials(before, self._known))
        _tell(before, self._known)
        weights = outliers.weights(self._known, now, self._limits)
        overdue = self._draining.overdue(everyone, now) if servers else ()
        self._leaving.look(ended, self._known, self._listener.hanging, overdue)
        self._set(self._leaving.weights(weights, servers), servers)
        self._give_trial(waiting)
        self._leaving.release(self._haproxy)
        self._hooks.on_look(self._known)
        settled = all(mark.phase is Phase.FULL for mark in self._known.marks.values())
        pace = max(LOOK_SECONDS, LOOK_SECONDS_A_NODE * len(servers))
        return CALM_SECONDS if settled and not fresh else pace

    def _passed_on(self, read: Sequence[Answer]) -> list[Answer]:
        """Return the tries that failed, after which another node was asked: no line tells of them.

        A node on trial is not judged by them: its line says the same.
        """
        if not any(answer.retried for answer in read):
            return []
        before, self._redispatches = self._redispatches, self._haproxy.redispatches()
        asked = {answer.end.asked for answer in read if answer.retried}
        failed = End(-1.0, failed=True, asked=asked.pop() if len(asked) == 1 else None)
        return [
            Answer(name, failed, passed_on=True)
            for name, count in failures(before, self._redispatches).items()
            for _ in range(count)
        ]

    def _give_trial(self, waiting: str | None) -> None:
        given = self._known.given
        self._may_wait = True
        if waiting not in (None, given):
            self._haproxy.run(commands.TAKE_TRIALS_BACK)
        if given not in (None, waiting):
            self._haproxy.run(commands.give_trial(given))
        self._may_wait = given is not None

    def _set(self, weights: Mapping[str, int], servers: Mapping[str, Server]) -> None:
        for name, weight in weights.items():
            if servers[name].weight != weight:
                self._run(commands.set_weight(name, weight))


def _reached(servers: Mapping[str, Server]) -> list[str]:
    """Return the servers that get requests, if only of clients that are bound to them."""
    return [name for name, server in servers.items() if server.up and server.admin is not Admin.MAINT]


def _tell(before: Standings, after: Standings) -> None:
    """Log who was put out, and who is back."""
    for name, mark in after.marks.items():
        known = before.marks.get(name)
        if known is None or known.phase is mark.phase:
            continue
        if mark.phase is Phase.OUT and known.phase is not Phase.TRIAL:
            _LOG.warning("node %s gets no more requests: it fails, or takes longer than others", name)
        if mark.phase is Phase.RISING:
            _LOG.info("node %s gets requests again", name)
