"""The sidecar against a model of HAProxy, a board that tests write on, and a clock that they move."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pba_lab.model import HAProxyModel
from pba_lab.modelled import Clock, ModelledHAProxy, Watched

from pba_sync.balancer.loop import Loop, LoopHooks
from pba_sync.balancer.metrics import Metrics
from pba_sync.balancer.planner import Terms
from pba_sync.balancer.stopping import Stopping
from pba_sync.haproxy.commands import Check
from pba_sync.watching.membership import Node, NodeState
from pba_sync.watching.view import Board


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def model() -> HAProxyModel:
    return HAProxyModel()


@pytest.fixture
def haproxy(model: HAProxyModel) -> ModelledHAProxy:
    return ModelledHAProxy(model)


@pytest.fixture
def watched(haproxy: ModelledHAProxy, clock: Clock, tmp_path: Path) -> Watched:
    board = Board(clock)
    metrics = Metrics(board, clock)
    hooks = LoopHooks(
        clock=clock,
        share=lambda: 100,
        on_pass=metrics.haproxy.on_pass,
        on_plan=metrics.nodes.on_plan,
        on_change=metrics.haproxy.on_change,
        on_joined=metrics.nodes.on_joined,
        on_restart=metrics.haproxy.on_restart,
    )
    terms = Terms(30.0, Check(500, 2, 2), 100)
    return Watched(board, metrics, Loop(haproxy, board, Stopping(tmp_path, 5.0, clock), terms, hooks))


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
