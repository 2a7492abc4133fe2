"""What an earlier demo has left that is just being deleted: it must be gone before its names are used again.

A PBACluster on its way out still looks Ready, and in a namespace on its way out nothing can be made.
"""

from __future__ import annotations

import sys
from typing import Final

from pba_hack.demo.picture import say
from pba_hack.kubectl import Json, Kubectl, wait_for

_GONE_SECONDS: Final = 420.0
"""A database has 300 s to end, and its volume and the namespace go after it."""


def await_gone(kubectl: Kubectl, kind: str, name: str, seconds: float = _GONE_SECONDS) -> None:
    """Wait until an object that is being deleted is gone, and print what is still in the way; others may stay.

    Raises:
        WaitedInVainError: it is still there after `seconds`.
    """
    if not _is_leaving(kubectl.get(kind, name)):
        return
    say(f"the {kind} {name} of an earlier demo is being deleted: wait until it is gone")
    told: set[str] = set()

    def gone() -> bool:
        found = kubectl.get(kind, name)
        for text in _in_the_way(found):
            if text not in told:
                told.add(text)
                sys.stdout.write(f"  {text}\n")
                sys.stdout.flush()
        return not _is_leaving(found)

    wait_for(f"the {kind} {name} to be gone", gone, seconds)


def _is_leaving(found: Json | None) -> bool:
    return found is not None and "deletionTimestamp" in found["metadata"]


def _in_the_way(found: Json | None) -> list[str]:
    """Return why a namespace is not gone yet, in Kubernetes' words; of other kinds nothing is told."""
    conditions = (found or {}).get("status", {}).get("conditions", ())
    return [
        entry["message"]
        for entry in conditions
        if entry["type"].startswith("Namespace") and entry["status"] == "True"
    ]
