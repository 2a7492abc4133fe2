"""What the tests of the balancer are given to make sidecars and nodes with; all of them end with the test."""

from __future__ import annotations

from typing import Any, Protocol

from pba_lab.nodes import Node
from pba_lab.sidecar_loop import Lookup, SidecarLoop, unknown


class NewSidecar(Protocol):
    """Starts a sidecar's loop."""

    def __call__(self, lookup: Lookup = unknown, **terms: Any) -> SidecarLoop:
        """Return it; what it does with nodes is the operator's default but for these `terms`."""


class NewNodes(Protocol):
    """Starts nodes."""

    async def __call__(
        self, count: int, *, delay_seconds: float = 0.0, idle_seconds: float = 60.0
    ) -> list[Node]:
        """Return so many; each answers after `delay_seconds`, and lets an idle client go after `idle_seconds`."""
