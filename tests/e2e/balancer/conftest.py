"""The operator's HAProxy configuration in the real HAProxy, the sidecar's own loop, and small native nodes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from pba_lab import Clients, HAProxyProcess, Node
from pba_lab.making import NewNodes, NewSidecar
from pba_lab.shop import shop
from pba_lab.sidecar_loop import TERMS, Lookup, SidecarLoop, unknown

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
def clients(haproxy: HAProxyProcess) -> Clients:
    return Clients("127.0.0.1", haproxy.port)
