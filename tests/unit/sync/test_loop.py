from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pba_lab.modelled import Clock, ModelledHAProxy

from pba_sync.balancer import loop as loop_module
from pba_sync.balancer.loop import (
    AWAIT_SECONDS,
    BUSY_SECONDS,
    DOWN_SECONDS,
    IDLE_SECONDS,
    SETTLED_SECONDS,
    Loop,
    LoopHooks,
)
from pba_sync.balancer.planner import Kind, Terms
from pba_sync.balancer.stopping import Stopping
from pba_sync.haproxy.commands import Check
from pba_sync.watching.membership import Node
from pba_sync.watching.view import Board

if TYPE_CHECKING:
    from pba_lab.model import HAProxyModel

Nodes = Callable[..., dict[str, Node]]


class Told:
    """What the loop told its hooks."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, str]] = []
        self.restarts = 0
        self.share = 50
        self.usable = -1
        self.in_step_at = 0.0
        self.joined: list[float] = []

    def change(self, change: Any) -> None:
        self.changes.append((change.kind.value, change.server))

    def restart(self) -> None:
        self.restarts += 1

    def step(self, now: float) -> None:
        self.in_step_at = now

    def passed(self, live: Any) -> None:
        self.usable = sum(server.usable for server in live.values())


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def board(clock: Clock) -> Board:
    return Board(clock)


@pytest.fixture
def loop(haproxy: ModelledHAProxy, board: Board, clock: Clock, told: Told, tmp_path: Path) -> Loop:
    hooks = LoopHooks(
        clock=clock,
        share=lambda: told.share,
        on_pass=told.passed,
        on_change=told.change,
        on_joined=told.joined.append,
        on_restart=told.restart,
        on_step=lambda: told.step(clock()),
    )
    return Loop(haproxy, board, Stopping(tmp_path, 5.0, clock), Terms(30.0, Check(500, 2, 2), 100), hooks)


def test_haproxy_is_left_alone_as_long_as_nothing_is_known(
    loop: Loop, haproxy: ModelledHAProxy, model: HAProxyModel
) -> None:
    model.ask("add server nodes/former ipv4@10.0.0.1:80 check x")
    assert loop.step() == IDLE_SECONDS
    assert list(model.servers) == ["former"]
    assert all(text.startswith("show") for text in haproxy.texts)


def test_ready_nodes_are_in_rotation_after_one_pass(
    loop: Loop, board: Board, nodes: Nodes, model: HAProxyModel, told: Told
) -> None:
    board.publish(nodes(n1="serving", n2="serving"))
    assert loop.step() == IDLE_SECONDS
    assert {name for name, server in model.servers.items() if server.in_rotation} == {"n1", "n2"}
    assert told.changes == [("added", "n1"), ("added", "n2")]
    assert told.usable == 2


def test_haproxy_is_ready_once_it_holds_the_set_and_one_can_serve(
    loop: Loop, board: Board, nodes: Nodes, model: HAProxyModel
) -> None:
    board.publish({})
    loop.step()
    assert not loop.ready
    board.publish(nodes(n1="serving"))
    loop.step()
    assert loop.ready
    assert model.flags == ["ready"]


def test_a_frontend_stays_ready_when_all_nodes_go(
    loop: Loop, board: Board, nodes: Nodes, model: HAProxyModel
) -> None:
    board.publish(nodes(n1="serving"))
    loop.step()
    model.servers["n1"].state = 0
    board.publish({})
    loop.step()
    loop.step()
    assert not model.servers
    assert loop.ready
    assert model.flags == ["ready"]


def test_it_is_told_when_haproxy_is_in_step(
    loop: Loop,
    board: Board,
    nodes: Nodes,
    haproxy: ModelledHAProxy,
    clock: Clock,
    told: Told,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def is_in_step() -> bool:
        clock.now += 1
        loop.step()
        return bool(told.in_step_at == clock.now)

    assert not is_in_step(), "nothing is known"
    board.publish(nodes(n1="serving"))
    assert is_in_step()
    assert is_in_step(), "nothing was to do, and it is still that HAProxy"
    haproxy.reachable = False
    assert not is_in_step()
    haproxy.reachable = True
    assert is_in_step()
    board.publish(nodes(n1="serving", n2="serving"))
    ask = haproxy.model.ask
    with monkeypatch.context() as refusing:
        refusing.setattr(
            haproxy.model, "ask", lambda text: "No." if text.startswith("add server") else ask(text)
        )
        assert not is_in_step(), "a server was refused"
    assert is_in_step()


def test_a_restarted_sidecar_finds_haproxy_ready_without_the_api_server(
    loop: Loop, model: HAProxyModel
) -> None:
    model.flags.append("ready")
    loop.step()
    assert loop.ready


def test_a_restarted_haproxy_is_made_whole_again_before_it_is_ready(
    loop: Loop, board: Board, nodes: Nodes, model: HAProxyModel, told: Told
) -> None:
    board.publish(nodes(n1="serving", n2="serving"))
    loop.step()
    model.restart()
    assert model.flags == []
    loop.step()
    assert {name for name, server in model.servers.items() if server.in_rotation} == {"n1", "n2"}
    assert model.flags == ["ready"]
    assert told.restarts == 1


def test_haproxy_is_not_ready_while_the_first_answer_of_a_name_server_is_awaited_(
    loop: Loop, board: Board, nodes: Nodes
) -> None:
    board.publish(nodes(n1="serving"), frozenset({"old"}), awaited=True)
    loop.step()
    assert not loop.ready
    board.publish(nodes(n1="serving"), frozenset({"old"}), awaited=False)
    loop.step()
    assert loop.ready, "the answer was that there is none"


def test_a_name_server_that_hangs_does_not_keep_haproxy_from_being_ready(
    loop: Loop, board: Board, nodes: Nodes, clock: Clock
) -> None:
    board.publish(nodes(n1="serving"), frozenset({"old"}), awaited=True)
    loop.step()
    clock.sleep(AWAIT_SECONDS)
    loop.step()
    assert loop.ready


def test_a_node_whose_address_is_not_known_any_more_is_left_as_haproxy_has_it(
    loop: Loop, board: Board, nodes: Nodes, model: HAProxyModel
) -> None:
    model.ask("add server nodes/external_old_10.0.0.1:80 ipv4@10.0.0.1:80 check x")
    model.ask("set server nodes/external_old_10.0.0.1:80 state ready")
    board.publish(nodes(n1="serving"), frozenset({"old"}))
    assert loop.step() == IDLE_SECONDS
    assert {name for name, server in model.servers.items() if server.in_rotation} == {
        "n1",
        "external_old_10.0.0.1:80",
    }
    board.publish(nodes(n1="serving"))
    loop.step()
    assert not model.servers["external_old_10.0.0.1:80"].in_rotation, "it is not declared any more"


def test_what_somebody_else_changed_in_haproxy_is_put_right_before_long(
    loop: Loop, board: Board, nodes: Nodes, model: HAProxyModel, haproxy: ModelledHAProxy, clock: Clock
) -> None:
    board.publish(nodes(n1="serving"))
    loop.step()
    haproxy.texts.clear()
    loop.step()
    assert haproxy.texts == ["show info", "show acl virt@flags"], "at rest, little is asked"
    model.ask("set server nodes/n1 state maint")
    clock.now += SETTLED_SECONDS
    loop.step()
    assert model.servers["n1"].in_rotation


def test_nobody_answers_and_then_somebody_does(
    loop: Loop, board: Board, nodes: Nodes, haproxy: ModelledHAProxy, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    board.publish(nodes(n1="serving"))
    haproxy.reachable = False
    assert [loop.step() for _ in range(3)] == [DOWN_SECONDS] * 3
    assert not loop.ready
    haproxy.reachable = True
    loop.step()
    assert loop.ready
    assert [record.message for record in caplog.records] == [
        "no answer from the model",
        "HAProxy answers again",
    ]


def test_a_draining_node_is_looked_at_more_often_until_it_is_gone(
    loop: Loop, board: Board, nodes: Nodes, model: HAProxyModel, clock: Clock, told: Told
) -> None:
    board.publish(nodes(n1="serving", n2="serving"))
    loop.step()
    model.servers["n1"].in_use = 1
    board.publish(nodes(n1="draining", n2="serving"))
    assert [loop.step(), loop.step()] == [BUSY_SECONDS, BUSY_SECONDS]
    assert not model.servers["n1"].in_rotation
    clock.now += 29.9
    loop.step()
    assert model.cut_off == []
    clock.now += 0.2
    assert loop.step() == IDLE_SECONDS
    assert model.cut_off == ["n1"]
    assert list(model.servers) == ["n2"]
    assert told.changes[-1] == (Kind.CUT_OFF.value, "n1")


def test_one_node_that_haproxy_refuses_holds_up_no_other(
    loop: Loop,
    board: Board,
    nodes: Nodes,
    model: HAProxyModel,
    told: Told,
    caplog: pytest.LogCaptureFixture,
) -> None:
    board.publish(nodes(n2="serving"))
    loop.step()
    model.refuse.add("n1")
    board.publish(nodes(n1="serving", n2="serving"))
    loop.step()
    loop.step()
    assert list(model.servers) == ["n2"]
    assert loop.ready
    assert told.changes == [("added", "n2")]
    assert len(caplog.records) == 1, "said once, not in every pass"
    model.refuse.clear()
    loop.step()
    assert set(model.servers) == {"n1", "n2"}


def test_a_newer_view_is_taken_up_in_the_middle_of_a_pass(
    loop: Loop, board: Board, nodes: Nodes, haproxy: ModelledHAProxy, model: HAProxyModel
) -> None:
    board.publish(nodes(n1="serving", n2="serving", n3="serving"))
    ask = model.ask

    def and_n2_leaves(text: str) -> str:
        if text.startswith("add server nodes/n1"):
            board.publish(nodes(n1="serving", n3="serving"))
        return ask(text)

    model.ask = and_n2_leaves  # type: ignore[method-assign]
    loop.step()
    assert list(model.servers) == ["n1"]
    assert not loop.ready, "the set is not complete"
    loop.step()
    assert list(model.servers) == ["n1", "n3"]
    assert not any("nodes/n2" in text for text in haproxy.texts)


def test_a_pod_that_has_moved_is_back_at_once(
    loop: Loop, board: Board, node: Callable[..., Node], model: HAProxyModel
) -> None:
    board.publish({"n1": node("n1")})
    loop.step()
    board.publish({"n1": node("n1", address="10.9.9.9")})
    assert loop.step() == 0
    assert loop.step() == IDLE_SECONDS
    assert model.servers["n1"].in_rotation
    assert model.servers["n1"].address == "10.9.9.9"


def test_a_fault_of_ours_is_logged_and_does_not_end_the_loop(
    loop: Loop, board: Board, nodes: Nodes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    board.publish(nodes(n1="serving"))
    with monkeypatch.context() as broken:
        broken.setattr(loop_module, "plan", lambda *_: 1 / 0)
        assert loop.step() == IDLE_SECONDS
    assert "ZeroDivisionError" in caplog.text
    assert loop.looks.faults == 1
    loop.step()
    assert loop.ready


def test_the_same_fault_is_logged_once_and_counted_each_time(
    loop: Loop, board: Board, nodes: Nodes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    board.publish(nodes(n1="serving"))
    monkeypatch.setattr(loop_module, "plan", lambda *_: 1 / 0)
    for _ in range(3):
        loop.step()
    assert loop.looks.faults == 3
    assert len(caplog.records) == 1


def test_how_long_a_node_has_waited_is_told_once_however_often_haproxy_is_empty(
    loop: Loop, board: Board, nodes: Nodes, model: HAProxyModel, clock: Clock, told: Told
) -> None:
    board.publish(nodes(n1="serving"))
    clock.sleep(0.02)
    loop.step()
    clock.sleep(3600)
    model.restart()
    loop.step()
    loop.step()
    assert set(model.servers) == {"n1"}
    board.publish(nodes(n1="serving", n2="serving"))
    clock.sleep(0.03)
    loop.step()
    assert told.joined == pytest.approx([0.02, 0.03])


def test_a_pass_is_noted_when_it_ends_whatever_came_of_it(
    loop: Loop, haproxy: ModelledHAProxy, clock: Clock
) -> None:
    haproxy.reachable = False
    clock.now += 5
    loop.step()
    assert loop.looks.ended_at == clock.now


def test_every_server_has_this_frontends_share_and_hears_of_another_one(
    loop: Loop, board: Board, haproxy: ModelledHAProxy, model: HAProxyModel, nodes: Nodes, told: Told
) -> None:
    board.publish(nodes(n1="serving", n2="serving"))
    loop.step()
    assert {name: server.limit for name, server in model.servers.items()} == {"n1": 50, "n2": 50}
    assert not [text for text in haproxy.texts if text.startswith("set maxconn")], "they were added with it"
    told.share = 25
    loop.step()
    assert {server.limit for server in model.servers.values()} == {25}
    haproxy.texts.clear()
    loop.step()
    assert not [text for text in haproxy.texts if text.startswith("set maxconn")], "once"


def test_a_sidecar_that_restarts_tells_the_share_again(
    loop: Loop, board: Board, model: HAProxyModel, nodes: Nodes
) -> None:
    model.ask("add server nodes/n1 ipv4@10.0.0.1:8080 check x weight 128 maxconn 7")
    board.publish(nodes(n1="serving"))
    loop.step()
    assert model.servers["n1"].limit == 50


def test_a_server_that_has_gone_is_forgotten(
    loop: Loop, board: Board, model: HAProxyModel, nodes: Nodes
) -> None:
    """One of the same name is told again: pods come and go for years."""
    board.publish(nodes(n1="serving", n2="serving"))
    loop.step()
    board.publish(nodes(n2="serving"))
    for _ in range(3):
        loop.step()
    assert list(model.servers) == ["n2"]
    model.ask("add server nodes/n1 ipv4@10.0.0.1:8080 check x weight 128 maxconn 7")
    board.publish(nodes(n1="serving", n2="serving"))
    loop.step()
    assert model.servers["n1"].limit == 50
