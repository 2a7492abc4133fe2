"""Not every difference is worth an apply.

Some stay whatever we apply, some come back as fast as we take them away.

What must stay true: an apply that has changed nothing is not repeated while the object stays as it is (a
webhook or a controller writes a value in another way than we do); and against somebody who keeps changing a
field back we write ever less often, but never give up: the first corrections come at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pba_api.identity import ANNOTATION_HASH
from pba_operator.domain.model import ChildId, Manifest

FREE_CORRECTIONS: Final = 3
"""So many corrections of one object to one manifest are made at once."""
WAIT_FIRST: Final = 2.0
WAIT_MAX: Final = 300.0
QUIET: Final = 600.0
"""Seconds without a correction after which the count begins anew."""


@dataclass
class _Record:
    wanted: str
    futile_on: str = ""
    corrections: int = 0
    last: float = 0.0


def content(live: Mapping[str, Any]) -> str:
    """Return a digest of what an apply could change in an object."""
    ignored = ("resourceVersion", "generation", "managedFields")
    metadata = {key: value for key, value in live["metadata"].items() if key not in ignored}
    rest = {key: value for key, value in live.items() if key not in ("status", "metadata")}
    text = json.dumps([metadata, rest], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _wanted(manifest: Manifest) -> str:
    return str(manifest["metadata"].get("annotations", {}).get(ANNOTATION_HASH, ""))


class Restraint:
    """What was learnt from the applies to the children of one PBACluster."""

    def __init__(self) -> None:
        self._records: dict[ChildId, _Record] = {}

    def wait(self, child: ChildId, manifest: Manifest, live: Manifest | None, now: float) -> float | None:
        """Return how many seconds an apply has to wait; 0: none; None: it would change nothing."""
        record = self._records.get(child)
        if live is None or record is None or record.wanted != _wanted(manifest):
            return 0.0
        if record.futile_on == content(live):
            return None
        if now - record.last > QUIET or record.corrections <= FREE_CORRECTIONS:
            return 0.0
        pause = min(WAIT_MAX, WAIT_FIRST * 2.0 ** min(record.corrections - FREE_CORRECTIONS - 1, 32))
        return max(0.0, record.last + pause - now)

    def applied(
        self, child: ChildId, manifest: Manifest, before: Manifest | None, after: Manifest, now: float
    ) -> None:
        """Learn from an apply.

        Args:
            child: what it was applied to.
            manifest: what was applied.
            before: the object before.
            after: the API server's answer.
            now: when.
        """
        record = self._records.get(child)
        if record is None or record.wanted != _wanted(manifest) or now - record.last > QUIET:
            record = self._records[child] = _Record(_wanted(manifest))
        record.last = now
        if before is not None and content(before) == content(after):
            record.futile_on = content(after)
        else:
            record.corrections += 1
