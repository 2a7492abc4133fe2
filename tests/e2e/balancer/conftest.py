"""The operator's HAProxy configuration in the real HAProxy, the sidecar's own loop, and small native nodes."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from pba_lab import Clients, HAProxyProcess, Node

from pba_api.parse import parse_spec
from pba_hack.waiting import wait_for_async
from pba_operator.domain.frontend import haproxy_cfg
from pba_operator.domain.model import Cluster
from pba_sync.balancer.loop import Loop, LoopHooks
from pba_sync.balancer.membership import Node as Member
from pba_sync.balancer.membership import NodeState
from pba_sync.balancer.planner import Change
from pba_sync.balancer.runtime import HAProxy
from pba_sync.balancer.stopping import Stopping
from pba_sync.balancer.view import Board

DEADLINE_SECONDS = 20.0
SPEC = {
    "database": {"image": "mysql:9.7.4", "storage": {"size": "1Gi"}},
    "backend": {},
    "frontend": {"image": "haproxy:3.0.11"},
}


class Sidecar:
    """The sidecar's loop in a thread of its own; the test says which nodes there are."""

    def __init__(self, haproxy: HAProxyProcess, drain_seconds: float) -> None:
        self.commands: Counter[tuple[str, bool]] = Counter()
        self.changes: list[Change] = []
        self.restarts = 0
        self.board = Board(time.monotonic)
        self.loop = Loop(
            HAProxy(haproxy.socket, 5, lambda verb, succeeded: self.commands.update([(verb, succeeded)])),
            self.board,
            Stopping(haproxy.folder, time.monotonic),
            drain_seconds,
            LoopHooks(
                time.monotonic, lambda _: None, lambda change, _: self.changes.append(change), self._restarted
            ),
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _restarted(self) -> None:
        self.restarts += 1

    def _run(self) -> None:
        while not self._stop.is_set():
            version = self.board.version
            self.board.wait(version, self.loop.step())

    def tell(self, serving: list[Node], draining: list[Node] | None = None) -> None:
        """Say which nodes there are, as the EndpointSlices would."""
        states = {NodeState.SERVING: serving, NodeState.DRAINING: draining or []}
        self.board.publish(
            {
                node.name: Member(node.name, node.address, node.port, state)
                for state, nodes in states.items()
                for node in nodes
            }
        )

    def kill(self) -> None:
        """End between two passes, and never come back."""
        self._stop.set()
        # Another view wakes the thread; it ends before it acts on it.
        self.board.publish({"end": Member("end", "10.0.0.1", 1, NodeState.DRAINING)})
        self._thread.join()

    def refused(self) -> list[str]:
        """Return the commands that HAProxy refused."""
        return [verb for (verb, succeeded), count in self.commands.items() if count and not succeeded]


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], Awaitable[None]]:
    """Wait for a condition; fail at the deadline."""

    async def wait(condition: Callable[[], Any], seconds: float = DEADLINE_SECONDS) -> None:
        await wait_for_async("the condition to hold", condition, seconds, poll_seconds=0.005)

    return wait


@pytest.fixture(scope="session")
def render() -> Callable[..., str]:
    """Make haproxy.cfg as in the pod, for an application with these facts."""

    def make(**application: Any) -> str:
        spec = {**SPEC, "application": {"image": "app:1", **application}}
        return haproxy_cfg.render(Cluster("default", "shop", "uid", 1, False, (), parse_spec(spec), {}))

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
def new_sidecar(haproxy: HAProxyProcess) -> Iterator[Callable[..., Sidecar]]:
    started = []

    def start(drain_seconds: float = 30.0) -> Sidecar:
        started.append(Sidecar(haproxy, drain_seconds))
        return started[-1]

    yield start
    for sidecar in started:
        sidecar.kill()


@pytest.fixture
async def new_nodes() -> AsyncIterator[Callable[..., Awaitable[list[Node]]]]:
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
