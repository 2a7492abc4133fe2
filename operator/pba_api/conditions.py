"""The types of the conditions in a PBACluster's status, written once: people and tools wait for them by name.

`Reconciling` and `Stalled` are there only while they are true, as kstatus has it.
"""

from __future__ import annotations

from enum import StrEnum


class ConditionType(StrEnum):
    """What a condition is about; the parts' own types say which part a problem belongs to."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    PAUSED = "Paused"

    DATABASE = "DatabaseReady"
    MANAGEMENT = "ManagementReady"
    BACKEND = "BackendReady"
    FRONTEND = "FrontendReady"
