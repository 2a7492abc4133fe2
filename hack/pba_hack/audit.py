"""The API server's audit log, read from a point in time on: who has asked for what, one JSON object a line."""

from __future__ import annotations

import http
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

Json = dict[str, Any]

READS: Final = ("get", "list", "watch")
"""The verbs that change nothing."""


class AuditLog:
    """What is added to an audit log after this was made."""

    def __init__(self, path: Path) -> None:
        """Begin at the log's present end.

        Raises:
            FileNotFoundError: there is no such log.
        """
        self._path = path
        self._offset = path.stat().st_size

    def entries(self) -> list[Json]:
        """Return the entries since then; one that is half written is not among them yet."""
        with self._path.open("rb") as log:
            log.seek(self._offset)
            return [json.loads(line) for line in log if line.endswith(b"\n")]


def writes_of(user: str, entries: Iterable[Json]) -> list[Json]:
    """Return what a user has tried to write, its Leases apart, and what came of it."""
    return [
        entry
        for entry in entries
        if entry["user"]["username"] == user
        and entry["verb"] not in READS
        and entry.get("objectRef", {}).get("resource") != "leases"
    ]


def is_done(entry: Json) -> bool:
    """Tell whether what was asked for was done."""
    code: int = entry["responseStatus"]["code"]
    return code < http.HTTPStatus.BAD_REQUEST
