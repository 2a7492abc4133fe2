from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, NoReturn

import pytest
from pba_simulation.apiserver import SimulatedApi
from pba_simulation.time import ManualClock, settle_tasks

from pba_operator.kube import errors
from pba_operator.kube.kinds import Kind
from pba_operator.kube.lease import DURATION, RENEW_DEADLINE, RENEW_EVERY, RETRY_EVERY, Elector
from pba_operator.kube.store import Address

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


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def replicas(server: Server, clock: ManualClock) -> AsyncIterator[list[Replica]]:
    """Two of them; the first holds the Lease."""
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    first = Replica(server, clock, "one")
    await settle_tasks()
    second = Replica(server, clock, "two")
    await settle_tasks()
    yield [first, second]
    for replica in (first, second):
        await replica.stop()


async def test_the_first_holds_the_lease_and_the_second_waits(
    replicas: list[Replica], server: Server
) -> None:
    one, two = replicas
    assert one.acting
    assert one.may_write()
    assert not two.acting
    assert not two.may_write()
    assert two.ended == ""
    assert server.spec["holderIdentity"] == "one"
    assert server.spec["leaseTransitions"] == 0


async def test_a_holder_stays_for_as_long_as_it_renews(
    replicas: list[Replica], server: Server, clock: ManualClock
) -> None:
    one, two = replicas
    before = one.line.writes
    await clock.advance(300)
    assert one.may_write()
    assert not two.acting
    assert one.line.writes - before == 300 / RENEW_EVERY
    assert server.spec["leaseTransitions"] == 0


async def test_after_a_clean_end_another_acts_within_two_seconds(
    replicas: list[Replica], server: Server, clock: ManualClock
) -> None:
    one, two = replicas
    await clock.advance(7)
    await one.stop()
    await one.elector.release()
    assert not one.may_write()
    await clock.advance(RETRY_EVERY)
    assert two.acting
    assert server.spec["leaseTransitions"] == 1
    await one.elector.release()
    assert server.spec["holderIdentity"] == "two"


@pytest.mark.parametrize("lost", [False, True])
async def test_who_ends_while_it_asks_for_the_lease_gives_it_back_once_it_is_answered(
    server: Server, clock: ManualClock, lost: bool
) -> None:
    server.answers.clear()
    one = Replica(server, clock, "one")
    await settle_tasks()
    assert server.spec["holderIdentity"] == "one", "it is done, and the answer is on its way"
    await one.stop()
    await _released(one, server, lost)
    assert server.spec["holderIdentity"] == ""
    assert not one.acting
    assert not one.may_write()


@pytest.mark.parametrize("lost", [False, True])
async def test_who_ends_while_it_renews_the_lease_gives_it_back_once_it_is_answered(
    replicas: list[Replica], server: Server, clock: ManualClock, lost: bool
) -> None:
    one, two = replicas
    server.answers.clear()
    await clock.advance(RENEW_EVERY)
    await one.stop()
    await _released(one, server, lost)
    await clock.advance(RETRY_EVERY)
    assert two.acting
    assert not one.may_write()


async def _released(replica: Replica, server: Server, lost: bool) -> None:
    """Give the Lease back while an answer is awaited, which then comes or is `lost`."""
    writes = replica.line.writes
    releasing = asyncio.create_task(replica.elector.release())
    await settle_tasks()
    assert replica.line.writes == writes, "it does not know yet what it would give back"
    server.answers_lost = lost
    server.answers.set()
    await settle_tasks(1)
    server.answers_lost = False
    await releasing


async def test_who_ends_before_it_has_asked_for_the_lease_asks_nothing(
    replicas: list[Replica], server: Server
) -> None:
    _, two = replicas
    await two.stop()
    server.away = True
    await two.elector.release()
    assert server.spec["holderIdentity"] == "one"


async def test_a_renewal_that_was_refused_is_no_reason_to_keep_the_lease(
    replicas: list[Replica], server: Server, clock: ManualClock
) -> None:
    one, two = replicas
    server.api.patch_as("somebody", LEASE, {"metadata": {"labels": {"team": "ops"}}})
    await clock.advance(RENEW_EVERY)
    await one.stop()
    await one.elector.release()
    await clock.advance(RETRY_EVERY)
    assert two.acting


