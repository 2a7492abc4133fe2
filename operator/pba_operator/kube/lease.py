"""One Lease for all replicas of the operator: its holder acts, the others watch and wait.

What must stay true:

- A holder stops acting before anybody else may begin. It counts from the moment at which it *sent* its last renewal
  that was answered, and gives up after `RENEW_DEADLINE`; a rival counts from the moment at which it *saw* that renewal
  or a later one, and waits for `DURATION`. Nobody compares clocks: both measure durations, each with its own.
- A Lease that somebody deletes is lost to its holder, too, and nobody who has seen it held takes it sooner than if
  it were still there. Who has never seen it makes it at once, as on a new cluster: where its holder is cut off from the
  API server at that very moment, nothing tells the one from the other.
- Who has lost the Lease ends the process: no half-done work goes on. `check` is asked before each write, so that a
  process that was frozen ends at its first attempt to write, not at its next renewal.
- A clean end gives the Lease back, also one that comes while a request for it is under way: that request is not broken
  off (nobody would know what became of it), its answer is waited for, no longer than `REQUEST_SECONDS`.

Source of the scheme: client-go's `leaderelection`; why not a ready-made one: kopf's peering and the
`kubernetes` package's elector go on acting after they lost the API server (measured).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from pba_operator.domain.model import Manifest
from pba_operator.kube import kinds
from pba_operator.kube.client import Client
from pba_operator.kube.clock import Clock, Timer
from pba_operator.kube.errors import ApiError, Conflict, Fenced, NotFound

DURATION: Final = 15.0
RENEW_DEADLINE: Final = 10.0
RENEW_EVERY: Final = 2.0
RETRY_EVERY: Final = 1.0
"""Seconds between attempts of one who waits, or whose renewal failed: after a clean end another acts within two."""

REQUEST_SECONDS: Final = RENEW_DEADLINE / 2
"""For one request: one that hangs leaves time for another (Kubernetes' own components do the same)."""

logger = logging.getLogger(__name__)

Exit = Callable[[str], NoReturn]
"""Ends the process at once; the argument says why."""


@dataclass(frozen=True)
class _Seen:
    """The Lease as it last changed, and until when its holder may act, counted from when we saw that."""

    spec: Mapping[str, Any]
    until: float


class Elector:
    """Holds the Lease, or waits for it."""

    def __init__(
        self, client: Client, *, namespace: str, name: str, identity: str, clock: Clock, end: Exit
    ) -> None:
        """Make an elector that does not hold the Lease yet.

        Args:
            client: must not ask this elector before it writes.
            namespace: of the Lease.
            name: of the Lease.
            identity: unlike that of any other process, at any time.
            clock: its `now` must go on while the machine is suspended.
            end: ends the process.
        """
        self._client = client
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._clock = clock
        self._end = end
        self._seen: _Seen | None = None
        self._renewed: float | None = None
        self._lease: Manifest | None = None
        self._watchdog: Timer | None = None
        self._writing: asyncio.Task[None] | None = None
        """The last write of the Lease, answered or under way; None: there was none, so the Lease cannot be ours."""

    @property
    def holds(self) -> bool:
        """Whether this process holds the Lease, and may act."""
        return self._renewed is not None and self._clock.now() < self._renewed + RENEW_DEADLINE

    def check(self) -> None:
        """Make sure that this process may write; end it if it may not any more.

        Raises:
            Fenced: it may not yet.
        """
        if self._renewed is None:
            raise Fenced("this process does not hold the Lease")
        if not self.holds:
            self._end("the Lease was not renewed in time")

    async def run(self, acquired: Callable[[], Awaitable[None]]) -> None:
        """Wait for the Lease, call `acquired`, and renew it until cancelled."""
        while not await self._attempt(self._acquire):
            await self._clock.sleep(RETRY_EVERY)
        logger.info("lease acquired", extra={"identity": self._identity})
        await acquired()
        renewed = True
        while True:
            await self._clock.sleep(RENEW_EVERY if renewed else RETRY_EVERY)
            renewed = await self._attempt(self._renew)

    async def release(self) -> None:
        """Give the Lease back, if it is ours; whoever waits need not wait for its end. Called when `run` has ended.

        Raises:
            ApiError: it could not be given back; it runs out by itself.
        """
        if self._writing is None:
            return
        await asyncio.wait({self._writing})
        self._writing = None
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._renewed = None
        if self._lease is None or not await self._give_back(self._lease):
            # The answer to the last write was lost, or somebody else has written.
            await self._give_back(await self._client.get(kinds.LEASE, self._namespace, self._name))

    async def _give_back(self, lease: Manifest) -> bool:
        """Give the Lease back if it is ours by what `lease` says; tell whether it was written."""
        spec = lease.get("spec") or {}
        if spec.get("holderIdentity") != self._identity:
            return False
        try:
            await self._client.replace(
                {**lease, "spec": {**spec, "holderIdentity": "", "leaseDurationSeconds": 1}}
            )
        except Conflict:
            return False
        return True

    async def _attempt(self, step: Callable[[], Awaitable[bool]]) -> bool:
        try:
            return await step()
        except ApiError as error:
            logger.warning("lease not written", extra={"error": f"{type(error).__name__}: {error}"})
            return False

    async def _acquire(self) -> bool:
        sent = self._clock.now()
        try:
            lease = await self._client.get(kinds.LEASE, self._namespace, self._name)
        except NotFound:
            if self._seen is not None and sent < self._seen.until:
                return False
            await self._write(self._client.create(self._manifest({}, self._spec({}, transitions=0))), sent)
            return True
        spec = lease.get("spec") or {}
        if self._is_held(spec):
            return False
        sent = self._clock.now()
        taken = self._spec({}, transitions=int(spec.get("leaseTransitions") or 0) + 1)
        await self._write(self._client.replace(self._manifest(lease["metadata"], taken)), sent)
        return True

    async def _renew(self) -> bool:
        try:
            return await self._renewed_as_known()
        except NotFound:
            self._end("the Lease was deleted")

    async def _renewed_as_known(self) -> bool:
        lease = self._lease or await self._client.get(kinds.LEASE, self._namespace, self._name)
        spec = lease.get("spec") or {}
        if spec.get("holderIdentity") != self._identity:
            self._end(f"the Lease was taken by {spec.get('holderIdentity') or 'nobody'}")
        sent = self._clock.now()
        renewed = self._spec(spec, transitions=int(spec.get("leaseTransitions") or 0))
        try:
            await self._write(self._client.replace(self._manifest(lease["metadata"], renewed)), sent)
        except Conflict:
            self._lease = None
            raise
        return True

    async def _write(self, request: Coroutine[Any, Any, Manifest], sent: float) -> None:
        """Write the Lease; the request is seen through to its answer, even if whoever waits for it is cancelled."""

        async def write() -> None:
            self._held(await request, sent)

        self._writing = asyncio.create_task(write(), name="write the Lease")
        await asyncio.shield(self._writing)

    def _held(self, lease: Manifest, sent: float) -> None:
        """Take note of a renewal that was answered, and when it was sent."""
        self._lease = lease
        self._renewed = sent
        if self._watchdog is not None:
            self._watchdog.cancel()
        left = sent + RENEW_DEADLINE - self._clock.now()
        self._watchdog = self._clock.call_later(max(0.0, left), self.check)

    def _is_held(self, spec: Mapping[str, Any]) -> bool:
        """Tell whether somebody else may still act."""
        if spec.get("holderIdentity") in (None, "", self._identity):
            return False
        now = self._clock.now()
        if self._seen is None or self._seen.spec != spec:
            self._seen = _Seen(spec, now + max(DURATION, float(spec.get("leaseDurationSeconds") or 0)))
        return now < self._seen.until

    def _spec(self, before: Mapping[str, Any], *, transitions: int) -> dict[str, Any]:
        now = self._clock.utc().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(DURATION),
            "acquireTime": before.get("acquireTime") or now,
            "renewTime": now,
            "leaseTransitions": transitions,
        }

    def _manifest(self, metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> Manifest:
        return {
            "apiVersion": kinds.LEASE.api_version,
            "kind": kinds.LEASE.name,
            "metadata": {**metadata, "namespace": self._namespace, "name": self._name},
            "spec": dict(spec),
        }
