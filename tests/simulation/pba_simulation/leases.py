"""Processes that want one Lease, and the server that keeps it: either may lose the other at any moment."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, NoReturn

from pba_operator.kube import errors
from pba_operator.kube.kinds import Kind
from pba_operator.kube.lease import Elector
from pba_operator.kube.store import Address
from pba_simulation.apiserver import SimulatedApi
from pba_simulation.time import ManualClock

LEASE = Address("Lease", "ops", "pba-operator")


class Ended(BaseException):
    """What stands for the end of a process."""


class Server:
    """The Lease's side of an API server; it can be away, or answer too late."""

    def __init__(self) -> None:
        self.api = SimulatedApi()
        self.away = False
        self.answers_lost = False
        self.answers = asyncio.Event()
        """What was written is answered only while this is set."""
        self.answers.set()

    def client(self) -> Line:
        return Line(self)

    @property
    def spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.api.objects[LEASE]["spec"]
        return spec


class Line:
    """One process's way to the server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.cut = False
        self.writes = 0

    def _check(self) -> None:
        if self.cut or self._server.away:
            raise errors.Unreachable("cut off")

    async def get(self, kind: Kind, namespace: str, name: str) -> dict[str, Any]:
        self._check()
        return await self._server.api.get(kind, namespace, name)

    async def create(self, manifest: dict[str, Any]) -> dict[str, Any]:
        self._check()
        self.writes += 1
        answer = await self._server.api.create(manifest)
        await self._way_back()
        return answer

    async def replace(self, manifest: dict[str, Any]) -> dict[str, Any]:
        self._check()
        self.writes += 1
        answer = await self._server.api.merge(
            Kind("Lease", "", "", ""),
            "ops",
            "pba-operator",
            {"metadata": manifest["metadata"], "spec": manifest["spec"]},
        )
        await self._way_back()
        return answer

    async def _way_back(self) -> None:
        await self._server.answers.wait()
        if self._server.answers_lost:
            raise errors.TimedOut("no answer")


class Replica:
    """A process that waits for the Lease or holds it."""

    def __init__(self, server: Server, clock: ManualClock, name: str) -> None:
        self.line = server.client()
        self.acting = False
        self.ended = ""
        self.elector = Elector(
            self.line,  # type: ignore[arg-type]
            namespace="ops",
            name="pba-operator",
            identity=name,
            clock=clock,
            end=self._end,
        )
        self.task = asyncio.create_task(self.elector.run(self._acquired))

    async def _acquired(self) -> None:
        self.acting = True

    def _end(self, why: str) -> NoReturn:
        self.ended = why
        self.acting = False
        raise Ended(why)

    def may_write(self) -> bool:
        with contextlib.suppress(Ended, errors.Fenced):
            self.elector.check()
            return True
        return False

    async def crash(self) -> None:
        """End without another instruction."""
        await self.stop()
        assert self.elector._watchdog is not None
        self.elector._watchdog.cancel()

    async def stop(self) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Ended):
            await self.task
