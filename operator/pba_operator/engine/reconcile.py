"""One reconcile: observe, plan, act, and again until there is nothing left to do; then the status.

What must stay true: it ends (no action is carried out twice in one reconcile); it can be cut off at any await
and begun anew; what the API server refuses is told in the status, and keeps nothing else from being done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from pba_operator.domain.model import (
    Action,
    Apply,
    CannotGenerateError,
    ChildId,
    Delete,
    Failure,
    Generate,
    Manifest,
    Observed,
    Plan,
)
from pba_operator.engine import events
from pba_operator.engine.act import Actor, is_destructive, target_of
from pba_operator.engine.memory import Memory
from pba_operator.engine.opponents import opponent
from pba_operator.engine.ports import Domain, Kube
from pba_operator.engine.references import References
from pba_operator.engine.restraint import Move, move
from pba_operator.engine.status import StatusWriter, is_same_request, transitions
from pba_operator.engine.view import Vanished, View
from pba_operator.engine.worker import Outcome
from pba_operator.kube import kinds
from pba_operator.kube.clock import Clock
from pba_operator.kube.errors import ApiError, Conflict, NotFound, Refused, ServerError
from pba_operator.kube.store import Key, Store

ROUNDS_MAX: Final = 12
"""Rounds of plan and act in one reconcile: a first roll-out takes four."""
PERSISTENT: Final = 3
"""So many failures in a row of the API server's own are told to the user: fewer are gone before he reads of
them."""
CANNOT_GENERATE: Final = "CannotGenerate"
"""The reason of a condition: a Secret's content cannot be made from what is there."""

logger = logging.getLogger(__name__)


@dataclass
class _Progress:
    """How far a reconcile has come."""

    planned_for: Manifest = field(default_factory=dict)
    observed: Observed = field(default_factory=Observed)
    plan: Plan = field(default_factory=Plan)
    done: list[Action] = field(default_factory=list)
    failures: dict[ChildId, Failure] = field(default_factory=dict)
    conflicts: set[ChildId] = field(default_factory=set)
    wait: float | None = None
    contested: dict[ChildId, Move] = field(default_factory=dict)
    """What waits because somebody keeps undoing it."""
    current: ChildId | None = None
    finished: bool = False
    written: Manifest | None = None

    def wait_for(self, seconds: float) -> None:
        self.wait = seconds if self.wait is None else min(self.wait, seconds)

    def refuse(self, target: ChildId, error: ApiError) -> None:
        self.failures[target] = Failure(target, error.reason, error.message)

    def cannot_generate(self, target: ChildId, error: CannotGenerateError) -> None:
        self.failures[target] = Failure(target, CANNOT_GENERATE, str(error))


