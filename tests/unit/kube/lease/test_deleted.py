"""The Lease is deleted by somebody while two operators run: still never do two act."""

from __future__ import annotations

import contextlib

from pba_simulation.leases import LEASE, Ended, Replica, Server
from pba_simulation.time import ManualClock

from pba_operator.kube.lease import DURATION, RENEW_EVERY


async def test_a_lease_that_somebody_deletes_is_not_taken_while_its_holder_may_act(
    replicas: list[Replica], server: Server, clock: ManualClock
) -> None:
    one, two = replicas
    await clock.advance(7)
    server.api.delete_as(LEASE)
    both = 0.0
    end = clock.seconds + 2 * DURATION
    while clock.seconds < end:
        with contextlib.suppress(Ended):
            await clock.advance(0.25)
        both += 0.25 * (two.may_write() and one.ended == "" and one.elector.holds)
    assert both == 0.0, f"two acted for {both} s"


async def test_the_holder_of_a_lease_that_somebody_deletes_ends_when_it_would_renew_it(
    replicas: list[Replica], server: Server, clock: ManualClock
) -> None:
    one, _ = replicas
    await clock.advance(7)
    assert one.may_write()
    server.api.delete_as(LEASE)
    with contextlib.suppress(Ended):
        await clock.advance(RENEW_EVERY)
    assert one.ended == "the Lease was deleted"
