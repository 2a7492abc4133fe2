"""The sidecar against a model of HAProxy, a board that tests write on, and a clock that they move."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pba_lab.model import HAProxyModel

from pba_sync.balancer.loop import Loop, LoopHooks
from pba_sync.balancer.metrics import Metrics
from pba_sync.balancer.planner import Terms
from pba_sync.balancer.stopping import Stopping
from pba_sync.haproxy.commands import Check
from pba_sync.haproxy.errors import HAProxyUnreachableError
from pba_sync.haproxy.runtime import HAProxy
from pba_sync.watching.membership import Node, NodeState
from pba_sync.watching.view import Board


class Clock:
    """Monotonic seconds that stand still until a test moves them."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class ModelledHAProxy(HAProxy):
    """The client of the runtime API, with the model behind it instead of a socket."""

    def __init__(self, model: HAProxyModel) -> None:
        self.verbs: list[tuple[str, bool]] = []
        super().__init__(Path("/nowhere"), 1, lambda verb, succeeded: self.verbs.append((verb, succeeded)))
        self.model = model
        self.texts: list[str] = []
        self.reachable = True

    def _exchange(self, text: str, _most: int | None = None) -> str:
        if not self.reachable:
            raise HAProxyUnreachableError("no answer from the model")
        self.texts.append(text)
        return self.model.ask(text)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def model() -> HAProxyModel:
    return HAProxyModel()


@pytest.fixture
def haproxy(model: HAProxyModel) -> ModelledHAProxy:
    return ModelledHAProxy(model)


@dataclass(frozen=True)
class Watched:
    """A loop that tells metrics of all that it does, and the board that it reads."""

    board: Board
    metrics: Metrics
    loop: Loop


@pytest.fixture
def watched(haproxy: ModelledHAProxy, clock: Clock, tmp_path: Path) -> Watched:
    board = Board(clock)
    metrics = Metrics(board, clock)
    hooks = LoopHooks(
        clock, metrics.on_pass, metrics.on_plan, metrics.on_change, metrics.on_restart, lambda: 100
    )
    terms = Terms(30.0, Check(500, 2, 2), 100)
    return Watched(board, metrics, Loop(haproxy, board, Stopping(tmp_path, clock), terms, hooks))


@pytest.fixture
def node() -> Callable[..., Node]:
    def make(name: str, state: str = "serving", address: str = "", port: int = 8080) -> Node:
        number = int("".join(filter(str.isdigit, name)) or "1")
        return Node(name, address or f"10.0.0.{number}", port, NodeState(state))

    return make


@pytest.fixture
def nodes(node: Callable[..., Node]) -> Callable[..., dict[str, Node]]:
    def make(**states: str) -> dict[str, Node]:
        return {name: node(name, state) for name, state in states.items()}

    return make


@pytest.fixture
def endpoint() -> Callable[..., dict[str, Any]]:
    def make(name: str, address: str, **conditions: Any) -> dict[str, Any]:
        return {
            "addresses": [address],
            "conditions": conditions or {"ready": True, "serving": True, "terminating": False},
            "targetRef": {"kind": "Pod", "name": name, "namespace": "default"},
        }

    return make


@pytest.fixture
def endpoint_slice() -> Callable[..., dict[str, Any]]:
    def make(*endpoints: Mapping[str, Any], port: int = 8080, family: str = "IPv4") -> dict[str, Any]:
        return {
            "metadata": {"name": "slice", "resourceVersion": "5"},
            "addressType": family,
            "endpoints": list(endpoints),
            "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
        }

    return make
