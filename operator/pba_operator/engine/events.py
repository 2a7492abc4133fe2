"""Kubernetes Events of a PBACluster: what `kubectl describe` shows of its story.

What must stay true: the same event again raises a count instead of making another object; a cluster that
flaps cannot flood the API server; an Event that cannot be written never keeps anything else from being done.
"""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from pba_api.conditions import ConditionType
from pba_api.identity import API_VERSION, FIELD_MANAGER, KIND
from pba_operator.domain.model import Manifest
from pba_operator.engine.ports import Kube
from pba_operator.engine.status import Transition
from pba_operator.kube import kinds
from pba_operator.kube.clock import Clock, timestamp
from pba_operator.kube.errors import AlreadyExists, NamespaceTerminating, NotFound, Refused, Transient

BURST: Final = 10
REFILL_SECONDS: Final = 30.0
"""A cluster may have `BURST` Events at once, and one more every `REFILL_SECONDS`."""
REMEMBERED_MAX: Final = 4096
NOTE_MAX: Final = 1024
"""Characters of an Event's message; more is cut. Readers of `events.k8s.io/v1` are promised notes of at most 1 kB; the
API server holds only Events with an `eventTime` to it (`NoteLengthLimit`, counted in bytes), and ours have none."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Note:
    """What an Event says; `warning` or not."""

    reason: str
    message: str
    warning: bool


@dataclass
class _Allowance:
    left: float
    at: float


def notes(transitions: Iterable[Transition]) -> list[Note]:
    """Return what is worth telling of the conditions that have changed.

    The parts speak through `Ready`, which sums them up; what stalls is told once, as a warning.
    """
    changed = {change.after["type"]: change.after for change in transitions}
    found = []
    stalled = changed.get(ConditionType.STALLED)
    if stalled is not None and stalled["status"] == "True":
        found.append(Note(stalled["reason"], stalled["message"], warning=True))
    for name in (ConditionType.READY, ConditionType.PAUSED):
        condition = changed.get(name)
        if condition is None or any(note.reason == condition["reason"] for note in found):
            continue
        message = condition["message"] or f"{name} is {condition['status']}."
        found.append(Note(condition["reason"], message, warning=False))
    return found


class Recorder:
    """Writes Events, few and once each."""

    def __init__(self, kube: Kube, clock: Clock) -> None:
        self._kube = kube
        self._clock = clock
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._allowances: OrderedDict[str, _Allowance] = OrderedDict()

    async def record(self, cluster: Manifest, note: Note) -> None:
        """Write one Event of a PBACluster, or raise the count of the same one before."""
        metadata = cluster["metadata"]
        if not self._allows(metadata["uid"]):
            return
        digest = hashlib.sha256(f"{metadata['uid']}/{note.reason}/{note.message}".encode()).hexdigest()[:16]
        name = f"{metadata['name']}.{digest}"
        try:
            await self._write(cluster, note, name)
        except NamespaceTerminating:
            logger.debug("event not written: its namespace is on its way out", extra={"name_of_event": name})
        except (Refused, Transient) as error:
            logger.warning(
                "event not written",
                extra={
                    "cluster": f"{metadata['namespace']}/{metadata['name']}",
                    "reason": note.reason,
                    "error": f"{type(error).__name__}: {error}",
                },
            )

    async def _write(self, cluster: Manifest, note: Note, name: str) -> None:
        namespace = cluster["metadata"]["namespace"]
        now = timestamp(self._clock.utc())
        count = self._counts.get(f"{namespace}/{name}", 0)
        if count:
            try:
                await self._raise(namespace, name, count + 1, now)
            except NotFound:
                count = 0
        if not count:
            try:
                await self._kube.create(_event(cluster, note, name, now))
                self._remember(f"{namespace}/{name}", 1)
            except AlreadyExists:
                # Asked by a write: the operator may list Events, but not get one by its name.
                found = await self._kube.merge(kinds.EVENT, namespace, name, {"lastTimestamp": now})
                await self._raise(namespace, name, int(found.get("count") or 1) + 1, now)

    async def _raise(self, namespace: str, name: str, count: int, now: str) -> None:
        await self._kube.merge(kinds.EVENT, namespace, name, {"count": count, "lastTimestamp": now})
        self._remember(f"{namespace}/{name}", count)

    def _remember(self, name: str, count: int) -> None:
        self._counts[name] = count
        self._counts.move_to_end(name)
        if len(self._counts) > REMEMBERED_MAX:
            self._counts.popitem(last=False)

    def _allows(self, uid: str) -> bool:
        now = self._clock.now()
        allowance = self._allowances.pop(uid, None) or _Allowance(BURST, now)
        allowance.left = min(BURST, allowance.left + (now - allowance.at) / REFILL_SECONDS)
        allowance.at = now
        self._allowances[uid] = allowance
        if len(self._allowances) > REMEMBERED_MAX:
            self._allowances.popitem(last=False)
        if allowance.left < 1:
            return False
        allowance.left -= 1
        return True


def _event(cluster: Manifest, note: Note, name: str, now: str) -> dict[str, Any]:
    metadata = cluster["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": metadata["namespace"]},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
            "resourceVersion": metadata.get("resourceVersion", ""),
        },
        "type": "Warning" if note.warning else "Normal",
        "reason": note.reason,
        "message": note.message[:NOTE_MAX],
        "source": {"component": FIELD_MANAGER},
        "reportingComponent": FIELD_MANAGER,
        "reportingInstance": FIELD_MANAGER,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
