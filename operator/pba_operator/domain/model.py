"""What the planner is given, and what it answers with: the border between deciding and acting.

`plan(cluster, observed) -> Plan` and `report(cluster, observed, failures, plan) -> status` are pure. The engine
fetches an `Observed`, carries the actions out in their order, and writes the status if it changed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from pba_api.conditions import ConditionType
from pba_api.types import PBAClusterSpec

Manifest = dict[str, Any]
"""A Kubernetes object as JSON."""


class ChildId(NamedTuple):
    """An object in the namespace of its PBACluster: kind and name."""

    kind: str
    name: str

    @classmethod
    def of(cls, manifest: Manifest) -> ChildId:
        """Return which object a manifest describes."""
        return cls(manifest["kind"], manifest["metadata"]["name"])


@dataclass(frozen=True)
class Cluster:
    """A PBACluster: its identity and its parsed spec."""

    namespace: str
    name: str
    uid: str
    generation: int
    deleting: bool
    finalizers: tuple[str, ...]
    spec: PBAClusterSpec
    status: Mapping[str, Any]


class AccountState(Enum):
    """What the last look at MySQL found."""

    UNKNOWN = "Unknown"
    """Not looked at yet, or nothing to look at."""
    UNREACHABLE = "Unreachable"
    """Nobody answered: may pass by itself."""
    REFUSED = "Refused"
    """MySQL answered, and refused (or there is nothing to ask it with): somebody has to do something."""
    READY = "Ready"


class Generator(Enum):
    """How the content of a generated Secret is made (outside of the planner: it needs randomness)."""

    PASSWORD = "password"  # noqa: S105 - the name of a kind of content, no password
    DATABASE_ADMIN = "database-admin"
    """The operator's MySQL account: name, password, and the SQL with which mysqld makes it at its start."""
    CERTIFICATE_AUTHORITY = "certificate-authority"
    SERVER_CERTIFICATE = "server-certificate"
    TICKET_SEED = "ticket-seed"
    """Of the frontends' keys for TLS session tickets."""


@dataclass(frozen=True)
class Apply:
    """Server-side apply of `manifest`, complete, hash annotation included.

    `metadata.uid` in it makes it apply to that very object or to none.
    """

    manifest: Manifest


@dataclass(frozen=True)
class Generate:
    """Create a Secret once, with content from `generator`; one that exists is never overwritten."""

    manifest: Manifest
    generator: Generator
    subject: tuple[str, ...] = ()
    """SERVER_CERTIFICATE: the DNS names; else empty."""
    issuer: ChildId | None = None
    """SERVER_CERTIFICATE: the Secret of the certificate authority that signs."""


class CannotGenerateError(Exception):
    """The content of a Secret cannot be made from what is there; the message names the object and the remedy."""


@dataclass(frozen=True)
class Delete:
    """Delete exactly the object of this identity and UID.

    `after`: not while an apply to that one is due or waits; one that would change nothing is neither.
    """

    target: ChildId
    uid: str
    after: ChildId | None = field(default=None, compare=False)


@dataclass(frozen=True)
class EnsureAccounts:
    """Make schema, account, grants and password in MySQL as asked; only what differs is written."""

    host: str
    schema: str
    user: str
    password_ref: tuple[ChildId, str]
    """The Secret and its key that hold the application's password."""
    admin_ref: ChildId
    """The Secret with the operator's account."""
    ca_ref: ChildId
    """The Secret whose `ca.crt` signs the server's certificate."""
    incarnation: str
    """Changes when the server's process does (pod UID and restart count), or a Secret named here
    (resourceVersion): an answer is kept for so long."""


@dataclass(frozen=True)
class DatabaseObservation:
    """The outcome of the last `EnsureAccounts`: which one it was, and what MySQL said.

    `detail` is for the user when MySQL did not answer as it should.
    """

    state: AccountState = AccountState.UNKNOWN
    asked: EnsureAccounts | None = None
    version: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Observed:
    """Everything that a plan may depend on beside the spec.

    `children`: live objects of this namespace that carry our cluster label (of whatever owner), pods and volume
    claims among them, and foreign objects found under a name that we want.
    `references`: the user's Secrets and ConfigMaps that the spec names; None: looked for and not there.
    """

    children: Mapping[ChildId, Manifest] = field(default_factory=dict)
    references: Mapping[ChildId, Manifest | None] = field(default_factory=dict)
    database: DatabaseObservation = field(default_factory=DatabaseObservation)
    contested: Mapping[ChildId, str] = field(default_factory=dict)
    """Objects that somebody keeps changing back or deleting: the field manager that did so last, empty if unknown."""
    paths_unchanged_seconds: float = math.inf
    """How long we have led and admitted clients as we do now, by Services and NetworkPolicies, as far as is known."""
    evidence: str = ""
    """The last words about the object whose Events were asked for (`plan.evidence`), if they were a warning."""

    def of_kind(self, kind: str) -> list[Manifest]:
        """Return the live children of `kind`, by name."""
        return [self.children[key] for key in sorted(self.children) if key.kind == kind]


@dataclass(frozen=True)
class SetFinalizer:
    """Add or remove our finalizer on the PBACluster."""

    present: bool


Action = Apply | Generate | Delete | EnsureAccounts | SetFinalizer


@dataclass(frozen=True)
class Plan:
    """Actions in the order in which they must happen, and when to look again without an event.

    `requeue_after` (seconds) is for facts that no watch tells (a missing Secret of the user's, MySQL not answering).
    `references_after` (seconds, at least) is for the user's objects that are as they should be: as long as they do not
    change, nothing else needs a look then.
    """

    actions: tuple[Action, ...] = ()
    requeue_after: float | None = None
    references_after: float | None = None
    looks_for: tuple[ChildId, ...] = ()
    """Children that may be there although no watch tells of them: somebody may have taken their label."""
    wanted: tuple[Manifest, ...] = ()
    """Every manifest that the spec asks for now, in the order of their making, not stamped."""
    pending: tuple[Manifest, ...] = ()
    """Of `wanted`, stamped, what differs from the live objects and may be applied."""


@dataclass(frozen=True)
class Problem:
    """Something that keeps a part from being ready, worded for the user.

    `stalled`: evidence of failure that needs a human, not mere progress. `part` is the type of its condition.
    `message` names the object and the remedy.
    """

    part: ConditionType
    reason: str
    message: str
    stalled: bool = False


@dataclass(frozen=True)
class Failure:
    """An action that the API server or MySQL refused: what, and its words."""

    target: ChildId
    reason: str
    message: str
