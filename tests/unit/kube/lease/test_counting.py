"""A holder counts from the moment at which it sent its last renewal that was answered, not from the answer."""

from __future__ import annotations

import contextlib

from pba_simulation.leases import Ended, Replica, Server
from pba_simulation.time import ManualClock, settle_tasks

from pba_operator.kube.lease import RENEW_DEADLINE, RENEW_EVERY


async def test_a_renewal_that_is_answered_late_counts_from_when_it_was_sent(
    replicas: list[Replica], server: Server, clock: ManualClock
) -> None:
    one, _ = replicas
    server.answers.clear()
    await clock.advance(RENEW_EVERY)  # it is sent, and done
    await clock.advance(4)
    server.answers.set()
    await settle_tasks()
    one.line.cut = True
    with contextlib.suppress(Ended):
        await clock.advance(RENEW_DEADLINE - 4)
    assert not one.elector.holds
