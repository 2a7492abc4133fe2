"""What the engine needs of others, as small as it can be said.

Each of these has a real one, and a simulated one in the tests.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pba_api.types import PBAClusterSpec
from pba_operator.domain.cluster import Invalid
from pba_operator.domain.model import (
    ChildId,
    Cluster,
    DatabaseObservation,
    EnsureAccounts,
    Failure,
    Generate,
    Manifest,
    Observed,
    Plan,
)
from pba_operator.kube.kinds import Kind
from pba_operator.kube.page import PAGE_SIZE, Page


@dataclass(frozen=True)
class Domain:
    """The pure functions that decide."""

    read: Callable[[Manifest], Cluster | Invalid]
    plan: Callable[[Cluster | Invalid, Observed], Plan]
    report: Callable[[Cluster | Invalid, Observed, tuple[Failure, ...], Plan], Manifest]
    references: Callable[[PBAClusterSpec], tuple[ChildId, ...]]
    evidence: Callable[[Cluster, Observed], Manifest | None]
    """The object whose Events tell what its status does not; None: nothing is wanted of Events."""


class Accounts(Protocol):
    """Makes accounts in MySQL as asked, and says what it found."""

    async def ensure(
        self, wanted: EnsureAccounts, secrets: Mapping[ChildId, Manifest], may_write: Callable[[], None]
    ) -> DatabaseObservation:
        """Bring schema, account, grants and password to what is wanted; `may_write` is asked before each write."""


Material = Callable[[Generate, Manifest | None], Awaitable[dict[str, str]]]
"""Makes what a Secret's manifest does not give itself; the second argument is the issuer's Secret."""


class Kube(Protocol):
    """The API server; `kube.client.Client` says what each method does and raises."""

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest:
        """Read an object."""

    def pages(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        selector: str = "",
        fields: str = "",
        metadata_only: bool = False,
        limit: int = PAGE_SIZE,
    ) -> AsyncIterator[Page]:
        """List objects."""

    def check_may_write(self) -> None:
        """Make sure that this process may write, to the API server or to anything else.

        Raises:
            Fenced: it may not.
        """

    async def apply(self, manifest: Manifest, *, subresource: str = "") -> Manifest:
        """Apply a manifest as ours."""

    async def create(self, manifest: Manifest) -> Manifest:
        """Create an object."""

    async def merge(self, kind: Kind, namespace: str, name: str, patch: Mapping[str, Any]) -> Manifest:
        """Merge a patch into an object."""

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str) -> Manifest | None:
        """Delete an object."""
