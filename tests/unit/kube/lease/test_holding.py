"""Who holds the Lease, and when another may: never do two act."""

from __future__ import annotations

import contextlib

import pytest
from pba_simulation.leases import LEASE, Ended, Replica, Server
from pba_simulation.time import ManualClock, settle_tasks

from pba_operator.kube.lease import DURATION, RENEW_DEADLINE, RENEW_EVERY, RETRY_EVERY


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


async def test_after_a_crash_another_acts_within_twenty_seconds(
    replicas: list[Replica], clock: ManualClock
) -> None:
    one, two = replicas
    await one.crash()
    await clock.advance(DURATION - 1)
    assert not two.acting
    await clock.advance(5)
    assert two.acting


@pytest.mark.parametrize(
    ("announced", "kept"),
    [
        pytest.param(60, 60.0, id="longer"),
        pytest.param(1, DURATION, id="shorter"),
        pytest.param(None, DURATION, id="nothing"),
    ],
)
async def test_a_silent_holder_keeps_the_lease_as_long_as_it_announced_and_as_long_as_one_of_ours(
    server: Server, clock: ManualClock, announced: int | None, kept: float
) -> None:
    server.api.create_as(
        "somebody",
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": LEASE.kind,
            "metadata": {"name": LEASE.name, "namespace": LEASE.namespace},
            "spec": {"holderIdentity": "somebody", "leaseDurationSeconds": announced},
        },
    )
    one = Replica(server, clock, "one")
    await settle_tasks()
    await clock.advance(kept - RETRY_EVERY)
    assert not one.acting
    await clock.advance(RETRY_EVERY)
    assert one.acting
    await one.stop()


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
