"""What the tests of the balancer are given to make sidecars and nodes with; all of them end with the test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pba_lab.haproxy import HAProxyProcess
from pba_lab.nodes import Node
from pba_lab.sidecar_loop import Lookup, SidecarLoop, unknown


class NewSidecar(Protocol):
    """Starts a sidecar's loop."""

    def __call__(self, lookup: Lookup = unknown, **terms: Any) -> SidecarLoop:
        """Return it; what it does with nodes is the operator's default but for these `terms`."""


class NewFrontend(Protocol):
    """Starts an HAProxy whose frontend has fields of its own."""

    async def __call__(
        self,
        *nodes: Node,
        pod_ips: str = "127.0.0.1",
        pages: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> HAProxyProcess:
        """Return it, once it is ready with `nodes` (at once without any).

        Args:
            nodes: the backend nodes.
            pod_ips: the pod's addresses; with one of IPv6, HAProxy listens on all of the machine's.
            pages: the user's own pages, by key.
            fields: of `spec.frontend`, as in JSON.
        """


class NewBound(Protocol):
    """Starts a frontend that believes the proxy, and whose clients are bound to nodes."""

    async def __call__(self, kind: str, *nodes: Node) -> HAProxyProcess:
        """Return it, once it is ready; `kind` is that of `sessionAffinity`."""


class NewNodes(Protocol):
    """Starts nodes."""

    async def __call__(
        self, count: int, *, delay_seconds: float = 0.0, idle_seconds: float = 60.0
    ) -> list[Node]:
        """Return so many; each answers after `delay_seconds`, and lets an idle client go after `idle_seconds`."""


class Join(Protocol):
    """Adds a server to the model of HAProxy, and makes it ready."""

    def __call__(self, name: str) -> None:
        """Add it."""


class Answered(Protocol):
    """Writes lines of requests that have ended, as HAProxy does."""

    def __call__(
        self,
        node: str,
        count: int,
        status: int = 200,
        milliseconds: int = 20,
        trial: str = "",
        retries: int = 0,
    ) -> None:
        """Write so many."""
