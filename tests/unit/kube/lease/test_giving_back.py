"""A clean end gives the Lease back, whenever it comes: another acts at once."""

from __future__ import annotations

import asyncio

import pytest
from pba_simulation.leases import LEASE, Replica, Server
from pba_simulation.time import ManualClock, settle_tasks

from pba_operator.kube.lease import RENEW_EVERY, RETRY_EVERY


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
