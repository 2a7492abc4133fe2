"""The operator's HAProxy configuration in the real HAProxy, the sidecar's own loop, and small native nodes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from pba_lab import Clients, HAProxyProcess, Node
from pba_lab.haproxy import started
from pba_lab.making import NewFrontend, NewNodes, NewSidecar
from pba_lab.patience import eventually_async
from pba_lab.shop import shop
from pba_lab.sidecar_loop import TERMS, Lookup, SidecarLoop, unknown
from pba_lab.websocket import EchoNode
from pba_lab.witness import Witness

from pba_operator.domain.frontend import haproxy_cfg


@pytest.fixture(scope="session")
def render() -> Callable[..., str]:
    """Make haproxy.cfg as in the pod, for a `frontend` and an application with these facts."""

    def make(**facts: Any) -> str:
        return haproxy_cfg.render(shop("default", **facts))

    return make


@pytest.fixture
def configuration(render: Callable[..., str]) -> str:
    """haproxy.cfg of an application without peculiarities."""
    return render()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path: a UNIX socket's path has at most 107 characters."""
    with TemporaryDirectory(prefix="lab-") as name:
        yield Path(name)


@pytest.fixture
def haproxy(configuration: str, folder: Path) -> Iterator[HAProxyProcess]:
    process = HAProxyProcess(configuration, folder)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def new_sidecar(haproxy: HAProxyProcess) -> Iterator[NewSidecar]:
    started = []

    def start(lookup: Lookup = unknown, **terms: Any) -> SidecarLoop:
        started.append(SidecarLoop(haproxy, replace(TERMS, **terms), lookup))
        return started[-1]

    yield start
    for sidecar in started:
        sidecar.kill()


@pytest.fixture
async def new_frontend() -> AsyncIterator[NewFrontend]:
    ended = ExitStack()

    async def start(
        *nodes: Node, pod_ips: str = "127.0.0.1", pages: Mapping[str, str] | None = None, **fields: Any
    ) -> HAProxyProcess:
        cluster, pages = shop("default", fields), pages or {}
        text, files = haproxy_cfg.render(cluster, pages), haproxy_cfg.files(cluster, pages)
        process = ended.enter_context(started(text, files, pod_ips))
        if nodes:
            sidecar = SidecarLoop(process, TERMS)
            ended.callback(sidecar.kill)
            sidecar.tell(list(nodes))
            await eventually_async(lambda: sidecar.loop.ready)
        return process

    yield start
    ended.close()


@pytest.fixture
async def echo() -> AsyncIterator[EchoNode]:
    async with EchoNode("echo") as node:
        yield node


@pytest.fixture
async def witness() -> AsyncIterator[Witness]:
    async with Witness("witness") as node:
        yield node


@pytest.fixture
async def new_nodes() -> AsyncIterator[NewNodes]:
    started: list[Node] = []

    async def start(count: int, **options: Any) -> list[Node]:
        nodes = [Node(f"node-{len(started) + number}", **options) for number in range(count)]
        for node in nodes:
            await node.start()
        started.extend(nodes)
        return nodes

    yield start
    for node in started:
        node.kill()


@pytest.fixture
def delay_seconds() -> float:
    """How long `node` takes for an answer; a file of tests may have another."""
    return 0.0


@pytest.fixture
async def node(new_sidecar: NewSidecar, new_nodes: NewNodes, delay_seconds: float) -> Node:
    """The only node of the sidecar that stands beside `haproxy`."""
    (only,) = await new_nodes(1, delay_seconds=delay_seconds)
    sidecar = new_sidecar()
    sidecar.tell([only])
    await eventually_async(lambda: sidecar.loop.ready)
    return only


@pytest.fixture
def clients(haproxy: HAProxyProcess) -> Clients:
    return Clients("127.0.0.1", haproxy.port)
