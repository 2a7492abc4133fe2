"""What the API server's audit log tells of the operator: nobody else knows of each request."""

from __future__ import annotations

from pathlib import Path

from pba_hack.audit import READS, AuditLog
from pba_simulation.real.namespace import Object


class OperatorsRequests:
    """What the operator asks of a namespace from a point in time on, by the API server's audit log."""

    def __init__(self, path: Path, namespace: str) -> None:
        self._log = AuditLog(path)
        self._namespace = namespace

    def requests(self) -> list[Object]:
        """Return what it has asked since then, its watches and its Lease apart."""
        return [
            entry
            for entry in self._log.entries()
            if "pba-operator" in entry.get("userAgent", "")
            and entry.get("objectRef", {}).get("namespace") == self._namespace
            and entry["objectRef"].get("resource") != "leases"
            and entry["verb"] != "watch"
        ]

    def writes(self) -> list[str]:
        """Return the writes that succeeded."""
        return [
            f"{entry['verb']} {entry['objectRef']['resource']}/{entry['objectRef'].get('name', '')}"
            for entry in self.requests()
            if entry["verb"] not in READS and entry["responseStatus"]["code"] < 400
        ]