async def test_who_ends_after_another_has_taken_the_lease_leaves_it_alone(
    replicas: list[Replica], server: Server
) -> None:
    one, _ = replicas
    await one.stop()
    server.api.patch_as("somebody", LEASE, {"spec": {"holderIdentity": "somebody"}})
    await one.elector.release()
    assert server.spec["holderIdentity"] == "somebody"


async def test_after_a_crash_another_acts_within_twenty_seconds(
    replicas: list[Replica], clock: ManualClock
) -> None:
    one, two = replicas
    await one.crash()
    await clock.advance(DURATION - 1)
    assert not two.acting
    await clock.advance(5)
    assert two.acting


async def test_a_holder_that_is_cut_off_has_ended_before_another_acts(
    replicas: list[Replica], clock: ManualClock
) -> None:
    one, two = replicas
    await clock.advance(5)
    one.line.cut = True
    while not two.acting:
        assert not (one.acting and two.acting)
        await _advance_past_ends(clock, 0.5)
    assert one.ended == "the Lease was not renewed in time"


async def test_a_holder_that_was_frozen_ends_at_its_first_write(
    clock: ManualClock, replicas: list[Replica]
) -> None:
    one, _ = replicas
    clock.seconds += DURATION + 5  # nothing of the first ran meanwhile, not even its timers
    assert not one.may_write()
    assert one.ended == "the Lease was not renewed in time"


async def test_a_lease_that_was_taken_ends_who_held_it(
    server: Server, clock: ManualClock, replicas: list[Replica]
) -> None:
    one, _ = replicas
    server.api.patch_as("somebody", LEASE, {"spec": {"holderIdentity": "somebody"}})
    await _advance_past_ends(clock, 3 * RENEW_EVERY)
    assert one.ended == "the Lease was taken by somebody"


async def test_a_short_absence_of_the_api_server_is_survived(
    replicas: list[Replica], server: Server, clock: ManualClock
) -> None:
    one, two = replicas
    server.away = True
    await clock.advance(RENEW_DEADLINE - 2)
    server.away = False
    await clock.advance(30)
    assert one.may_write()
    assert not two.acting


async def test_a_renewal_whose_answer_was_lost_does_not_count(
    replicas: list[Replica], server: Server, clock: ManualClock
) -> None:
    one, _ = replicas
    server.answers_lost = True
    await _advance_past_ends(clock, RENEW_DEADLINE + RENEW_EVERY)
    assert one.ended == "the Lease was not renewed in time"


async def test_who_got_the_lease_without_hearing_of_it_takes_it_up(
    server: Server, clock: ManualClock
) -> None:
    server.answers_lost = True
    one = Replica(server, clock, "one")
    await settle_tasks()
    assert not one.acting
    assert server.spec["holderIdentity"] == "one"
    server.answers_lost = False
    await clock.advance(RETRY_EVERY)
    assert one.acting
    await one.stop()


async def test_who_is_started_again_takes_up_its_own_lease_at_once(
    server: Server, clock: ManualClock, replicas: list[Replica]
) -> None:
    one, two = replicas
    await clock.advance(7)
    await one.crash()
    again = Replica(server, clock, "one")
    await settle_tasks()
    assert again.acting
    await clock.advance(60)
    assert again.may_write()
    assert not two.acting
    await again.stop()


async def test_clocks_that_differ_change_nothing(server: Server) -> None:
    fast, slow = ManualClock(), ManualClock()
    fast.seconds += 86400
    one = Replica(server, slow, "one")
    await settle_tasks()
    two = Replica(server, fast, "two")
    for _ in range(60):
        await slow.advance(1)
        await fast.advance(1)
    assert one.acting
    assert not two.acting
    await one.stop()
    await two.stop()


async def _advance_past_ends(clock: ManualClock, seconds: float) -> None:
    """Advance, though a process may end on the way (its exception comes out of the timer that found it out)."""
    end = clock.seconds + seconds
    while clock.seconds < end:
        with contextlib.suppress(Ended):
            await clock.advance(end - clock.seconds)
