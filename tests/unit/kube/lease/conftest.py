from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from pba_simulation.leases import Replica, Server
from pba_simulation.time import ManualClock, settle_tasks


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
