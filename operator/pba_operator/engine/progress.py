"""How far one reconcile has come, and what it could not do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pba_operator.domain.model import (
    Action,
    CannotGenerateError,
    ChildId,
    Failure,
    Manifest,
    Observed,
    Plan,
)
from pba_operator.engine.restraint import Move
from pba_operator.kube.errors import ApiError, ServerError

CANNOT_GENERATE: Final = "CannotGenerate"
"""The reason of a condition: a Secret's content cannot be made from what is there."""


@dataclass
class Progress:
    """How far a reconcile has come."""

    planned_for: Manifest = field(default_factory=dict)
    observed: Observed = field(default_factory=Observed)
    plan: Plan = field(default_factory=Plan)
    done: list[Action] = field(default_factory=list)
    failures: dict[ChildId, Failure] = field(default_factory=dict)
    failing: dict[ChildId, ServerError] = field(default_factory=dict)
    """What the API server, or something behind it, could not do this time."""
    conflicts: set[ChildId] = field(default_factory=set)
    wait: float | None = None
    contested: dict[ChildId, Move] = field(default_factory=dict)
    """What waits because somebody keeps undoing it."""
    finished: bool = False
    written: Manifest | None = None

    def wait_for(self, seconds: float) -> None:
        """Have the next look after so many seconds, or earlier."""
        self.wait = seconds if self.wait is None else min(self.wait, seconds)

    def refuse(self, target: ChildId, error: ApiError) -> None:
        """Take note that the API server refused what was to be done to `target`."""
        self.failures[target] = Failure(target, error.reason, error.message)

    def is_given_up(self, target: ChildId) -> bool:
        """Tell whether something went wrong that only another reconcile tries again."""
        return target in self.failures or target in self.failing

    def cannot_generate(self, target: ChildId, error: CannotGenerateError) -> None:
        """Take note that the content of the Secret `target` cannot be made."""
        self.failures[target] = Failure(target, CANNOT_GENERATE, str(error))