class Reconciler:
    """Brings one PBACluster at a time to what its spec says."""

    def __init__(  # noqa: PLR0913 - what it works with
        self,
        *,
        domain: Domain,
        store: Store,
        kube: Kube,
        actor: Actor,
        references: References,
        recorder: events.Recorder,
        clock: Clock,
        failures_of: Callable[[Key], int],
    ) -> None:
        self._domain = domain
        self._store = store
        self._kube = kube
        self._actor = actor
        self._references = references
        self._recorder = recorder
        self._clock = clock
        self._failures_of = failures_of
        self._status = StatusWriter(kube, clock)
        self._memories: dict[Key, Memory] = {}

    async def reconcile(self, key: Key) -> Outcome:
        """Do what is to be done now.

        Raises:
            ApiError: the API server could not do something that it may do later.
        """
        memory = self._memories.setdefault(key, Memory())
        view = View(
            key,
            memory,
            store=self._store,
            kube=self._kube,
            references=self._references,
            domain=self._domain,
        )
        progress = _Progress()
        try:
            if await view.is_settled():
                return Outcome("unchanged")
            return await self._attempt(view, progress)
        except Vanished:
            self._memories.pop(key, None)
            return Outcome("gone")
        finally:
            _log(key, progress)

    async def _attempt(self, view: View, progress: _Progress) -> Outcome:
        view.memory.settled = None
        view.memory.forget_bad_answer()
        try:
            await self._rounds(view, progress)
        except ServerError as error:
            if self._failures_of(view.key) + 1 >= PERSISTENT and progress.current is not None:
                progress.refuse(progress.current, error)
                await self._tell(view, progress)
            raise
        as_planned = await self._tell(view, progress)
        refused = bool(progress.failures) or not progress.finished
        retry = refused or view.memory.is_database_in_the_way
        asked = (progress.plan.requeue_after, progress.wait, view.memory.status_waits)
        waits = [seconds for seconds in asked if seconds is not None]
        if not as_planned:
            waits.append(0.0)
        if not retry and not waits:
            view.memory.settled = view.fingerprint(progress.written)
        changed = "changed" if progress.done or progress.written else "unchanged"
        return Outcome("refused" if refused else changed, min(waits, default=None), retry)

    async def _rounds(self, view: View, progress: _Progress) -> None:
        for _ in range(ROUNDS_MAX):
            raw = view.raw
            cluster = view.read(raw)
            observed = await view.observe(cluster)
            progress.planned_for, progress.observed = raw, observed
            progress.plan = self._domain.plan(cluster, observed)
            progress.contested.clear()
            due = [action for action in progress.plan.actions if self._is_due(action, view, progress)]
            if await view.look_for(progress.contested):
                continue
            if not due:
                if await view.look_for(progress.plan.looks_for):
                    continue
                progress.finished = True
                return
            if await self._is_current(due, view):
                await self._act(due, view, progress)

    def _is_due(self, action: Action, view: View, progress: _Progress) -> bool:
        target = target_of(action, view.key.name)
        if target in progress.failures or action in progress.done:
            return False
        live = progress.observed.children.get(target)
        if isinstance(action, Delete) and not self._may_delete(action, live, view, progress):
            return False
        planned = move(action, target, view.generation)
        if planned is None:
            return True
        wait = view.memory.restraint.wait(planned, live, self._clock.now())
        if wait:
            progress.wait_for(wait)
            progress.contested[target] = planned
        return wait == 0.0

    def _may_delete(self, action: Delete, live: Manifest | None, view: View, progress: _Progress) -> bool:
        """Tell whether an object is not going already, and what its deletion depends on is as it should be."""
        if live is not None and "deletionTimestamp" in live["metadata"]:
            return False
        return not any(
            isinstance(other, Apply)
            and ChildId.of(other.manifest) == action.after
            and self._is_worth_it(other, view, progress)
            for other in progress.plan.actions
        )

    def _is_worth_it(self, action: Apply, view: View, progress: _Progress) -> bool:
        """Tell whether an apply would change something, now or later."""
        target = ChildId.of(action.manifest)
        planned, live = move(action, target, view.generation), progress.observed.children.get(target)
        return planned is None or view.memory.restraint.wait(planned, live, self._clock.now()) is not None

    async def _is_current(self, due: list[Action], view: View) -> bool:
        """Look at the API server itself before writing; tell whether the plan was made from what is there."""
        made = [target_of(action, view.key.name) for action in due if isinstance(action, Apply | Generate)]
        if not await view.confirm() or await view.look_for(made):
            return False
        if any(is_destructive(action) for action in due) and not await view.refresh():
            return False
        return view.is_as_observed()

    async def _act(self, due: list[Action], view: View, progress: _Progress) -> None:
        for action in due:
            target = progress.current = target_of(action, view.key.name)
            try:
                await self._actor.act(action, view, progress.observed)
                progress.done.append(action)
            except Conflict as error:
                if target in progress.conflicts:
                    progress.refuse(target, error)
                progress.conflicts.add(target)
                await view.look_at(target)
                return
            except Refused as error:
                progress.refuse(target, error)
            except CannotGenerateError as error:
                progress.cannot_generate(target, error)

    async def _tell(self, view: View, progress: _Progress) -> bool:
        """Write the status, and an Event if it is worth one.

        Returns:
            Whether the PBACluster still asks for what was planned for.
        """
        raw = view.raw
        failures = tuple(progress.failures[target] for target in sorted(progress.failures))
        observed = replace(progress.observed, contested=await self._contested(view, progress))
        cluster = view.read(progress.planned_for)
        wanted = self._domain.report(cluster, observed, failures, progress.plan)
        try:
            written = await self._status.write(raw, wanted, view.memory)
        except (NotFound, Conflict):
            await view.look_at(ChildId(kinds.CLUSTER.name, view.key.name))
            return False
        if written is None:
            return True
        progress.written = written
        view.saw(written)
        changes = transitions(raw.get("status") or {}, written.get("status") or {})
        for note in events.notes(changes):
            await self._recorder.record(raw, note)
        return is_same_request(progress.planned_for, written)

    async def _contested(self, view: View, progress: _Progress) -> dict[ChildId, str]:
        """Return what somebody keeps undoing, and who, with a look at it again when that may be over."""
        restraint, found = view.memory.restraint, {}
        for target, (who, seconds) in restraint.unsettled(self._clock.now()).items():
            progress.wait_for(seconds)
            found[target] = who
        for target, planned in progress.contested.items():
            if not restraint.opponent(planned) and target in progress.observed.children:
                restraint.blame(planned, await opponent(self._kube, view.key.namespace, target))
            found[target] = restraint.opponent(planned)
        return found


def _log(key: Key, progress: _Progress) -> None:
    """Write one line, if anything was changed or refused; names only, never contents."""
    if not (progress.done or progress.failures or progress.written):
        return
    logger.info(
        "reconciled",
        extra={
            "cluster": f"{key.namespace}/{key.name}",
            "actions": [
                f"{type(action).__name__} {'/'.join(target_of(action, key.name))}" for action in progress.done
            ],
            "refused": [
                f"{'/'.join(failure.target)}: {failure.reason}" for failure in progress.failures.values()
            ],
            "status": "written" if progress.written else "unchanged",
        },
    )
