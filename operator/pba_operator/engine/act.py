"""Carries actions out: each is one write, and its answer is seen at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pba_api.identity import FINALIZER
from pba_operator.domain.model import (
    Action,
    Apply,
    ChildId,
    Delete,
    EnsureAccounts,
    Generate,
    Manifest,
    Observed,
    SetFinalizer,
)
from pba_operator.engine.ports import Accounts, Kube, Material
from pba_operator.engine.restraint import move
from pba_operator.engine.view import View
from pba_operator.kube import kinds
from pba_operator.kube.clock import Clock
from pba_operator.kube.errors import NotFound

_PATHS: Final = ("Service", "NetworkPolicy")
"""Kinds that lead clients, or let them in."""


def target_of(action: Action, cluster: str) -> ChildId:
    """Return the object that an action is about; `cluster` is the PBACluster's name."""
    match action:
        case Apply(manifest) | Generate(manifest):
            return ChildId.of(manifest)
        case Delete(target):
            return target
        case EnsureAccounts():
            return action.admin_ref
        case SetFinalizer():
            return ChildId(kinds.CLUSTER.name, cluster)


def is_destructive(action: Action) -> bool:
    """Tell whether something is lost if the action was decided on an old view."""
    return isinstance(action, Delete) or action == SetFinalizer(present=False)


class Actor:
    """Carries out actions for one PBACluster at a time."""

    def __init__(self, kube: Kube, accounts: Accounts, material: Material, clock: Clock) -> None:
        self._kube = kube
        self._accounts = accounts
        self._material = material
        self._clock = clock

    async def act(self, action: Action, view: View, observed: Observed) -> None:
        """Carry out one action.

        Raises:
            ApiError: the API server did not do it.
            CannotGenerateError: the content of a Secret cannot be made.
        """
        target, after = target_of(action, view.key.name), None
        planned = move(action, target, view.generation)
        before, changed_at = observed.children.get(target), view.memory.paths_changed_at
        if target.kind in _PATHS:
            # Beforehand: a write whose answer is lost may have been done.
            view.memory.paths_changed_at = self._clock.now()
        match action:
            case Apply():
                after = await self._apply(action, view, observed)
                if before is not None and before.get("spec") == after.get("spec"):
                    view.memory.paths_changed_at = changed_at
            case Generate():
                await self._generate(action, view, observed)
            case Delete():
                await self._delete(action, view)
            case EnsureAccounts():
                # SQL is a write, too: who has lost the Lease sends none.
                secrets = _secrets(action, observed)
                view.memory.database = await self._accounts.ensure(
                    action, secrets, self._kube.check_may_write
                )
            case SetFinalizer():
                await self._set_finalizer(action, view)
        if planned is not None:
            view.memory.restraint.done(planned, before, after, self._clock.now())

    async def _apply(self, action: Apply, view: View, observed: Observed) -> Manifest:
        manifest = action.manifest
        before = observed.children.get(ChildId.of(manifest))
        after = await self._kube.apply(manifest if before is None else _addressed(manifest, before))
        view.saw(after)
        return after

    async def _generate(self, action: Generate, view: View, observed: Observed) -> None:
        issuer = None if action.issuer is None else _find(action.issuer, observed)
        content = await self._material(action, issuer)
        given = action.manifest.get("stringData", {})
        view.saw(await self._kube.create({**action.manifest, "stringData": {**given, **content}}))

    async def _delete(self, action: Delete, view: View) -> None:
        kind = kinds.BY_NAME[action.target.kind]
        try:
            left = await self._kube.delete(kind, view.key.namespace, action.target.name, uid=action.uid)
        except NotFound:
            left = None
        if left is None:
            view.saw_gone(action.target)
        else:
            view.saw(left)

    async def _set_finalizer(self, action: SetFinalizer, view: View) -> None:
        metadata = view.raw["metadata"]
        others = [name for name in metadata.get("finalizers", ()) if name != FINALIZER]
        patch = {
            "metadata": {
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
                "finalizers": [*others, FINALIZER] if action.present else others,
            }
        }
        after = await self._kube.merge(kinds.CLUSTER, *view.key, patch)
        if "deletionTimestamp" in after["metadata"] and not after["metadata"].get("finalizers"):
            view.saw_gone(ChildId(kinds.CLUSTER.name, view.key.name))
        else:
            view.saw(after)


def _addressed(manifest: Manifest, live: Manifest) -> Manifest:
    """Return `manifest` for the very object that was looked at, not for one that took its name since."""
    return {**manifest, "metadata": {"uid": live["metadata"]["uid"], **manifest["metadata"]}}


def _find(child: ChildId, observed: Observed) -> Manifest | None:
    return observed.children.get(child) or observed.references.get(child)


def _secrets(action: EnsureAccounts, observed: Observed) -> Mapping[ChildId, Manifest]:
    wanted = (action.password_ref[0], action.admin_ref, action.ca_ref)
    found = {child: _find(child, observed) for child in wanted}
    return {child: secret for child, secret in found.items() if secret is not None}
