"""What the engine tells of itself: where its rules are in force, when it was last at work, and what hinders it.

The engine writes it in the hub, `status` and `up` read it on the machine. The file's time is the engine's last look.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

__all__ = ["ENFORCED", "Record", "read", "standing", "write"]

ENFORCED = "enforced"
_SILENT_SECONDS = 10.0


@dataclass(frozen=True)
class Record:
    """How far the engine is."""

    networks: Mapping[str, int] = field(default_factory=dict)
    """By node, the network (`kernel.network_of`) that has its rules; another one is that of a later start."""
    trouble: str = ""


def write(path: Path, record: Record, before: Record | None) -> None:
    """Note that the engine has looked just now, and what it found.

    Args:
        path: the record.
        record: what holds.
        before: what was written the last time.
    """
    if record == before and path.exists():
        os.utime(path)
        return
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(record)) + "\n")
    partial.replace(path)


def read(path: Path) -> tuple[Record, float] | None:
    """Return the record and when it was written (seconds since the epoch); None if there is none."""
    try:
        written = path.stat().st_mtime
        return Record(**json.loads(path.read_text())), written
    except FileNotFoundError:
        return None


def standing(found: tuple[Record, float] | None, networks: Mapping[str, int], now: float) -> str:
    """Say whether policies are enforced: `ENFORCED`, or what is not as it should be and what that means.

    Args:
        found: what `read` has found.
        networks: of the nodes that run.
        now: seconds since the epoch.
    """
    if found is None:
        return "not yet enforced: pods cannot speak until the engine has begun"
    record, written = found
    if now - written > _SILENT_SECONDS:
        return f"the engine was last at work {now - written:.0f} s ago: its last rules stand, new pods are closed"
    if record.trouble:
        return f"the last rules stand: {record.trouble}"
    behind = sorted(node for node, network in networks.items() if record.networks.get(node) != network)
    if behind:
        return f"not yet enforced on {', '.join(behind)}: their pods cannot speak"
    return ENFORCED
