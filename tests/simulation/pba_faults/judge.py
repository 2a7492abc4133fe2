"""The judge: what the operator has written, as the API server's audit log says, and whether it was right to.

What must stay true: it believes nobody's word but the audit log's. It looks at one namespace, from the beginning.

    doubled   a write that was carried out and changed nothing (the object kept its resourceVersion), or a second
              deletion of one object: what a client does that has forgotten, or has not seen, that it is done
    reverted  an apply that takes a child back to an earlier state of ours: what was decided on an old view
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pba_api.identity import ANNOTATION_HASH

Entry = dict[str, Any]
AGENT: Final = "pba-operator"
_READS: Final = ("get", "list", "watch")


@dataclass(frozen=True)
class Write:
    """One write of the operator that was carried out."""

    verb: str
    target: str
    """resource/name, and the subresource if there is one."""
    uid: str
    version: str
    hash: str
    repeats: bool
    """Whether the object had this very resourceVersion before."""

    def __str__(self) -> str:
        return f"{self.verb} {self.target}"


def _write(entry: Entry, seen: set[tuple[str, str, str]]) -> Write:
    answer = entry.get("responseObject", {})
    reference, metadata = entry["objectRef"], answer.get("metadata", {})
    name = reference.get("name") or metadata.get("name", "")
    uid = metadata.get("uid") or answer.get("details", {}).get("uid", "")
    version = metadata.get("resourceVersion", "")
    state = (reference["resource"], name, version)
    ends = "deletionTimestamp" in metadata and not metadata.get("finalizers")  # gone with it: no new version
    repeats = bool(version) and state in seen and not ends
    seen.add(state)
    target = "/".join(
        part for part in (reference["resource"], name, reference.get("subresource", "")) if part
    )
    stamp = metadata.get("annotations", {}).get(ANNOTATION_HASH, "")
    return Write(entry["verb"], target, uid, version, stamp, repeats)


class Judge:
    """Reads what was done in one namespace."""

    def __init__(self, audit_log: Path, namespace: str) -> None:
        """Begin to look at a namespace that nothing has happened in yet."""
        self._path = audit_log
        self._namespace = namespace
        self._offset = audit_log.stat().st_size
        self._read: list[Entry] = []

    def _entries(self) -> list[Entry]:
        """Return what has happened so far."""
        word = f'"namespace":"{self._namespace}"'.encode()
        with self._path.open("rb") as log:
            log.seek(self._offset)
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        entries = (json.loads(line) for line in whole.splitlines() if word in line)
        self._read += [
            entry
            for entry in entries
            if entry["verb"] not in _READS and entry["objectRef"].get("namespace") == self._namespace
        ]
        return self._read

    def writes(self) -> list[Write]:
        """Return the operator's writes that were carried out, the Lease's apart."""
        seen: set[tuple[str, str, str]] = set()
        found = []
        for entry in self._entries():
            if entry["responseStatus"]["code"] >= 400:
                continue
            write = _write(entry, seen)
            if AGENT in entry.get("userAgent", "") and entry["objectRef"]["resource"] != "leases":
                found.append(write)
        return found

    def deleted(self) -> list[str]:
        """Return what the operator has deleted, in this order."""
        return [write.target for write in self.writes() if write.verb == "delete"]

    def doubled(self) -> list[str]:
        """Return the writes that were done twice."""
        gone: set[tuple[str, str]] = set()
        found = []
        for write in self.writes():
            again = write.verb == "delete" and bool(write.uid) and (write.target, write.uid) in gone
            if again or (write.repeats and write.verb != "delete"):
                found.append(str(write))
            if write.verb == "delete":
                gone.add((write.target, write.uid))
        return found

    def reverted(self) -> list[str]:
        """Return the applies that took a child back to what it had been made before."""
        stamps: dict[tuple[str, str], list[str]] = {}
        found = []
        for write in self.writes():
            if not write.hash or write.verb == "delete":
                continue
            history = stamps.setdefault((write.target, write.uid), [])
            if write.hash in history[:-1] and write.hash != history[-1]:
                found.append(str(write))
            if not history or history[-1] != write.hash:
                history.append(write.hash)
        return found
