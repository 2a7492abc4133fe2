"""The balancer's loop: look at HAProxy, plan, act, look again.

What must stay true:
- level-triggered: each pass starts from HAProxy's own state, so whatever was lost or left half done is made
  good;
- a change of the view is acted on at once, also in the middle of a pass;
- one server that HAProxy refuses does not hold up the others;
- without a view (the API server has not answered since we started) HAProxy's servers are left alone; an HAProxy that
  has none gets those of the last view that a sidecar of this pod had.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from pba_api.sidecar import READY
from pba_sync.balancer.heeding import Heeded, Heeding
from pba_sync.balancer.planner import (
    Change,
    Kind,
    Terms,
    drain_clock,
    governed,
    plan,
    stays,
    wanted,
)
from pba_sync.balancer.recollection import Recollection
from pba_sync.balancer.stopping import Stopping
from pba_sync.haproxy import commands, floor
from pba_sync.haproxy.commands import Command
from pba_sync.haproxy.errors import (
    AnswerMalformedError,
    CommandRefusedError,
    HAProxyError,
    HAProxyUnreachableError,
)
from pba_sync.haproxy.floor import Floor
from pba_sync.haproxy.runtime import Incarnation
from pba_sync.haproxy.servers import Server
from pba_sync.looks import Looks
from pba_sync.watching.membership import Node
from pba_sync.watching.memory import Kept
from pba_sync.watching.view import Board, View

IDLE_SECONDS = 0.5
"""How often HAProxy is looked at when nothing is to do: how long an HAProxy that restarted stays empty."""
BUSY_SECONDS = 0.2
"""The same while a node drains."""
DOWN_SECONDS = 0.05
"""The same while HAProxy does not answer."""
SETTLED_SECONDS = 2.0
"""How long HAProxy's servers are taken to be as we left them, as long as it is the same HAProxy and view."""
AWAIT_SECONDS = 10.0
"""How long HAProxy is not said to be ready because an external node's address is being asked for. Only the first time:
what cannot be resolved must not hold up every frontend that starts."""

_LOG = logging.getLogger(__name__)


class Runtime(Protocol):
    """HAProxy, as far as the loop needs it."""

    def run(self, command: Command) -> None:
        """Carry out a command."""

    def servers(self) -> dict[str, Server]:
        """Return the servers of the nodes' backend."""

    def flags(self) -> frozenset[str]:
        """Return the flags that are raised."""

    def incarnation(self) -> Incarnation:
        """Return which life of HAProxy this is."""

    def client_connections(self) -> int:
        """Return how many connections of clients there are, idle ones included."""

    def floor(self) -> Floor:
        """Return which nodes are asked where none passes its checks."""


@dataclass(frozen=True, kw_only=True)
class LoopHooks:
    """What the loop needs of the world, and whom it tells: for tests and metrics."""

    clock: Callable[[], float]
    share: Callable[[], int]
    """How many requests of this frontend may run on a node at a time."""
    on_pass: Callable[[Mapping[str, Server]], None] = lambda _: None
    """Is told what HAProxy has."""
    on_plan: Callable[[Heeded], None] = lambda _: None
    """Is told which nodes shall be, beside those that we were told of."""
    on_change: Callable[[Change], None] = lambda _: None
    on_joined: Callable[[float], None] = lambda _: None
    """Is told how many seconds a node that we had not known has waited to be added, since we were told of it."""
    on_restart: Callable[[], None] = lambda: None
    on_step: Callable[[], None] = lambda: None
    """Is told whenever HAProxy was seen to be as it should be."""
    keep: Callable[[View, int], None] = lambda _view, _requests: None
    """Has a view survive us, and our share of what may run on a node."""
    recall: Callable[[], Kept | None] = lambda: None
    """Returns what was kept last."""


