"""One reconcile: observe, plan, act, and again until there is nothing left to do; then the status.

What must stay true: it ends (no action is carried out twice in one reconcile); it can be cut off at any await
and begun anew; what the API server refuses is told in the status, and keeps nothing else from being done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from pba_operator.domain.model import (
    Action,
    Apply,
    CannotGenerateError,
    ChildId,
    Delete,
    Generate,
    Manifest,
)
from pba_operator.engine import events
from pba_operator.engine.act import Actor, is_destructive, target_of
from pba_operator.engine.memory import Memory
from pba_operator.engine.opponents import opponent
from pba_operator.engine.ports import Domain, Kube
from pba_operator.engine.progress import Progress
from pba_operator.engine.references import References
from pba_operator.engine.restraint import move
from pba_operator.engine.status import StatusWriter, is_same_request, transitions
from pba_operator.engine.view import Vanished, View
from pba_operator.engine.worker import Outcome
from pba_operator.kube import kinds
from pba_operator.kube.clock import Clock
from pba_operator.kube.errors import Conflict, NotFound, Refused, ServerError
from pba_operator.kube.store import Key, Store

ROUNDS_MAX: Final = 12
"""Rounds of plan and act in one reconcile: a first roll-out takes four."""
REFERENCES_PER_SECOND: Final = 2.5
"""So many of the users' objects are read when all is well: they are looked at less often where there are many. Each
costs about a thousandth of a second of processor time."""
AWAY: Final = (502, 503, 504)
"""Answers of an API server that is not there for anything, just now; another failure of its own may be one object's (a
webhook that fails answers 500)."""
PERSISTENT: Final = 3
"""So many failures in a row of the API server's own are told to the user: fewer are gone before he reads of
them."""

logger = logging.getLogger(__name__)


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
        memory = self._memories.setdefault(key, Memory(paths_changed_at=self._clock.now()))
        view = View(
            key,
            memory,
            store=self._store,
            kube=self._kube,
            references=self._references,
            domain=self._domain,
            clock=self._clock,
        )
        progress = Progress()
        try:
            if await view.is_settled():
                return Outcome("unchanged", self._references_after(memory))
            return await self._attempt(view, progress)
        except Vanished:
            self._memories.pop(key, None)
            self._references.forget(key)
            return Outcome("gone")
        finally:
            _log(key, progress)

    async def _attempt(self, view: View, progress: Progress) -> Outcome:
        view.memory.settled = None
        view.memory.forget_bad_answer()
        try:
            await self._rounds(view, progress)
            if progress.failing:
                raise next(iter(progress.failing.values()))
        except ServerError:
            await self._tell_if_persistent(view, progress)
            raise
        as_planned = await self._tell(view, progress)
        refused = bool(progress.failures) or not progress.finished
        retry = refused or view.memory.is_database_in_the_way
        asked = (progress.plan.requeue_after, progress.wait, view.memory.status_waits)
        waits = [seconds for seconds in asked if seconds is not None]
        is_undone = progress.finished and any(
            self._is_undone(action, view, progress) for action in progress.plan.actions
        )
        if not as_planned or is_undone:
            waits.append(0.0)
        view.memory.references_after = progress.plan.references_after
        if not retry and not waits:
            view.memory.settled = view.fingerprint(progress.written)
        look = self._references_after(view.memory)
        if look is not None:
            waits.append(look)
        changed = "changed" if progress.done or progress.written else "unchanged"
        return Outcome("refused" if refused else changed, min(waits, default=None), retry)

    def _references_after(self, memory: Memory) -> float | None:
        """Return after how many seconds to look at the user's objects again; None if there are none."""
        if memory.references_after is None:
            return None
        return max(memory.references_after, self._references.count / REFERENCES_PER_SECOND)

    async def _tell_if_persistent(self, view: View, progress: Progress) -> None:
        if self._failures_of(view.key) + 1 < PERSISTENT or not progress.failing:
            return
        for target, error in progress.failing.items():
            progress.refuse(target, error)
        await self._tell(view, progress)

    async def _rounds(self, view: View, progress: Progress) -> None:
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

    def _is_due(self, action: Action, view: View, progress: Progress) -> bool:
        target = target_of(action, view.key.name)
        if progress.is_given_up(target) or action in progress.done:
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

    def _may_delete(self, action: Delete, live: Manifest | None, view: View, progress: Progress) -> bool:
        """Tell whether an object is not going already, and what its deletion depends on is as it should be."""
        if live is not None and "deletionTimestamp" in live["metadata"]:
            return False
        return not any(
            isinstance(other, Apply)
            and ChildId.of(other.manifest) == action.after
            and self._is_worth_it(other, view, progress)
            for other in progress.plan.actions
        )

    def _is_worth_it(self, action: Apply, view: View, progress: Progress) -> bool:
        """Tell whether an apply would change something, now or later."""
        target = ChildId.of(action.manifest)
        planned, live = move(action, target, view.generation), progress.observed.children.get(target)
        return planned is None or view.memory.restraint.wait(planned, live, self._clock.now()) is not None

    def _is_undone(self, action: Action, view: View, progress: Progress) -> bool:
        """Tell whether something that was done is to be done once more: somebody has undone it meanwhile."""
        if action not in progress.done:
            return False
        target = target_of(action, view.key.name)
        planned = move(action, target, view.generation)
        return planned is not None and view.memory.restraint.is_undone(
            planned, progress.observed.children.get(target)
        )

    async def _is_current(self, due: list[Action], view: View) -> bool:
        """Look at the API server itself before writing; tell whether the plan was made from what is there."""
        made = [target_of(action, view.key.name) for action in due if isinstance(action, Apply | Generate)]
        if not await view.confirm() or await view.look_for(made):
            return False
        if any(is_destructive(action) for action in due) and not await view.refresh():
            return False
        return view.is_as_observed()

    async def _act(self, due: list[Action], view: View, progress: Progress) -> None:
        for action in due:
            target = target_of(action, view.key.name)
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
            except ServerError as error:
                progress.failing[target] = error
                if error.code in AWAY:
                    raise
            except CannotGenerateError as error:
                progress.cannot_generate(target, error)

    async def _tell(self, view: View, progress: Progress) -> bool:
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

    async def _contested(self, view: View, progress: Progress) -> dict[ChildId, str]:
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


def _log(key: Key, progress: Progress) -> None:
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
