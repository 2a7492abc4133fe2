"""The process: a part that dies takes the rest with it, in order, and the Lease is given back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from pba_simulation.time import ManualClock

from pba_hack.loopback import free_port
from pba_hack.waiting import wait_for_async
from pba_operator.engine.assembly import Engine
from pba_operator.engine.configuration import Configuration
from pba_operator.engine.metrics import Metrics
from pba_operator.engine.process import Process
from pba_operator.kube import lease
from pba_operator.kube.client import Client
from pba_operator.kube.credentials import Credentials
from pba_operator.program import domain_for

STOP_SECONDS = "pba_operator.engine.process.STOP_SECONDS"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/ops/leases"


class LeaseServer:
    """An API server that holds one Lease, and nothing else."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.fails = False
        self.answers = asyncio.Event()
        """What is written into the Lease is answered only while this is set."""
        self.answers.set()
        self.port = free_port()

    @property
    def holder(self) -> str | None:
        return None if self.lease is None else self.lease["spec"]["holderIdentity"]

    async def answer(self, request: web.Request) -> web.Response:
        if not request.path.startswith(LEASES):
            return web.json_response({"kind": "List", "metadata": {}, "items": []})
        if self.fails:
            return web.json_response({"kind": "Status", "message": "no"}, status=500)
        if request.method in ("POST", "PUT"):
            self.lease = await request.json()
            await self.answers.wait()
        if self.lease is None:
            return web.json_response({"kind": "Status", "reason": "NotFound"}, status=404)
        return web.json_response(self.lease)


@pytest.fixture
async def server() -> AsyncIterator[LeaseServer]:
    made = LeaseServer()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", made.port).start()
    yield made
    made.answers.set()
    await runner.cleanup()


@pytest.fixture
async def process(server: LeaseServer) -> Process:
    configuration = Configuration((), "ops", "pba-operator", "me", free_port(), "sync:1", "Always", "INFO")

    def build(client: Client) -> Engine:
        return Engine(
            kube=client,
            domain=domain_for(configuration),
            accounts=None,  # type: ignore[arg-type]  # nobody asks MySQL here
            material=None,  # type: ignore[arg-type]  # nor makes Secrets
            clock=ManualClock(),
            jitter=lambda: 0.0,
            metrics=Metrics(),
        )

    credentials = Credentials(f"http://127.0.0.1:{server.port}", None, lambda: None)
    return Process(configuration, credentials, ManualClock(), build)


async def _leading(process: Process, server: LeaseServer) -> None:
    await process.start()
    await wait_for_async("the process to act", lambda: process.engine.health.acting, 30)
    assert server.holder == "me"


async def test_workers_that_die_end_the_process_and_give_the_lease_back(
    process: Process, server: LeaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die() -> None:
        raise RuntimeError("a worker's own mistake")

    monkeypatch.setattr(process.engine.workers, "run", die)
    await _leading(process, server)
    async with asyncio.timeout(30):
        await process.died.wait()
    await process.stop()
    assert server.holder == ""
    assert not {"workers", "lease", "resync"} & {task.get_name() for task in asyncio.all_tasks()}
    assert process._session.closed


async def test_a_stop_ends_everything_and_a_second_one_does_nothing(
    process: Process, server: LeaseServer
) -> None:
    await _leading(process, server)
    await process.stop()
    assert server.holder == ""
    server.lease = None
    await process.stop()
    assert server.lease is None
    assert not process.died.is_set()


async def test_a_lease_that_cannot_be_given_back_keeps_nothing_open(
    process: Process, server: LeaseServer, caplog: pytest.LogCaptureFixture
) -> None:
    await _leading(process, server)
    server.fails = True
    await process.stop()
    assert server.holder == "me"
    assert "lease not given back" in caplog.text
    assert process._session.closed


async def test_a_lease_that_is_not_given_back_in_time_keeps_nothing_open(
    process: Process, server: LeaseServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _leading(process, server)
    monkeypatch.setattr(lease, "REQUEST_SECONDS", 0.1)  # of the end only: the client keeps its five seconds
    monkeypatch.setattr(STOP_SECONDS, 0.1)
    server.answers.clear()
    async with asyncio.timeout(3):
        await process.stop()
    assert "lease not given back" in caplog.text
    assert process._session.closed


async def test_giving_the_lease_back_has_time_of_its_own(
    process: Process, server: LeaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _leading(process, server)
    monkeypatch.setattr(lease, "REQUEST_SECONDS", 0.0)  # for a request that is under way: there is none
    monkeypatch.setattr(STOP_SECONDS, 30.0)
    await process.stop()
    assert server.holder == ""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a request for the Lease end after a moment."""
    monkeypatch.setattr(lease, "REQUEST_SECONDS", 0.3)


async def _stop_while_asking(process: Process, server: LeaseServer) -> asyncio.Task[None]:
    """Tell the process to stop when it holds the Lease, and was not told yet."""
    server.answers.clear()
    await process.start()
    await wait_for_async("the Lease to be asked for", lambda: server.holder == "me", 30)
    return asyncio.create_task(process.stop())


async def test_a_stop_waits_for_the_answer_about_the_lease_and_gives_it_back(
    process: Process, server: LeaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(STOP_SECONDS, 0.1)  # for giving it back, not for the answer
    stopping = await _stop_while_asking(process, server)
    done, _ = await asyncio.wait({stopping}, timeout=0.2)
    assert not done, "it does not know what it would give back"
    server.answers.set()
    async with asyncio.timeout(30):
        await stopping
    assert server.holder == ""
    assert not process.engine.health.acting
    assert process._session.closed


@pytest.mark.usefixtures("impatient")
async def test_an_answer_about_the_lease_that_never_comes_keeps_nothing_open(
    process: Process, server: LeaseServer, caplog: pytest.LogCaptureFixture
) -> None:
    stopping = await _stop_while_asking(process, server)
    async with asyncio.timeout(5):
        await stopping
    assert "lease not given back" in caplog.text
    assert process._session.closed


@pytest.mark.usefixtures("impatient")
async def test_a_request_for_the_lease_that_hangs_leaves_time_for_another(
    process: Process, server: LeaseServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers.clear()
    await process.start()
    await wait_for_async("the request to be given up", lambda: "lease not written" in caplog.text, 5)
    server.answers.set()
    await process.stop()
    assert server.holder == "", "it was written, though nobody was told so"