class Loop:
    """Keeps HAProxy in step with the board's view."""

    def __init__(
        self, haproxy: Runtime, board: Board, stopping: Stopping, terms: Terms, hooks: LoopHooks
    ) -> None:
        self._haproxy = haproxy
        self._board = board
        self._stopping = stopping
        self._terms = terms
        self._hooks = hooks
        self._heeding = Heeding()
        self._floor_problem = ""
        self._recollection = Recollection(board, hooks.clock, hooks.keep, hooks.recall)
        self._begin()
        self.looks = Looks(
            hooks.clock,
            problem="%s",
            again="HAProxy answers again",
            fault="a pass of the balancer's loop failed on a fault of its own",
            forget=self._begin,
        )
        self.ready = False
        """Whether HAProxy said that it is ready, when it answered last; false when it does not."""

    def _begin(self) -> None:
        """Begin with nothing learnt: HAProxy's own state is what counts."""
        self._told: dict[str, int] = {}
        """How many requests each server was told that it may have; another HAProxy's are added anew."""
        self._known: frozenset[str] = frozenset()
        """The nodes of the view that was carried out last."""
        self._heeding.forget()
        self._draining_since: dict[str, float] = {}
        self._incarnation: Incarnation | None = None
        self._refused: set[str] = set()
        self._settled: tuple[View | None, int] = (None, 0)
        self._settled_until = 0.0
        self._viewed_at: float | None = None

    def run(self, ended: threading.Event) -> None:
        """Pass after pass, until it has ended; another view wakes it."""
        while not ended.is_set():
            version = self._board.version
            self._board.wait(version, self.step())

    def step(self) -> float:
        """Make one pass.

        Returns:
            After how many seconds to look again, if the view does not change before.
        """
        delay = IDLE_SECONDS
        with self.looks.once():
            try:
                delay = self._pass()
            except HAProxyError as error:
                self.ready = False
                delay = DOWN_SECONDS if isinstance(error, HAProxyUnreachableError) else IDLE_SECONDS
                raise
        return delay

    def _pass(self) -> float:
        version, terms = self._board.version, self._current_terms()
        view = self._recollection.view
        self.ready = READY in self._greet()
        if self.ready and self._is_settled(view, terms) and self._hooks.clock() < self._settled_until:
            self._hooks.on_step()
            return IDLE_SECONDS
        live = self._haproxy.servers()
        if view is None:
            self._hooks.on_pass(live)
            return 0.0 if self._recollection.recall(live) else IDLE_SECONDS
        finished = self._converge(view, version, live, terms)
        live = self._haproxy.servers()
        ours = governed(live, view.unresolved)
        heeded = self._heeding.look(view.nodes, ours)
        self._keep_floor(heeded.nodes, live)
        self._told = {name: requests for name, requests in self._told.items() if name in live}
        self._hooks.on_pass(live)
        self._hooks.on_plan(heeded)
        whole = finished and not self._awaits(view)
        if not self.ready and whole and any(map(heeded.serves, live.values())):
            self._haproxy.run(commands.raise_flag(READY))
            self.ready = True
        if finished:
            self._known = frozenset(view.nodes)
            self._recollection.keep(view, terms.requests)
        if finished and not self._refused:
            self._hooks.on_step()
        return self._next_look(view, heeded, ours, terms) if finished else 0.0

    def _current_terms(self) -> Terms:
        return replace(self._terms, requests=self._recollection.limit(self._hooks.share()))

    def _keep_floor(self, nodes: Mapping[str, Node], live: Mapping[str, Server]) -> None:
        """Have HAProxy know who is asked where too few pass the checks; one that cannot know it does without."""
        try:
            known = self._haproxy.floor()
        except AnswerMalformedError as error:
            self._note_floor(str(error))
            return
        steps = floor.steps(known, floor.worth_asking((name for name in nodes if wanted(nodes, name)), live))
        self._note_floor(next(filter(None, (self._carry_out([step]) for step in steps)), ""))

    def _note_floor(self, problem: str) -> None:
        if problem and problem != self._floor_problem:
            _LOG.warning("%s", problem)
        self._floor_problem = problem

    def _awaits(self, view: View) -> bool:
        """Tell whether nodes may be added in a moment that we have not known yet."""
        now = self._hooks.clock()
        if self._viewed_at is None:
            self._viewed_at = now
        return view.awaited and now - self._viewed_at < AWAIT_SECONDS

    def _is_settled(self, view: View | None, terms: Terms) -> bool:
        settled, requests = self._settled
        return view is settled and requests == terms.requests

    def _next_look(self, view: View, heeded: Heeded, live: Mapping[str, Server], terms: Terms) -> float:
        """Return after how many seconds to look again, after a pass that went through."""
        if any(not stays(heeded.nodes, name) for name in live):
            return BUSY_SECONDS
        if self._refused:
            return IDLE_SECONDS
        if any(stays(view.nodes, name) for name in view.nodes if name not in live):
            # One that had moved is only removed yet.
            return 0.0
        if not heeded.is_final:
            # They come back as soon as no other node can serve any more, or go when they do not pass their checks.
            return IDLE_SECONDS
        self._settled, self._settled_until = (view, terms.requests), self._hooks.clock() + SETTLED_SECONDS
        return IDLE_SECONDS

    def _greet(self) -> frozenset[str]:
        """Find out which HAProxy this is, and whether its pod ends; return its flags."""
        incarnation = self._haproxy.incarnation()
        if self._incarnation not in (None, incarnation):
            _LOG.warning("HAProxy has restarted: its servers are made anew")
            self._hooks.on_restart()
        self._incarnation = incarnation
        flags = self._haproxy.flags()
        self._stopping.look(self._haproxy, incarnation, flags)
        return flags

    def _converge(self, view: View, version: int, live: Mapping[str, Server], terms: Terms) -> bool:
        """Carry out what is between the view and HAProxy; return False if a newer view came meanwhile."""
        now = self._hooks.clock()
        live = governed(live, view.unresolved)
        nodes = self._heeding.look(view.nodes, live).nodes
        self._draining_since = drain_clock(nodes, live, self._draining_since, now)
        refused: set[str] = set()
        for change in plan(nodes, live, self._draining_since, now, terms):
            if self._board.version != version:
                return False
            problem = self._carry_out(change.commands)
            if problem:
                refused.add(problem)
            else:
                self._hooks.on_change(change)
                if change.kind is Kind.ADD:
                    self._told[change.server] = terms.requests
                    if change.server not in self._known:
                        self._hooks.on_joined(self._hooks.clock() - view.changed_at)
        refused |= self._limit([name for name in live if wanted(nodes, name)], terms.requests)
        for problem in sorted(refused - self._refused):
            _LOG.warning("%s", problem)
        self._refused = refused
        return True

    def _limit(self, names: Sequence[str], requests: int) -> set[str]:
        """Tell servers how many requests they may have, where that is another number now; return what was refused."""
        problems = set()
        for name in names:
            if self._told.get(name) == requests:
                continue
            problem = self._carry_out([commands.set_limit(name, requests)])
            if problem:
                problems.add(problem)
            else:
                self._told[name] = requests
        return problems

    def _carry_out(self, steps: Sequence[Command]) -> str:
        """Carry out the commands of one change; return what HAProxy refused; empty: nothing."""
        for command in steps:
            try:
                self._haproxy.run(command)
            except CommandRefusedError as error:
                return str(error)
        return ""
