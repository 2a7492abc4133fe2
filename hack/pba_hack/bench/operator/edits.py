"""Edits of PBAClusters, and when the operator acted on them: both from the API server's audit log.

An edit changes the annotations of a PBACluster's Service. It is acted on when the API server has answered the
operator's first write of that Service after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pba_simulation.real import Namespace

from pba_hack.audit import AuditLog, is_done
from pba_hack.waiting import wait_for

ANNOTATION: Final = "bench/edit"
_PATIENCE: Final = 120.0


@dataclass(frozen=True)
class ActedOn:
    """When an edit was answered, and when the operator's write about it was."""

    edited: datetime
    written: datetime

    @property
    def seconds(self) -> float:
        """Return how long that took."""
        return (self.written - self.edited).total_seconds()


def edit(place: Namespace, name: str, mark: str) -> None:
    """Edit a PBACluster: `mark` is a word that no edit before it had."""
    place.patch("PBACluster", name, {"spec": {"service": {"annotations": {ANNOTATION: mark}}}})


def await_acted_on(log: AuditLog, user: str, names: Iterable[str]) -> Sequence[ActedOn]:
    """Return when each edited PBACluster was acted on, once all are.

    Args:
        log: began before the edits.
        user: the operator's name for the API server.
        names: what was edited; names of PBAClusters are not used twice here.

    Raises:
        TimeoutError: some were not acted on within two minutes.
    """
    wanted = set(names)

    def acted() -> Sequence[ActedOn] | None:
        found = acted_on(log.entries(), user)
        return [found[name] for name in sorted(wanted)] if wanted <= found.keys() else None

    return wait_for("all edits to be acted on", acted, _PATIENCE, poll_seconds=0.5)


def acted_on(entries: Iterable[dict[str, Any]], user: str) -> dict[str, ActedOn]:
    """Return, by the PBACluster's name, when it was first edited and when the operator then first wrote its Service.

    The log has the requests in the order in which they ended. On a busy machine an edit may end after what was done
    about it: the watches are told first.
    """
    patches = sorted(filter(_is_patch, entries), key=_begun)
    edited: dict[str, datetime] = {}
    found: dict[str, ActedOn] = {}
    for entry in patches:
        about, name = entry["objectRef"], entry["objectRef"]["name"]
        by_operator = entry["user"]["username"] == user
        if about["resource"] == "pbaclusters" and not by_operator:
            edited.setdefault(name, _ended(entry))
        elif about["resource"] == "services" and by_operator and name in edited:
            found.setdefault(name, ActedOn(edited[name], max(edited[name], _ended(entry))))
    return found


def _begun(entry: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["requestReceivedTimestamp"])


def _ended(entry: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["stageTimestamp"])


def _is_patch(entry: dict[str, Any]) -> bool:
    return entry["verb"] == "patch" and "subresource" not in entry["objectRef"] and is_done(entry)
