"""Writing the status: only if it says something new, and with the times that only the engine knows.

What must stay true: `lastTransitionTime` of a condition changes with its `status` and with nothing else; a
status that says the same is not written, in whatever order its conditions stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pba_api.identity import API_VERSION, KIND
from pba_operator.domain.model import ChildId, Manifest
from pba_operator.engine.memory import Memory
from pba_operator.engine.ports import Kube
from pba_operator.engine.restraint import STATUS, Move, digest
from pba_operator.kube.clock import Clock, timestamp


@dataclass(frozen=True)
class Transition:
    """A condition that says something else than before; `before` is None if it was not there."""

    before: Manifest | None
    after: Manifest


def _by_type(status: Mapping[str, Any]) -> dict[str, Manifest]:
    return {condition["type"]: condition for condition in status.get("conditions") or ()}


def with_times(status: Manifest, live: Mapping[str, Any], now: str) -> Manifest:
    """Return `status` with a `lastTransitionTime` in each condition.

    Args:
        status: what is to be written.
        live: what stands there: a condition that has not turned keeps its time.
        now: the time of those that have.
    """
    known = _by_type(live)
    conditions = []
    for condition in status.get("conditions", ()):
        before = known.get(condition["type"], {})
        kept = before.get("lastTransitionTime") if before.get("status") == condition["status"] else None
        conditions.append({**condition, "lastTransitionTime": kept or now})
    return {**status, "conditions": conditions}


def same(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Tell whether two statuses say the same."""
    return _plain(left) == _plain(right)


def _plain(status: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**status, "conditions": _by_type(status)}


def transitions(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterable[Transition]:
    """Yield the conditions whose `status` or `reason` is new: what is worth an Event."""
    known = _by_type(before)
    for name, condition in _by_type(after).items():
        old = known.get(name)
        if old is None or (old.get("status"), old.get("reason")) != (
            condition["status"],
            condition["reason"],
        ):
            yield Transition(old, condition)


def is_same_request(before: Manifest, after: Manifest) -> bool:
    """Tell whether a PBACluster still asks for the same, whatever became of its status."""
    return _request(before) == _request(after)


def _request(cluster: Manifest) -> tuple[Any, ...]:
    metadata = cluster["metadata"]
    asked = ("uid", "generation", "deletionTimestamp", "finalizers")
    return tuple(metadata.get(field) for field in asked)


class StatusWriter:
    """Writes the status of PBAClusters."""

    def __init__(self, kube: Kube, clock: Clock) -> None:
        self._kube = kube
        self._clock = clock

    async def write(self, cluster: Manifest, wanted: Manifest, memory: Memory) -> Manifest | None:
        """Write `wanted` as the status of `cluster`, if it says something new.

        Returns:
            The PBACluster as the API server answers it; None if nothing was written, for now or because nothing is new.
        """
        live = cluster.get("status") or {}
        status = with_times(wanted, live, timestamp(self._clock.utc()))
        memory.status_waits = None
        if same(status, live) or memory.altered_status == (wanted, live):
            return None
        now = self._clock.now()
        planned = Move(STATUS, ChildId(KIND, cluster["metadata"]["name"]), digest(wanted))
        memory.status_waits = memory.restraint.wait(planned, None, now) or None
        if memory.status_waits is not None:
            return None
        metadata = {field: cluster["metadata"][field] for field in ("name", "namespace", "uid")}
        manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "status": status}
        answer = await self._kube.apply(manifest, subresource="status")
        stored = answer.get("status") or {}
        memory.altered_status = None if same(status, stored) else (wanted, stored)
        memory.restraint.done(planned, None, None, now)
        return answer
