"""A sidecar that starts without the API server beside an HAProxy that starts, too: the last view is what there is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pba_lab.model import HAProxyModel
from pba_lab.modelled import Clock, ModelledHAProxy

from pba_sync.balancer import loop as loop_module
from pba_sync.balancer.loop import Loop, LoopHooks
from pba_sync.balancer.planner import Terms
from pba_sync.balancer.recollection import RECALL_SECONDS
from pba_sync.balancer.stopping import Stopping
from pba_sync.haproxy.commands import Check
from pba_sync.watching.membership import Node
from pba_sync.watching.memory import FILE, Kept, Memory
from pba_sync.watching.view import Board

Nodes = Callable[..., dict[str, Node]]
Sidecar = tuple[Board, Loop]


@pytest.fixture
def frontends() -> list[str]:
    """The others."""
    return []


@pytest.fixture
def start(
    haproxy: ModelledHAProxy, clock: Clock, tmp_path: Path, frontends: list[str]
) -> Callable[[], Sidecar]:
    """Start a sidecar of the same pod."""

    def begin() -> Sidecar:
        board, memory = Board(clock), Memory(tmp_path, clock)
        hooks = LoopHooks(
            clock=clock, share=lambda: 100 // (1 + len(frontends)), keep=memory.keep, recall=memory.recall
        )
        terms = Terms(30.0, Check(500, 2, 2), 100)
        return board, Loop(haproxy, board, Stopping(tmp_path, 5.0, clock), terms, hooks)

    return begin


def test_an_haproxy_without_nodes_gets_those_that_were_known_last(
    start: Callable[[], Sidecar], nodes: Nodes, model: HAProxyModel, clock: Clock, frontends: list[str]
) -> None:
    board, loop = start()
    board.publish(nodes(n1="serving", n2="serving", n3="draining"))
    loop.step()
    frontends.append("another")
    loop.step()
    frontends.clear()  # it is not heard of any more
    board, loop = start()
    model.restart()
    loop.step()
    assert not model.servers, "the API server is waited for"
    clock.sleep(RECALL_SECONDS)
    loop.step()
    loop.step()
    assert {name: server.limit for name, server in model.servers.items()} == {"n1": 50, "n2": 50}
    assert not loop.ready, "nobody has asked them yet"
    model.servers["n2"].found(well=True)
    loop.step()
    assert loop.ready
    board.publish(nodes(n2="serving", n4="serving"))
    loop.step()
    assert {name for name, server in model.servers.items() if server.in_rotation} == {"n2", "n4"}


def test_a_fault_of_ours_does_not_have_it_forgotten(
    start: Callable[[], Sidecar],
    nodes: Nodes,
    model: HAProxyModel,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    board, loop = start()
    board.publish(nodes(n1="serving"))
    loop.step()
    _, loop = start()
    model.restart()
    clock.sleep(RECALL_SECONDS)
    loop.step()
    with monkeypatch.context() as broken:
        broken.setattr(loop_module, "plan", lambda *_: 1 / 0)
        loop.step()
    assert loop.looks.faults == 1
    loop.step()
    assert set(model.servers) == {"n1"}


def test_an_haproxy_that_has_nodes_is_left_alone(
    start: Callable[[], Sidecar], nodes: Nodes, model: HAProxyModel, clock: Clock
) -> None:
    board, loop = start()
    board.publish(nodes(n1="serving"))
    loop.step()
    _, loop = start()
    clock.sleep(RECALL_SECONDS)
    del model.servers["n1"]
    model.ask("add server nodes/other ipv4@10.0.0.9:80 check x")
    model.ask("set server nodes/other state ready")
    loop.step()
    assert set(model.servers) == {"other"}
    model.restart()
    loop.step()
    loop.step()
    assert set(model.servers) == {"n1"}


def test_a_new_pod_has_nothing_to_recall(
    start: Callable[[], Sidecar], model: HAProxyModel, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    _, loop = start()
    clock.sleep(RECALL_SECONDS)
    loop.step()
    assert not model.servers
    assert not caplog.messages


def test_all_that_is_known_of_nodes_is_kept(tmp_path: Path, nodes: Nodes, clock: Clock) -> None:
    board, memory = Board(clock), Memory(tmp_path, clock)
    told = nodes(n1="serving", n2="draining", n3="unready", n4="drained")
    board.publish(
        told | {"v6": Node("v6", "fd00::1", 80, told["n2"].state, keeps_clients=True)}, frozenset(["out"])
    )
    assert board.view is not None
    memory.keep(board.view, 33)
    unproven = {name: replace(node, proven=False) for name, node in board.view.nodes.items()}
    assert memory.recall() == Kept(replace(board.view, nodes=unproven), 33), "nobody calls them ready now"
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


NODE = {"name": "a", "address": "10.0.0.1", "port": 1, "state": "serving", "keeps_clients": False}


def kept(**changed: Any) -> str:
    return json.dumps({"nodes": [NODE | changed], "unresolved": [], "requests": 100})


def test_such_a_node_makes_sense(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / FILE).write_text(kept())
    recalled = Memory(tmp_path, clock).recall()
    assert recalled is not None
    assert list(recalled.view.nodes) == ["a"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"nodes": []}',
        '{"nodes": [1], "unresolved": []}',
        '{"nodes": [], "unresolved": [], "requests": 0}',
        kept(name="a b"),
        kept(address="x"),
        kept(address=3232235777),
        kept(port=0),
        kept(state="well"),
        kept(keeps_clients=1),
    ],
)
def test_what_makes_no_sense_is_not_believed(
    tmp_path: Path, clock: Clock, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_text(text)
    assert Memory(tmp_path, clock).recall() is None
    assert "the view of the nodes that was kept makes no sense" in caplog.text


def test_a_view_that_cannot_be_kept_is_told_once(
    tmp_path: Path, clock: Clock, nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    board, memory = Board(clock), Memory(tmp_path / "nowhere", clock)
    board.publish(nodes(n1="serving"))
    assert board.view is not None
    for _ in range(2):
        memory.keep(board.view, 100)
    assert len(caplog.messages) == 1
    assert "cannot be kept" in caplog.text
