"""A frontend, or a silent connection, goes behind a proxy: each request is sent, executed and answered once.

The proxy reaches the frontends through a Service's address: nobody tells it of pods, and a connection that it keeps
stays with its pod.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Final

import pytest
from pba_lab import Clients, Node
from pba_lab.haproxy import started
from pba_lab.in_front import ENVOY, NGINX, NewInFront
from pba_lab.making import NewNodes
from pba_lab.patience import eventually_async
from pba_lab.service import Service
from pba_lab.shop import shop
from pba_lab.sidecar_loop import TERMS, SidecarLoop

from pba_operator.domain.frontend import haproxy_cfg

TRUSTED: Final = {"trustedProxyCIDRs": ["127.0.0.1/32"]}
WAY_SECONDS: Final = 0.1
"""So long a packet takes in the tests of what crosses on the way."""
SILENT_SECONDS: Final = 4
"""So long a client may be silent there; a frontend keeps its connection for a quarter more, 0.8 s after what is sent
just in time has come."""


class Frontend:
    """One of several."""

    def __init__(self, nodes: list[Node], timeouts: dict[str, int], ended: ExitStack) -> None:
        cluster = shop("default", {"timeouts": timeouts, **TRUSTED})
        self.process = ended.enter_context(started(haproxy_cfg.render(cluster), haproxy_cfg.files(cluster)))
        self.sidecar = SidecarLoop(self.process, TERMS)
        ended.callback(self.sidecar.kill)
        self.sidecar.tell(nodes)

    async def begin_to_go(self) -> None:
        """Begin as the preStop hook does."""
        (self.process.folder / "stopping").touch()
        await eventually_async(lambda: "stopping" in self.sidecar.haproxy.flags())

    async def go(self) -> None:
        """Wait as the hook does, and end."""
        await eventually_async((self.process.folder / "drained").exists)
        await asyncio.to_thread(self.process.stop)


@pytest.fixture
async def nodes(new_nodes: NewNodes) -> list[Node]:
    return await new_nodes(2, delay_seconds=0.01)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    made = Service()
    await made.start()
    yield made
    await made.end()


async def frontends(
    count: int, nodes: list[Node], service: Service, ended: ExitStack, **timeouts: int
) -> list[Frontend]:
    made = [Frontend(nodes, timeouts, ended) for _ in range(count)]
    await eventually_async(lambda: all(one.sidecar.loop.ready for one in made))
    service.pods = [one.process.port for one in made]
    return made


async def test_a_frontend_that_goes_costs_no_request_though_the_proxy_keeps_connections_to_it(
    new_in_front: NewInFront, nodes: list[Node], service: Service
) -> None:
    with ExitStack() as ended:
        going, staying = await frontends(2, nodes, service, ended)
        front = await new_in_front(service.port, idle_seconds=1.5)
        clients, crowd = (Clients("127.0.0.1", front.port) for _ in range(2))
        # A crowd leaves connections behind that nobody needs then.
        crowd.start(20)
        clients.start(4)
        await eventually_async(lambda: crowd.sent > 200)
        await crowd.stop()
        kept = going.process.frontend_sessions()
        await going.begin_to_go()
        service.pods = [staying.process.port]
        going.sidecar.ahead_seconds = 15.0  # late enough to tell clients of HTTP/2
        await going.go()
        answered = len(clients.answered)
        await eventually_async(lambda: len(clients.answered) > answered + 100)
        await clients.stop()
    assert kept
    assert (crowd.failed, clients.failed) == ({}, {})
    executed: Counter[str] = sum((node.executed for node in nodes), Counter())
    # Both begin to count at the same number; what both have sent was executed twice.
    assert executed == Counter([*crowd.answered, *clients.answered])


@pytest.mark.parametrize("proxy", [NGINX, ENVOY], indirect=True)
async def test_a_proxy_that_keeps_connections_no_longer_than_clients_may_be_silent_loses_nothing(
    new_in_front: NewInFront, nodes: list[Node], service: Service
) -> None:
    """What crosses the frontend's end of a silent connection is lost: of POSTs nobody may repeat it."""
    with ExitStack() as ended:
        await frontends(1, nodes, service, ended, clientSeconds=SILENT_SECONDS)
        service.delay_seconds = WAY_SECONDS
        # An answer has been on its way for WAY_SECONDS when the client gets it, and what is asked then arrives after as
        # long: in the one case just when the frontend has closed, and before the proxy knows; in the other just before
        # the proxy would have closed.
        longer, shorter = [
            Clients("127.0.0.1", front.port, methods=("POST",), pause_seconds=pause_seconds)
            for front, pause_seconds in [
                (await new_in_front(service.port, idle_seconds=50.0), 1.25 * SILENT_SECONDS - WAY_SECONDS),
                (await new_in_front(service.port, idle_seconds=SILENT_SECONDS), SILENT_SECONDS - 0.03),
            ]
        ]
        for clients in (longer, shorter):
            clients.start(5)
        await eventually_async(lambda: longer.failed and min(longer.sent, shorter.sent) >= 10)
        await asyncio.gather(longer.stop(), shorter.stop())
    assert shorter.failed == {}
